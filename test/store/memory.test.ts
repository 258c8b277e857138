import { describe } from 'vitest';
import { createMemoryStore } from '../../src/store/memory.ts';
import { storeContract } from './contract.ts';

describe('the store in memory', () => {
  storeContract(async (now) => createMemoryStore({ now }));
});
