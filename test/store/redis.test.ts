import { describe } from 'vitest';
import { connected, virtualRedisStore } from '../support/virtual-redis.ts';
import { storeContract } from './contract.ts';

describe('the store on a real Redis', () => {
  storeContract((now) => connected(virtualRedisStore({ now })));
});
