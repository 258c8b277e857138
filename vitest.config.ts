import { configDefaults, defineConfig } from 'vitest/config';

const CHAOS = ['test/chaos/**/*.test.ts'];
const TOOLCHAINS = ['test/chart/**/*.test.ts', 'test/clients/**/*.test.ts'];

/**
 * `main` is what must pass before every merge, quickly. `chaos` kills servers, loads them and repeats itself; it takes
 * minutes and has the machine to itself. `toolchains` needs helm and the compilers of other languages, skips what a
 * machine lacks, and builds and downloads for minutes the first time.
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
          exclude: [...configDefaults.exclude, ...CHAOS, ...TOOLCHAINS],
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'chaos',
          include: CHAOS,
          testTimeout: 15 * 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'toolchains',
          include: TOOLCHAINS,
          testTimeout: 10 * 60_000,
          hookTimeout: 10 * 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
