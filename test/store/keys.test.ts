import { afterAll, describe } from 'vitest';
import { sharedRedis } from '../support/shared-redis.ts';
import { keyContract } from './contract-keys.ts';

describe('the keys in Redis', () => {
  const shared = sharedRedis();
  afterAll(() => shared.close());
  keyContract(shared);
});
