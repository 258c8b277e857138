/** How long the service takes until it serves, and how much memory it has then: unbundled, with a real Redis. Linux only. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TENCENT, TWILIO } from '../test/e2e/vendor-settings.ts';
import { startChild } from '../test/support/child.ts';

const SUBJECTS = {
  'no vendor': {},
  // With delivery reports, so that their listener is there as well.
  'both vendors with an SDK': { ...TWILIO, ...TENCENT, CALLBACK_PUBLIC_URL: 'https://sms.example.com/reports' },
} as const;

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

export interface Starts {
  readonly subject: string;
  /** The first one has no compile cache yet; the others do, as in an image. */
  readonly cold: Start;
  readonly warm: readonly Start[];
}

/** `warm` starts of each subject, after a cold one. */
export async function measureStarts(redisUrl: string, warm: number): Promise<Starts[]> {
  const all: Starts[] = [];
  for (const [subject, settings] of Object.entries(SUBJECTS)) {
    const cache = await mkdtemp(join(tmpdir(), 'countersign-cache-'));
    try {
      const env = { ...LISTEN, ...settings, REDIS_URL: redisUrl, LOG_FORMAT: 'json', NODE_COMPILE_CACHE: cache };
      const starts: Start[] = [];
      while (starts.length <= warm) starts.push(await measureStart(env));
      const [cold, ...rest] = starts;
      if (cold !== undefined) all.push({ subject, cold, warm: rest });
    } finally {
      await rm(cache, { recursive: true, force: true });
    }
  }
  return all;
}

async function measureStart(env: Readonly<Record<string, string>>): Promise<Start> {
  const cwd = new URL('..', import.meta.url).pathname;
  const before = performance.now();
  const child = await startChild(process.execPath, ['src/main.ts'], { env, cwd });
  await child.printed(/"msg":"serving"/);
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
