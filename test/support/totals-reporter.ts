/** What each project of a run took, printed before vitest's own summary. Nothing asserts these figures. */
import type { Reporter, TestModule } from 'vitest/node';

const SLOWEST = 3;

export function totalsReporter(): Reporter {
  let started = 0;
  return {
    onTestRunStart: () => {
      started = performance.now();
    },
    onTestRunEnd: (modules) => {
      const wall = (performance.now() - started) / 1_000;
      const projects = Map.groupBy(modules, ({ project }) => project.name);
      for (const [name, files] of projects) process.stdout.write(`${totalLine(name, files)}\n`);
      process.stdout.write(`the run: ${wall.toFixed(1)} s\n`);
    },
  };
}

function totalLine(name: string, files: readonly TestModule[]): string {
  const tests = files.reduce((sum, file) => sum + [...file.children.allTests()].length, 0);
  const total = files.reduce((sum, file) => sum + secondsOf(file), 0);
  const slowest = files.toSorted((a, b) => secondsOf(b) - secondsOf(a)).slice(0, SLOWEST);
  const shown = slowest.map((file) => `${file.relativeModuleId} ${secondsOf(file).toFixed(1)} s`);
  return `${name}: ${tests} tests in ${files.length} files, ${total.toFixed(1)} s in all; slowest: ${shown.join(', ')}`;
}

function secondsOf(file: TestModule): number {
  const { collectDuration, setupDuration, duration } = file.diagnostic();
  return (collectDuration + setupDuration + duration) / 1_000;
}
