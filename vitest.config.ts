import { configDefaults, defineConfig } from 'vitest/config';

const SLOW = ['test/chaos/**/*.test.ts'];

/**
 * `main` is what must pass before every merge, quickly. `chaos` kills servers, loads them and repeats itself; it takes
 * minutes and has the machine to itself.
 */
export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'main',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...SLOW],
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'chaos',
          include: SLOW,
          testTimeout: 15 * 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
