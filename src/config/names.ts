/** Names that nobody reads: a typing error must not pass for a setting. */
import { VENDORS } from '../sms/vendors.ts';
import type { Mistake } from './mistakes.ts';
import { SETTINGS, type Setting } from './settings.ts';

/** First words of our variables that many programs use. A name that begins with one of them may be somebody else's. */
const SHARED = new Set(['DEFAULT', 'GRPC', 'HTTP', 'LOG', 'NODE', 'OPS', 'REFLECTION']);
const wordOf = (name: string) => name.split('_', 1)[0] ?? '';
const OURS = new Set(SETTINGS.map(({ env }) => wordOf(env)).filter((word) => !SHARED.has(word)));

/** What Kubernetes sets in every pod for each Service of the namespace. */
const KUBERNETES = /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_\w+)?)$/;

const KNOWN: ReadonlySet<string> = new Set(['COUNTERSIGN_CONFIG', ...SETTINGS.flatMap(namesOf)]);
/** Read by the clients in examples/, and by the SDKs of vendors. */
const READ_ELSEWHERE: ReadonlySet<string> = new Set([
  'COUNTERSIGN_ADDRESS',
  'COUNTERSIGN_TOKEN',
  ...VENDORS.flatMap(({ sdkReads }) => sdkReads),
]);

/** The variables that set it. */
function namesOf({ env, fromFile }: Setting): string[] {
  return fromFile ? [env, `${env}_FILE`] : [env];
}

/** Variables that look like ours and are not. Empty ones count as unset. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): Mistake[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (value === undefined || value === '' || KNOWN.has(name) || READ_ELSEWHERE.has(name)) return [];
    const ours = OURS.has(wordOf(name)) && name.includes('_');
    if (KUBERNETES.test(name) || !(ours || SHARED.has(wordOf(name)))) return [];
    const close = nearest(name, KNOWN);
    return ours || close !== undefined ? [{ at: name, problem: notASetting(close) }] : [];
  });
}

export function notASetting(close: string | undefined): string {
  return close === undefined ? 'is not a setting' : `is not a setting: did you mean ${close}?`;
}

/** The name that takes the fewest changed letters, if these are few. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const most = name.length < 6 ? 1 : 2;
  const [closest] = [...known]
    .map((candidate) => ({ candidate, changes: changesBetween(name, candidate) }))
    .filter(({ changes }) => changes <= most)
    .sort((a, b) => a.changes - b.changes);
  return closest?.candidate;
}

/** Letters to add, drop, change or swap with their neighbour (optimal string alignment). */
function changesBetween(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + same,
        swapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = above;
    above = current;
  }
  return above[b.length] ?? 0;
}
