/**
 * Every combination of what three providers can say, against a model of its own: who is called, what the caller hears,
 * and how many SMS the user may get.
 */
import { expect, it } from 'vitest';
import { createDispatch } from '../../src/sms/dispatch.ts';
import type { Failure, SendResult } from '../../src/sms/provider.ts';
import { accepted, OUTGOING, rejected, scriptedProvider, unavailable, unknown } from './scripted.ts';

const WORDS = ['accepts', 'refuses', 'blocks', 'is down', 'throttles', 'is busy', 'hangs', 'breaks off'] as const;
type Word = (typeof WORDS)[number];

const SAYS: Readonly<Record<Word, SendResult>> = {
  accepts: accepted,
  refuses: rejected,
  blocks: { ...rejected, category: 'blocked', vendorCode: '21610' },
  'is down': unavailable,
  throttles: { ...unavailable, vendorCode: '20429', retrySame: true, retryAfterMs: 100 },
  'is busy': { ...unavailable, vendorCode: 'busy' },
  hangs: unknown,
  'breaks off': { kind: 'unknown', category: 'transient', vendorCode: 'reset' } satisfies Failure,
};

interface Course {
  readonly called: readonly number[];
  /** Place of the provider that has the message, or maybe has it; null when surely nothing was sent. */
  readonly has: number | null;
  readonly status: 'accepted' | 'unknown' | 'not_sent';
}

/** What is right, told from the user's side: go on until an SMS is sure, useless, or one too many is possible. */
function rightly(words: readonly Word[]): Course {
  const called: number[] = [];
  const doubts: number[] = [];
  for (const [place, word] of words.entries()) {
    called.push(place);
    if (word === 'accepts') return { called, has: place, status: 'accepted' };
    if (word === 'hangs' || word === 'breaks off') doubts.push(place);
    if (word === 'refuses' || word === 'blocks' || doubts.length === 2) break;
  }
  const [has] = doubts;
  if (has !== undefined) return { called, has, status: 'unknown' };
  const final = words.some((word) => word === 'refuses' || word === 'blocks');
  const again = words.indexOf('throttles');
  if (!final && again !== -1) called.push(again);
  return { called, has: null, status: 'not_sent' };
}

async function actually(words: readonly Word[]): Promise<Course & { readonly possible: number }> {
  const called: number[] = [];
  const results: SendResult[] = [];
  const providers = words.map((word, place) => {
    const { provider } = scriptedProvider(`p${place}`, [SAYS[word]]);
    const send: typeof provider.send = async (message, signal) => {
      called.push(place);
      const result = await provider.send(message, signal);
      results.push(result);
      return result;
    };
    return { ...provider, send };
  });
  const dispatch = createDispatch({
    providers: new Map(providers.map((each) => [each.name, each])),
    route: () => providers.map(({ name }) => ({ provider: name, sender: {} })),
    emit: () => undefined,
    clock: () => 0,
    sleep: async () => undefined,
    random: () => 0,
    retryBudget: () => ({ called: () => undefined, spend: () => true }),
  });
  const outcome = await dispatch(OUTGOING, { deadlineMs: 9_500, canceled: new AbortController().signal });
  const possible = results.filter(({ kind }) => kind === 'accepted' || kind === 'unknown').length;
  if (outcome.kind === 'not_sent') return { called, has: null, status: 'not_sent', possible };
  const { provider, status } = outcome.delivery;
  return { called, has: Number(provider.slice(1)), status: status === 'accepted' ? status : 'unknown', possible };
}

const COMBINATIONS = WORDS.flatMap((a) => WORDS.flatMap((b) => WORDS.map((c) => [a, b, c] as const)));

it('of 512 combinations of three providers none ends early, sends a third SMS or says something else', async () => {
  const wrong: object[] = [];
  for (const words of COMBINATIONS) {
    const { possible, ...course } = await actually(words);
    const right = rightly(words);
    if (possible > 2 || JSON.stringify(course) !== JSON.stringify(right)) wrong.push({ words, course, right });
  }
  expect(COMBINATIONS).toHaveLength(512);
  expect(wrong).toEqual([]);
});
