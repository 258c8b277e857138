/**
 * `npm run mutation [domain] [verification] [sms]`: Stryker changes the code, one place at a time, and reports the changes that
 * no test notices. Each part is run against its own unit tests only. All of it takes about half an hour on two cores.
 */
import { spawnSync } from 'node:child_process';

interface Part {
  /** Globs of what is changed, separated by commas. */
  readonly mutate: string;
  /** Globs of the tests that must notice, separated by spaces. They need no Redis. */
  readonly tests: string;
}

const PARTS: Readonly<Record<string, Part>> = {
  domain: {
    // Wordings are texts in 16 languages: a test of their words would be a copy of them.
    mutate: 'src/domain/**/*.ts,!src/domain/wordings/**',
    tests: 'test/domain/**/*.test.ts',
  },
  verification: { mutate: 'src/verification/**/*.ts', tests: 'test/verification/**/*.test.ts' },
  sms: {
    mutate: 'src/sms/breaker.ts,src/sms/dispatch.ts,src/sms/guard.ts',
    tests: 'test/sms/{breaker,dispatch,guard}*.test.ts',
  },
};

const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : Object.keys(PARTS)) {
  const part = PARTS[name];
  if (part === undefined) throw new Error(`no such part: ${name}; there are ${Object.keys(PARTS).join(', ')}`);
  // vitest.mutation.config.ts reads it, in the processes that Stryker starts.
  process.env.MUTATION_TESTS = part.tests;
  // What has not changed since the last run is not run again.
  const memory = `reports/mutation/${name}.json`;
  const stryker = ['run', '--mutate', part.mutate, '--incrementalFile', memory];
  const { status, error } = spawnSync('stryker', stryker, { stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exitCode = 1;
}
