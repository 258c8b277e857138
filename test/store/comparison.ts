/** One command sequence on the executable model (memory) and on another store, whose clock is the same. */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { connected } from '../support/virtual-redis.ts';
import { type Command, type Issued, ONE_OF_EACH, run, withReply } from './commands.ts';

export type Answer = Awaited<ReturnType<typeof run>>;

/** `seen` gets every command with the model's answer. */
export function createComparison(seen: (command: Command, answer: Answer) => void = () => undefined) {
  let time = 0;

  /**
   * The first command that the two stores answer differently. The ids in a command were issued by the model, so the next
   * command needs no reply of Redis: all of them are on their way at once, on one connection, in order.
   */
  async function divergence(store: Store, sequence: readonly Command[]): Promise<string | null> {
    const model = createMemoryStore({ now: () => time });
    const phoneKey = `00.${randomBytes(12).toString('base64url')}`;
    time = 1_800_000_000_000;
    let issued: Issued = { nonces: [], sends: [] };
    const expected: Answer[] = [];
    const answered: Promise<Answer>[] = [];
    for (const [index, command] of sequence.entries()) {
      if (command.kind === 'pass') time += command.ms;
      const step = { phoneKey, index };
      const answer = await run(model, command, step, issued);
      expected.push(answer);
      answered.push(run(store, command, step, issued));
      issued = withReply(issued, answer, step);
      seen(command, answer);
    }
    for (const [index, got] of (await Promise.all(answered)).entries()) {
      if (isDeepStrictEqual(got, expected[index])) continue;
      const [memory, redis] = [expected[index], got].map((answer) => JSON.stringify(answer));
      return `${index} ${JSON.stringify(sequence[index])}\n  memory ${memory}\n  redis  ${redis}`;
    }
    return null;
  }

  return { now: () => time, divergence };
}

/** Once the server knows the store's scripts: a script that must be sent would be overtaken by the calls after it. */
export async function warm(store: Store): Promise<Store> {
  await connected(store);
  const step = { phoneKey: '00.warm', index: 0 };
  for (const command of ONE_OF_EACH) await run(store, command, step, { nonces: [], sends: [] });
  return store;
}
