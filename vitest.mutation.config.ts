import { defineConfig } from 'vitest/config';

/** What Stryker runs against each changed program; scripts/mutation.ts says which tests. */
export default defineConfig({
  test: {
    include: process.env.MUTATION_TESTS?.split(' ') ?? [],
    // One worker for each change, not one for each file of tests.
    isolate: false,
    // A slow machine must not pass for a test that notices: Stryker itself finds endless loops.
    testTimeout: 120_000,
  },
});
