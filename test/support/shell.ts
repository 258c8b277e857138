/** Runs commands that a page shows, as a reader's shell would, and compares answers with those that the page shows. */
import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './markdown.ts';
import { thisMachine } from './redis-source.ts';

/** Which of these programs this machine lacks; `buf` comes with `npm ci`. */
export async function missing(...programs: readonly string[]): Promise<Set<string>> {
  const found = await Promise.all(programs.map((program) => thisMachine.find(program)));
  return new Set(programs.filter((_, index) => found[index] === null));
}

/** Runs blocks in one shell and answers what each wrote to either stream. A command that fails does not stop the next one. */
export async function runBlocks(
  blocks: readonly string[],
  replace: (text: string) => string = String,
): Promise<string[]> {
  const script = ['exec 2>&1', ...blocks.flatMap((block) => [`printf '\\036'`, replace(block)]), 'true'].join('\n');
  const env = { ...process.env, PATH: [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter) };
  // What npx would find, without its second of start-up.
  const { stdout } = await promisify(execFile)('sh', ['-c', script.replaceAll('npx buf', 'buf')], { cwd: ROOT, env });
  return stdout.split('\x1e').slice(1);
}

/** The lines of a block with their continuations, each with the comment above it. */
export function linesOf(block: string): { command: string; promise: string }[] {
  let promise = '';
  return block
    .replace(/\\\n\s*/g, '')
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const comment = /^# (.*)$/.exec(line)?.[1];
      const found = { command: line, promise };
      promise = comment ?? '';
      return comment === undefined ? [found] : [];
    });
}

/** What a JSON answer says, without what differs from call to call. */
export function shapeOf(json: string): unknown {
  return JSON.parse(json, (key, value: unknown) => {
    if (key === 'value') return undefined;
    if (typeof value !== 'string') return value;
    if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return 'a time';
    if (/^(latency|retryAfter|retryDelay)$/.test(key)) return value.replace(/^[\d.]+s$/, 'a duration');
    if (/^(verificationId|messageId)$/.test(key)) return value.replace(/^[\w-]{16,}$/, 'an id');
    return value.replace(/^\d{6}$/, 'a code').replace(/\d+ seconds?/, 'a moment');
  });
}

/** The calls of a block: which RPC, with which fields; phones and request ids differ from story to story. */
export function requestsOf(block: string): { rpc: string | undefined; fields: object }[] {
  const calls = linesOf(block).filter(({ command }) => command.includes(' -d '));
  return calls.map(({ command }) => {
    const json = /-d '(\{.*?\})'(?=[ )]|$)/.exec(command)?.[1]?.replace(/"'(\$\w+)'"/g, '"$1"') ?? '';
    const { request_id, phone, ...fields } = JSON.parse(json);
    return { rpc: /\/([A-Z]\w+)/.exec(command)?.[1], fields: { ...fields, ...(phone && { phone: 'a number' }) } };
  });
}

/** Ignores case, spaces and underscores: ResourceExhausted, resource_exhausted; each tool has its own spelling. */
export function plain(text = ''): string {
  return text.replace(/[_\s]/g, '').toLowerCase();
}
