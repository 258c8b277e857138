/**
 * Tencent's delivery reports: as it calls back (document 382/59178), and as they are pulled (382/55968). Neither is signed, so
 * callbacks come to a path that nobody else knows, and from addresses that the operator lists.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { rangeOf } from '../../config/address.ts';
import type { DeliveryReport, FailureCategory } from '../../domain/delivery.ts';
import type { ReportReading, ReportRequest, Reports } from '../provider.ts';
import { type Connection, isRecord } from './client.ts';

export interface CallbackOptions {
  /** Begins with `/`; not to be guessed. */
  readonly path: string;
  /** Addresses and CIDR ranges; any may call when empty. */
  readonly addresses: readonly string[];
}

/** The most in one callback, and in one answer to a pull. */
const MAX_REPORTS = 100;
/** Of one pull, so that it ends however fast new reports come in; the next one goes on. */
const MAX_ROUNDS = 10;
const ANSWER = { status: 200, body: '{"result":0,"errmsg":"OK"}' } as const;

/** Throws when an address is none. */
export function callbackReader({ path, addresses }: CallbackOptions): NonNullable<Reports['read']> {
  const secret = digest(path);
  const allows = allowList(addresses);
  return (request: ReportRequest): ReportReading => {
    // Digests have one length, which is what the comparison needs.
    if (!timingSafeEqual(digest(request.path), secret) || !allows(request.address)) return { kind: 'forged' };
    const items = itemsIn(request.body);
    if (items === null) return { kind: 'malformed' };
    const reports = items.map((item) =>
      reportOf({ serial: item.sid, session: item.ext, status: item.report_status, word: item.errmsg }),
    );
    const read = reports.filter((report) => report !== null);
    // One report of a future kind must not hold up the others of its batch.
    return read.length === 0 && items.length > 0
      ? { kind: 'malformed' }
      : { kind: 'reports', reports: read, answer: ANSWER };
  };
}

/** Throws an error without anything of the vendor's when the first call fails. */
export function reportPuller(connection: Connection, sdkAppId: string): NonNullable<Reports['pull']> {
  return async (signal) => {
    const reports: DeliveryReport[] = [];
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const outcome = await connection.call('PullSmsSendStatus', { Limit: MAX_REPORTS, SmsSdkAppId: sdkAppId }, signal);
      // Without reports the set is empty, or null as empty lists of Tencent's APIs can be.
      const items = outcome.kind === 'answered' ? (outcome.response.PullSmsSendStatusSet ?? []) : null;
      if (!Array.isArray(items)) {
        // Each report is handed out once: those of earlier rounds would be lost with an error.
        if (round > 0) break;
        const why = outcome.kind === 'refused' ? outcome.code : outcome.kind === 'failed' ? outcome.word : 'malformed';
        const error = new Error(`Tencent's delivery reports could not be pulled: ${why}`);
        // The log has codes of errors, never their texts.
        throw Object.assign(error, { code: why });
      }
      for (const item of items.filter(isRecord)) {
        const { SerialNo: serial, SessionContext: session, ReportStatus: status, Description: word } = item;
        const report = reportOf({ serial, session, status, word });
        if (report !== null) reports.push(report);
      }
      if (items.length < MAX_REPORTS) break;
    }
    return reports;
  };
}

/** SerialNo, or null when it is none that could be stored. */
export function serialIn(value: unknown): string | null {
  return typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value) ? value : null;
}

interface Reported {
  readonly serial: unknown;
  readonly session: unknown;
  readonly status: unknown;
  /** The carrier's word, an open set. */
  readonly word: unknown;
}

function reportOf({ serial, session, status, word }: Reported): DeliveryReport | null {
  const messageId = serialIn(serial);
  if (messageId === null) return null;
  // Only where Tencent enabled it for the account.
  const token = typeof session === 'string' && /^[\w-]{1,200}$/.test(session) ? session : '';
  if (status === 'SUCCESS') return { token, messageId, status: 'delivered', category: '', vendorCode: '' };
  if (status !== 'FAIL') return null;
  return { token, messageId, status: 'failed', ...failureOf(typeof word === 'string' ? word : '') };
}

/** From an older list of Tencent's; a star stands for any end. */
const WORDS: Readonly<Partial<Record<FailureCategory, readonly string[]>>> = {
  invalid_number: ['MK:0000', 'MK:0001', 'MK:0012', 'MK:0013', 'ERR_NUM', 'XL:169'],
  unreachable: ['UNDELIV', 'EXPIRED', 'MI:0013', 'MI:0024', 'MN:0059', 'MK:0010', 'MK:0017'],
  blocked: ['MB:1077', 'DB:0141', 'DB:0144', 'DB:0164', 'TD:0001', 'TD:19', 'TUIDING', 'HIGRISK', 'BWLIST*'],
  rate_limited: ['TE:0003'],
  transient: ['NOROUTE', 'I*', 'MA*', 'MC*'],
};
const CATEGORIES = new Map(
  Object.entries(WORDS).flatMap(([category, words]) =>
    words.map((word) => [word, category as FailureCategory] as const),
  ),
);
const FAMILIES = [...CATEGORIES.keys()].filter((word) => word.endsWith('*'));

function failureOf(word: string): { category: FailureCategory; vendorCode: string } {
  const listed = CATEGORIES.has(word) ? word : FAMILIES.find((family) => word.startsWith(family.slice(0, -1)));
  return { category: CATEGORIES.get(listed ?? '') ?? 'unknown', vendorCode: listed ?? 'other' };
}

function itemsIn(body: Buffer): readonly Readonly<Record<string, unknown>>[] | null {
  let items: unknown;
  try {
    items = JSON.parse(body.toString());
  } catch {
    return null;
  }
  return Array.isArray(items) && items.length <= MAX_REPORTS && items.every(isRecord) ? items : null;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** IPv4 within IPv6 counts as IPv4. */
function allowList(addresses: readonly string[]): (address: string) => boolean {
  if (addresses.length === 0) return () => true;
  const list = new BlockList();
  for (const entry of addresses) {
    const range = rangeOf(entry);
    if (range === null) throw new Error(`${entry} is neither an address nor a range in CIDR notation`);
    list.addSubnet(range.address, range.bits, range.family);
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
