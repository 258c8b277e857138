import { defineConfig } from 'vitest/config';

/** What Stryker runs against each changed program; scripts/mutation.ts says which tests. */
export default defineConfig({
  test: {
    include: process.env.MUTATION_TESTS?.split(' ') ?? [],
    // One worker for each change, not one for each file of tests.
    isolate: false,
    // Some changes make a test wait for ever, which is noticed then. Shorter, and a slow machine would pass for a test that
    // notices; longer than the time-out of Stryker, and every one of them would cost a new process.
    testTimeout: 15_000,
  },
});
