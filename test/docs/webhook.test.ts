/** docs/webhook.md tells whoever writes a gateway what is so: its requests are the provider's, its snippets run, its tables hold. */
import { execFileSync, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConversionBatch, Message } from '../../src/sms/provider.ts';
import { createWebhookProvider } from '../../src/sms/webhook/provider.ts';
import { codeWords, fencesOf, markedPart, read, sectionOf, tableOf } from '../support/markdown.ts';
import { startVendorServer, type VendorServer } from '../support/vendor-server.ts';

const page = read('docs/webhook.md');
const genuine = sectionOf(page, '## Is it genuine?');
const [secret = ''] = codeWords(genuine).filter((word) => /^whsec_\w{20,}$/.test(word));
const NOW = Date.parse('2026-11-21T04:05:06Z');

interface Shown {
  readonly line: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function shown(part: string): Shown {
  const [fence] = fencesOf(markedPart(page, part));
  const [head = '', body = ''] = (fence?.body ?? '').trimEnd().split('\n\n');
  const [line = '', ...headers] = head.split('\n');
  return { line, headers: Object.fromEntries(headers.map((each) => each.split(': ') as [string, string])), body };
}

let server: VendorServer;
beforeAll(async () => {
  server = await startVendorServer(() => ({ do: 'answer', status: 204 }));
});
afterAll(() => server.stop());

const provider = () =>
  createWebhookProvider({
    ...{ url: `${server.url}/sms`, secret, maxSockets: 1, reports: true },
    now: () => NOW,
  });
const forever = new AbortController().signal;

/** The message that the page shows, from the fields that it shows. */
function messageOf({ body }: Shown): Message {
  const { to, text, code, minutes, purpose, locale, variables, sender, ...ids } = JSON.parse(body);
  const { send_id: sendId, report_token: reportToken } = ids;
  return { to, region: 'US', text, code, minutes, purpose, locale, variables, sender, sendId, reportToken };
}
const message = messageOf(shown('message'));

/** As the page shows them. */
function approvalsOf({ body }: Shown): ConversionBatch {
  const [first, ...others] = JSON.parse(body).approvals.map(({ message_id: messageId, at }: Record<string, string>) => {
    return { messageId, at: Date.parse(at ?? '') };
  });
  return [first, ...others];
}

describe('the requests shown are those of the provider, byte for byte', () => {
  test.each([
    ['message', () => provider().send(message, forever)],
    ['approvals', () => provider().converted?.(approvalsOf(shown('approvals')), forever)],
  ])('%s', async (part, act) => {
    await act();
    const { line, headers, body } = shown(part);
    const request = server.requests.at(-1);
    expect(`${request?.method} ${request?.path} HTTP/1.1`).toBe(line);
    expect(request?.headers).toMatchObject(headers);
    expect(request?.body).toBe(body);
  });

  test('report: it is taken', () => {
    const { headers, body } = shown('report');
    const given = { url: '', path: '', headers, body: Buffer.from(body), address: '', now: NOW };
    expect(provider().reports?.read?.(given)).toMatchObject({ kind: 'reports', reports: [{ status: 'delivered' }] });
  });
});

test('every field of a message is listed', () => {
  const listed = tableOf(markedPart(page, 'fields')).flatMap(([name]) => codeWords(name));
  expect(listed).toEqual(Object.keys(JSON.parse(shown('message').body)));
});

describe('the snippets tell what is genuine', () => {
  const snippet = (language: string) => fencesOf(genuine).find((fence) => fence.language === language)?.body ?? '';
  /** Each reads cases as JSON, and writes which of them are genuine. */
  const programs = {
    js: () => ({
      command: process.execPath,
      args: [
        '--input-type=module',
        '-e',
        `${snippet('js')}
        Date.now = () => ${NOW};
        let text = '';
        for await (const chunk of process.stdin) text += chunk;
        const answers = JSON.parse(text).map(([key, headers, body]) => isGenuine(key, headers, Buffer.from(body)));
        process.stdout.write(JSON.stringify(answers));`,
      ],
    }),
    python: () => ({
      command: 'python3',
      args: [
        '-c',
        `${snippet('python')}
import json, sys
time.time = lambda: ${NOW / 1000}
print(json.dumps([is_genuine(key, headers, body.encode()) for key, headers, body in json.load(sys.stdin)]))`,
      ],
    }),
  };

  const installed = { js: true, python: spawnSync('python3', ['--version']).status === 0 };

  describe.each(['js', 'python'] as const)('%s', (language) =>
    test.skipIf(!installed[language])('runs', () => {
      const { headers, body } = shown('message');
      const signature = headers['webhook-signature'];
      const cases = [
        [true, secret, headers, body],
        [true, secret, { ...headers, 'webhook-signature': `v1,AAAA ${signature}` }, body],
        [false, secret, headers, body.replace('493817', '493818')],
        [false, `${secret.slice(0, -4)}AAAA`, headers, body],
        [false, secret, { ...headers, 'webhook-id': 'other' }, body],
        [false, secret, { ...headers, 'webhook-timestamp': '1795233000' }, body],
        [false, secret, { ...headers, 'webhook-timestamp': 'now' }, body],
        [false, secret, {}, body],
      ] as const;
      const { command, args } = programs[language]();
      const input = JSON.stringify(cases.map(([, ...given]) => given));
      const answers = execFileSync(command, args, { input, env: { PATH: process.env.PATH } });
      expect(JSON.parse(String(answers))).toEqual(cases.map(([right]) => right));
    }),
  );
});

describe('the statuses mean what the page says', () => {
  const rows = tableOf(markedPart(page, 'statuses')).flatMap(([cell = '', means = '']) => {
    const words = codeWords(cell);
    const body = cell.includes('anything else') ? '{}' : (words.find((word) => word.startsWith('{')) ?? '');
    return words.filter((word) => /^\d+$/.test(word)).map((status) => [Number(status), body, means] as const);
  });

  test.each(rows)('%d %s: %s', async (status, body, means) => {
    server.behave({ do: 'answer', status, body });
    expect(await provider().send(message, forever)).toMatchObject({ kind: means });
  });

  test('there are rows', () => expect(rows.length).toBeGreaterThan(15));
});

test('the categories are ours, each of them', async () => {
  const listed = tableOf(markedPart(page, 'categories')).flatMap(([name]) => codeWords(name));
  expect(listed.length).toBe(15);
  for (const category of listed) {
    server.behave({ do: 'answer', status: 422, body: JSON.stringify({ category }) });
    expect(await provider().send(message, forever)).toMatchObject({ category });
  }
});
