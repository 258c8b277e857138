/** A processor profile by parts of a call's path. Pure. */

/** What the inspector gives: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
export interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** The first that fits the URL of a frame is its part. */
const FILES: readonly (readonly [pattern: RegExp, part: string])[] = [
  [/\/@grpc\/grpc-js\//, 'grpc-js'],
  [/\/(ioredis|redis-parser|@ioredis)\//, 'ioredis'],
  [/\/@(bufbuild|connectrpc)\//, 'messages (protobuf, JSON)'],
  [/\/libphonenumber-js\//, 'phone numbers (libphonenumber)'],
  [/\/(pino|sonic-boom|thread-stream)[^/]*\//, 'log'],
  [/\/prom-client\//, 'metrics'],
  [/\/(undici|axios|twilio|tencentcloud[^/]*|follow-redirects)\//, 'HTTP clients and SDKs of vendors'],
  [/\/node_modules\//, 'other libraries'],
  [/\/src\/rpc\//, 'src/rpc: edges, authentication, admission'],
  [/\/src\/(domain|verification)\//, 'src/domain, src/verification: the rules'],
  [/\/src\/store\//, 'src/store: commands and replies'],
  [/\/src\/sms\//, 'src/sms: vendors'],
  [/\/src\/gen\//, 'messages (protobuf, JSON)'],
  [/\/src\//, 'src/ops and the rest: log, metrics'],
];
/** Of Node's own: wherever it is called from. */
const CRYPTO = /^node:(internal\/)?crypto/;
/** Of Node's own, where nobody of ours called it: what a socket or the event loop begins. */
const NODE: readonly (readonly [pattern: RegExp, part: string])[] = [
  [/^node:.*http2/, 'HTTP/2 of Node'],
  [/^node:.*http/, 'HTTP/1.1 of Node'],
  [/^node:.*(net|stream|tty|dns|tls)/, 'sockets and streams of Node'],
];
const SPECIAL: Readonly<Record<string, string | null>> = {
  '(garbage collector)': 'garbage collector',
  '(program)': 'the kernel and native code (system calls, HTTP/2, TCP)',
  '(idle)': null,
};

/** Shares of the time that was not idle, by part; together 1. */
export function partsOf({ nodes, samples, timeDeltas }: Profile): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const partById = new Map<number, string | null>();
  const stackOf = (id: number): ProfileNode[] => {
    const stack: ProfileNode[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at))
      stack.push(byId.get(at) as ProfileNode);
    return stack;
  };
  const times = new Map<string, number>();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    if (!partById.has(id)) partById.set(id, partOf(stackOf(id)));
    const part = partById.get(id) ?? null;
    if (part === null) continue;
    const micros = timeDeltas[index] ?? 0;
    times.set(part, (times.get(part) ?? 0) + micros);
    busy += micros;
  }
  return new Map([...times].map(([part, micros]) => [part, micros / busy]));
}

/** Null: idle. `stack` is innermost first; what Node or V8 does is the work of the nearest file that asked for it. */
function partOf(stack: readonly ProfileNode[]): string | null {
  const special = SPECIAL[stack[0]?.callFrame.functionName ?? ''];
  if (special !== undefined) return special;
  const urls = stack.map(({ callFrame }) => callFrame.url).filter((url) => url !== '');
  const file = urls.findIndex((url) => !url.startsWith('node:'));
  const inner = file < 0 ? urls : urls.slice(0, file);
  if (inner.some((url) => CRYPTO.test(url))) return 'hashes and random bytes';
  const known = (patterns: typeof FILES, url: string) => patterns.find(([pattern]) => pattern.test(url))?.[1];
  const mine = file < 0 ? undefined : known(FILES, urls[file] ?? '');
  return (
    mine ?? inner.map((url) => known(NODE, url)).find((part) => part !== undefined) ?? 'event loop and timers of Node'
  );
}
