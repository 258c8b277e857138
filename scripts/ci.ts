/**
 * `npm run ci`: every suite, one after the other, each within its time. Ends with `N passed, N failed` over all of them;
 * a suite that cannot run on this machine says so in its own output. Fails when anything failed.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ran, run } from './run.ts';

interface Suite {
  /** The npm script. */
  readonly script: string;
  /** Where its figures come from: vitest's JSON report, or the last line `N passed, N failed` that it prints. */
  readonly figures: 'vitest' | 'printed';
  readonly minutes: number;
}

const SUITES: readonly Suite[] = [
  { script: 'check', figures: 'printed', minutes: 3 },
  { script: 'test', figures: 'vitest', minutes: 10 },
  { script: 'test:chart', figures: 'printed', minutes: 12 },
  { script: 'test:chaos', figures: 'vitest', minutes: 15 },
];

interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** All of them together; a suite that begins late has what is left. */
const MINUTES = 36;

const started = performance.now();
const reports = mkdtempSync(join(tmpdir(), 'countersign-ci-'));
process.on('exit', () => rmSync(reports, { recursive: true, force: true }));

async function runSuite({ script, figures, minutes }: Suite): Promise<Tally> {
  process.stdout.write(`\n== npm run ${script}\n`);
  const report = join(reports, `${script.replace(':', '-')}.json`);
  const reporting = ['--', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const command = ['npm', 'run', '--silent', script, ...(figures === 'vitest' ? reporting : [])];
  const left = MINUTES * 60_000 - (performance.now() - started);
  const ran = await run(command, {
    echo: true,
    timeoutMs: Math.max(Math.min(minutes * 60_000, left), 1),
  });
  const tally = figures === 'vitest' ? reported(report) : printed(ran);
  if (ran.code === 0 && tally !== null) return tally;
  // Dying, running out of time, failing outside of any test: a failure even when no test says so.
  const status = ran.code === null ? 'did not finish' : `ended with status ${ran.code}`;
  process.stdout.write(`npm run ${script} ${status}${tally === null ? ' and gave no figures' : ''}\n`);
  return { passed: tally?.passed ?? 0, failed: Math.max(tally?.failed ?? 0, 1) };
}

function reported(file: string): Tally | null {
  if (!existsSync(file)) return null;
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(file, 'utf8'));
  return { passed: numPassedTests, failed: numFailedTests };
}

function printed({ output }: Ran): Tally | null {
  const last = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  return last ? { passed: Number(last[1]), failed: Number(last[2]) } : null;
}

const total = { passed: 0, failed: 0 };
for (const suite of SUITES) {
  const { passed, failed } = await runSuite(suite);
  total.passed += passed;
  total.failed += failed;
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 ? 0 : 1;
