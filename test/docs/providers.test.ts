/** What docs/operations.md says of providers is what the code does: their bounds, what counts against them, the alerts. */
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { FailureCategory } from '../../src/domain/delivery.ts';
import type { Event } from '../../src/event.ts';
import { guardProvider } from '../../src/sms/guard.ts';
import { BREAKER } from '../../src/sms/messaging.ts';
import type { Message, Provider } from '../../src/sms/provider.ts';
import { codeWords, markedPart, read, sectionOf, tableOf } from '../support/markdown.ts';

const page = read('docs/operations.md');
const PROVIDERS = sectionOf(page, '## Providers');

test('time and room of a provider are those of the configuration', () => {
  const config = loadConfig({}, () => '');
  const row = (what: string) =>
    tableOf(PROVIDERS)
      .find(([name]) => name === what)
      ?.slice(1);
  const vendors = ['twilio', 'twilio-verify', 'tencent', 'webhook'] as const;
  expect(row('a try counts as lost after')).toEqual(
    vendors.map((vendor) => `${config[vendor].timeoutMs / 1000} s (\`${vendor}.timeoutMs\`)`),
  );
  expect(row('messages under way at once')).toEqual(
    vendors.map((vendor) => `${config[vendor].maxConcurrent} (\`${vendor}.maxConcurrent\`)`),
  );
});

test('the breaker has the numbers given, here and in docs/vendors.md', () => {
  const { failures, openMs, maxOpenMs } = BREAKER;
  const words = ['no', 'one', 'two', 'three', 'four', 'five'];
  expect(PROVIDERS).toContain(
    `After ${failures} failures in a row a provider is left alone for ${openMs / 1000} seconds`,
  );
  expect(PROVIDERS).toContain(`to ${maxOpenMs / 1000} seconds at most`);
  const vendorsPage = read('docs/vendors.md').replaceAll('\n', ' ');
  const said = `after ${words[failures]} failures in a row it is left alone for ${openMs / 1000} to ${maxOpenMs / 1000} seconds`;
  expect(vendorsPage).toContain(said);
});

describe('what counts for the breaker', () => {
  const rows = tableOf(markedPart(page, 'categories')).map(([category, , , counts]) => {
    return [codeWords(category)[0] as FailureCategory, counts?.split(/[, ]/)[0], counts] as const;
  });

  test('there is a row for each category', () => {
    const gateways = tableOf(markedPart(read('docs/webhook.md'), 'categories')).flatMap(([name]) => codeWords(name));
    expect(rows.map(([category]) => category).sort()).toEqual(gateways.sort());
  });

  test.each(rows)('%s: %s', async (category, counts, words) => {
    const events: Event[] = [];
    const failing: Provider = {
      name: 'failing',
      send: async () => ({ kind: 'unavailable', category, vendorCode: 'any' }),
    };
    const emit = (event: Event) => void events.push(event);
    const bounds = { timeoutMs: 1_000, maxConcurrent: 1, breaker: BREAKER };
    const guarded = guardProvider(failing, { ...bounds, emit, clock: () => 0 });
    let calls = 0;
    while (events.length === 0 && calls < BREAKER.failures * 2) {
      await guarded.send({} as Message, new AbortController().signal);
      calls += 1;
    }
    expect(events.length > 0 ? 'yes' : 'no').toBe(counts);
    if (counts === 'yes') expect(calls).toBe(words?.includes('at once') ? 1 : BREAKER.failures);
  });
});
