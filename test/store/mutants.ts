/**
 * Every suite of the store against each mutant of the Lua, until a test fails. `npm run mutation:lua` runs this file; its
 * name keeps it out of `npm test`. All mutants of a batch share one process: starting one for each would take an hour.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, type RunnerTestSuite } from 'vitest';
import { type LuaMutant, mutateScripts } from '../support/lua-mutant.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { virtualRedisStore } from '../support/virtual-redis.ts';
import { eventually } from '../support/wait.ts';
import { commands } from './commands.ts';
import { createComparison, warm } from './comparison.ts';
import { keyContract } from './contract-keys.ts';
import { redisContract } from './contract-redis.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    luaMutants: readonly LuaMutant[];
  }
}

const shared = sharedRedis();
const ofTheModel = sharedRedis();
afterAll(async () => {
  await shared.close();
  await ofTheModel.close();
});

for (const [index, mutant] of inject('luaMutants').entries()) {
  describe(String(index), () => {
    beforeAll(() => mutateScripts(mutant));
    afterAll(async () => {
      await shared.clear();
      await ofTheModel.clear();
    });
    beforeEach(({ task, onTestFailed }) => onTestFailed(() => skipTheRest(outermost(task.suite))));
    // A store that does not even connect fails here, and not in the hooks of each suite.
    describe('connection', () => it('is made', connects));
    // The quickest first. It also ends records that grow without end, before the model lets them fill the memory.
    describe('keys', () => keyContract(shared));
    describe('contract', () => redisContract(shared));
    it('model', async () => {
      const { now, divergence } = createComparison();
      const redis = await warm(virtualRedisStore({ now, keyPrefix: ofTheModel.prefix }));
      const property = fc.asyncProperty(commands, async (sequence) => (await divergence(redis, sequence)) === null);
      const { failed } = await fc.check(property, { numRuns: 300, seed: 1, endOnFailure: true });
      await redis.close();
      expect(failed).toBe(false);
    });
  });
}

async function connects(): Promise<void> {
  const store = virtualRedisStore({ now: Date.now, keyPrefix: ofTheModel.prefix });
  await eventually('a connection', () => store.ready().then(() => true), { everyMs: 5, timeoutMs: 10_000 });
  await store.close();
}

function outermost(suite: RunnerTestSuite | undefined): RunnerTestSuite | undefined {
  return suite?.suite ? outermost(suite.suite) : suite;
}

function skipTheRest(suite: RunnerTestSuite | undefined): void {
  for (const task of suite?.tasks ?? []) {
    if (task.type === 'suite') skipTheRest(task);
    if (task.result === undefined) task.mode = 'skip';
  }
}
