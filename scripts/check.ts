/** `npm run check`: everything that can be said about the tree without running the service. One line a check. */
import { run } from './run.ts';

interface Check {
  readonly name: string;
  readonly command: readonly string[];
  /** What to do about a failure. */
  readonly mend: string;
}

const CHECKS: readonly Check[] = [
  { name: 'types', command: ['tsc', '-p', '.'], mend: 'mend the code, then: npx tsc -p .' },
  {
    name: 'lint and format',
    command: ['biome', 'ci', '--error-on-warnings', '--colors=off'],
    mend: 'npm run fix',
  },
  { name: 'proto lint', command: ['buf', 'lint'], mend: 'mend proto/, then: npx buf lint' },
  { name: 'proto format', command: ['buf', 'format', 'proto', '-d', '--exit-code'], mend: 'npm run fix' },
  {
    name: 'proto compatibility',
    command: ['node', 'scripts/proto-breaking.ts'],
    mend: 'add a field or an RPC instead of changing one',
  },
  { name: 'generated code', command: ['node', 'scripts/proto-fresh.ts'], mend: 'npm run generate' },
  {
    name: 'configuration reference',
    command: ['node', 'scripts/generate-docs.ts', '--check'],
    mend: 'npm run generate',
  },
  {
    name: "the chart's schema",
    command: ['node', 'scripts/chart-schema.ts', '--check'],
    mend: 'npm run generate',
  },
  { name: 'lockfile', command: ['node', 'scripts/lockfile.ts'], mend: 'npx node scripts/lockfile.ts --mend' },
];

async function check({ name, command, mend }: Check): Promise<boolean> {
  const { code, output, seconds } = await run(command);
  const line = `${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds.toFixed(1)} s)`;
  process.stdout.write(code === 0 ? `${line}\n` : `${line}\n${output}\n     mend: ${mend}\n`);
  return code === 0;
}

const results = await Promise.all(CHECKS.map(check));
const failed = results.filter((ok) => !ok).length;
process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
