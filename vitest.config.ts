import { configDefaults, defineConfig } from 'vitest/config';
import { totalsReporter } from './test/support/totals-reporter.ts';

/** The whole service, its documentation and its packages: processes, the vendors' SDKs, a Redis. */
const END_TO_END = [
  'test/e2e/**/*.test.ts',
  'test/docs/**/*.test.ts',
  'test/packaging/**/*.test.ts',
  'test/main.test.ts',
];
const CHAOS = ['test/chaos/**/*.test.ts'];
const TOOLCHAINS = ['test/alerts/**/*.test.ts', 'test/chart/**/*.test.ts', 'test/clients/**/*.test.ts'];
const DEADLINES = ['test/deadlines/**/*.test.ts'];

/** Where the pipeline reads how many tests passed and failed. */
const REPORT = process.env.TEST_REPORT;

/** Ends a test that hangs, and nothing else: a busy machine reaches it never. */
const HUNG_MS = 10 * 60_000;

/**
 * `npm test` runs `unit` and `e2e`. A slow or busy machine makes them slower, but never red: they do not ask how long
 * something took. `chaos` kills servers, loads them and repeats itself; `deadlines` holds the service to what it
 * promises about time. These two have the machine to themselves. `toolchains` needs helm, promtool and the compilers
 * of other languages, skips what a machine lacks, and builds and downloads for minutes the first time.
 */
export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    reporters: [totalsReporter(), 'default', ...(REPORT === undefined ? [] : ['json'])],
    outputFile: { json: REPORT ?? '' },
    testTimeout: HUNG_MS,
    hookTimeout: HUNG_MS,
    expect: { poll: { timeout: HUNG_MS / 2 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...END_TO_END, ...CHAOS, ...DEADLINES, ...TOOLCHAINS],
          // Otherwise half of the processor time goes into loading the same modules for every file anew. The same below.
          isolate: false,
        },
      },
      { extends: true, test: { name: 'e2e', include: END_TO_END, isolate: false } },
      { extends: true, test: { name: 'chaos', include: CHAOS, fileParallelism: false } },
      { extends: true, test: { name: 'deadlines', include: DEADLINES, fileParallelism: false } },
      { extends: true, test: { name: 'toolchains', include: TOOLCHAINS, fileParallelism: false } },
    ],
  },
});
