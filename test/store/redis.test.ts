import { afterAll, describe } from 'vitest';
import { sharedRedis } from '../support/shared-redis.ts';
import { redisContract } from './contract-redis.ts';

describe('the store on a real Redis', () => {
  const shared = sharedRedis();
  afterAll(() => shared.close());
  redisContract(shared);
});
