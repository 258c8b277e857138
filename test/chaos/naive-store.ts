/** The negative control of the races: a check as it is often written, which reads, decides and writes. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { keysOf } from '../../src/store/keys.ts';
import type { CheckCommand, CheckReply, Store } from '../../src/store/store.ts';
import { changePacked, readPacked } from '../support/packed.ts';

/** `store` with another check. */
export function readThenWrite(store: Store, redis: Redis, keyPrefix: string): Store {
  async function check({ slot, nonce, codeMac }: CheckCommand): Promise<CheckReply> {
    const { verification } = keysOf(keyPrefix, slot);
    const record = await readPacked(redis, verification, 'record');
    if (record.nonce === undefined || record.nonce !== nonce || record.state !== 'pending') {
      return { kind: 'not_found' };
    }
    const attempts = Number(record.attempts);
    const guesses = Number(record.guesses);
    if (attempts >= guesses) return { kind: 'exhausted', nonce };
    await changePacked(redis, verification, 'record', { attempts: attempts + 1 });
    // As bound_mac of lua/lib/record.lua.
    const { session, content, expires } = record;
    const bound = createHash('sha1').update([codeMac, nonce, session, content, expires].join(':')).digest('hex');
    if (record.mac !== bound.slice(0, 32)) return { kind: 'wrong', nonce, remaining: guesses - attempts - 1 };
    await changePacked(redis, verification, 'record', { state: 'approved' });
    return { kind: 'approved', nonce, at: Date.now(), delivery: null };
  }

  return { ...store, check };
}
