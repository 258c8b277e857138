/** How long a start takes, and how much memory it leaves in use. */
import { readFile } from 'node:fs/promises';
import { startChild } from '../support/child.ts';

const OFF = { SMS_MOCK_MODE: 'off' };
/** Settings that name a vendor; none of them is called. */
export const TWILIO = {
  ...OFF,
  TWILIO_ACCOUNT_SID: `AC${'5'.repeat(32)}`,
  TWILIO_AUTH_TOKEN: 'a token of no account',
  TWILIO_PHONE_NUMBER: '+15557122661',
};
export const TENCENT = {
  ...OFF,
  TENCENT_SECRET_ID: 'AKID-of-no-account',
  TENCENT_SECRET_KEY: 'a key of no account',
  TENCENT_SMS_SDK_APP_ID: '1400006666',
  TENCENT_SMS_SIGN_NAME: 'Example',
  TENCENT_SMS_TEMPLATE_ID: '1110',
};
export const WEBHOOK = {
  ...OFF,
  SMS_WEBHOOK_URL: 'http://127.0.0.1:1/sms',
  SMS_WEBHOOK_SECRET: 'a secret of this test, 24 bytes or more',
};

/** With delivery reports, so that their listener is there as well. */
export const BOTH = { ...TWILIO, ...TENCENT, CALLBACK_PUBLIC_URL: 'https://sms.example.com/reports' };

/** From the start of the process until it serves, unbundled, and what it has in memory then. */
export const MOST_MS = 700;
export const MOST_MB = 180;

const ANY_PORT = '127.0.0.1:0';
const LISTEN = { GRPC_LISTEN: ANY_PORT, HTTP_LISTEN: ANY_PORT, OPS_LISTEN: ANY_PORT, CALLBACK_LISTEN: ANY_PORT };

export interface Start {
  /** From before the process is there to its line `serving`. */
  readonly ms: number;
  /** Processor time of the main thread: what `ms` would be if it never had to wait for a processor or a disk. */
  readonly busyMs: number;
  /** After the start, and the most until then. */
  readonly residentMb: number;
  readonly peakMb: number;
}

/** On Linux only. `cache` is the folder of the compile cache: from the second start on it is there, as in an image. */
export async function measureStart(env: Readonly<Record<string, string>>, cache: string): Promise<Start> {
  const cwd = new URL('../..', import.meta.url).pathname;
  const settings = { ...LISTEN, LOG_FORMAT: 'json', NODE_COMPILE_CACHE: cache, ...env };
  const before = performance.now();
  const child = await startChild(process.execPath, ['src/main.ts'], { env: settings, cwd });
  await child.printed(/"msg":"serving"/, 30_000);
  const ms = performance.now() - before;
  const [status, stat] = await Promise.all([
    readFile(`/proc/${child.pid}/status`, 'utf8'),
    readFile(`/proc/${child.pid}/task/${child.pid}/stat`, 'utf8'),
  ]);
  // The cache is written at the end.
  if ((await child.stop()) !== 0) throw new Error(`the server did not end well:\n${child.stderr()}`);
  const megabytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  // Fields 14 and 15 of proc(5), in hundredths of a second; the second is a name in parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const busyMs = (Number(fields[11]) + Number(fields[12])) * 10;
  return { ms, busyMs, residentMb: megabytes('VmRSS'), peakMb: megabytes('VmHWM') };
}
