import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { startChild } from './child.ts';
import { eventually } from './wait.ts';

const node = (script: string) => startChild(process.execPath, ['-e', script], { env: {} });
const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('what a child prints can be waited for and is kept', async () => {
  const child = await node("console.log('port 123'); console.error('warning'); setInterval(() => {}, 1000)");
  expect((await child.printed(/port (\d+)/))[1]).toBe('123');
  await child.printed(/warning/);
  expect([child.stdout(), child.stderr()]).toEqual(['port 123\n', 'warning\n']);
  await child.stop();
  expect(child.running()).toBe(false);
});

test('waiting for a child that ends fails at once and quotes it', async () => {
  const child = await node("console.error('no such setting'); process.exit(3)");
  await expect(child.printed(/ready/)).rejects.toThrow('no such setting');
  expect(await child.exited).toBe(3);
});

test('a child that ignores SIGTERM is killed after the grace', async () => {
  const child = await node("process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)");
  await child.printed(/up/);
  expect(await child.stop(20)).toBeNull();
});

test('nothing is inherited from the environment', async () => {
  const child = await node('console.log(process.env.PATH)');
  await child.exited;
  expect(child.stdout()).toBe('undefined\n');
});

test('a child dies with the process that started it, even when that is killed with -9', async () => {
  const script = `
    import { startChild } from ${JSON.stringify(new URL('./child.ts', import.meta.url).href)};
    const child = await startChild('/bin/sleep', ['60'], { env: {} });
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(parent.stdout), 'line');
  const pid = Number(line);
  expect(alive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await eventually('the child is gone', () => !alive(pid));
});
