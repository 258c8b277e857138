/** What probes are told by a process whose event loop does not turn. */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type Child, startChild } from '../support/child.ts';
import { eventually } from '../support/wait.ts';

const OPS = fileURLToPath(new URL('../support/blocked-ops.ts', import.meta.url));

let child: Child | undefined;
afterEach(() => child?.stop(0));

test('/livez answers until the loop has not turned for too long; /readyz says what it knew last, and how old that is', async () => {
  const [deadAfterMs, blockedMs] = [4_000, 8_000];
  child = await startChild(process.execPath, [OPS, String(deadAfterMs), String(blockedMs)], { env: {} });
  const [, port] = await child.printed(/^port (\d+)$/m);
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const ready = { status: 200, body: { status: 'ready', components: { server: 'serving', store: 'ready' } } };
  expect(await ask('/readyz')).toEqual(ready);

  child.signal('SIGUSR2');
  const known = await eventually('the loop does not answer', async () => {
    const answer = await ask('/readyz');
    return 'age_seconds' in answer.body && answer;
  });
  expect(known).toEqual({ status: 200, body: { ...ready.body, age_seconds: expect.any(Number) } });
  expect(await ask('/livez')).toEqual({ status: 200, body: { status: 'alive' } });

  const dead = await eventually('the loop counts as dead', async () => {
    const answer = await ask('/livez');
    return answer.status === 503 && answer;
  });
  expect(dead.body).toEqual({ status: 'dead', age_seconds: expect.any(Number) });
  expect(child.stdout()).not.toContain('turns again');

  await child.printed(/turns again/);
  await eventually('it lives', async () => (await ask('/livez')).status === 200);
  expect(await ask('/readyz')).toEqual(ready);
});
