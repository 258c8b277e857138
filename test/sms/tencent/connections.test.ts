import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import type { ClientRequest } from 'node:http';
import type { Agent } from 'node:https';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Provider } from '../../../src/sms/provider.ts';
import { startTencentFake, type TencentFake } from '../../support/tencent-fake.ts';
import { eventually } from '../../support/wait.ts';
import { MESSAGE, NEVER, SECRETS, tencentTo } from './fixture.ts';

const SENDS = 300;
let fake: TencentFake;
let provider: Provider;

beforeEach(async () => {
  fake = await startTencentFake(SECRETS);
  provider = tencentTo(fake.url);
});
afterEach(async () => {
  provider.close?.();
  await fake.server.stop();
});

test('messages one after another share one connection', async () => {
  const { signal } = new AbortController();
  for (let sent = 0; sent < SENDS; sent++) await provider.send(MESSAGE, signal);
  expect(fake.accepted).toBe(SENDS);
  expect(fake.server.connections.accepted).toBe(1);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('50 messages at a time share 50 connections', async () => {
  let left = SENDS;
  async function sendOn(): Promise<void> {
    while (left-- > 0) await provider.send(MESSAGE, NEVER);
  }
  await Promise.all(Array.from({ length: 50 }, sendOn));
  expect(fake.accepted).toBe(SENDS);
  expect(fake.server.connections.accepted).toBeLessThanOrEqual(50);
});

test('idle connections are kept for a minute, and there is no queue below the service', async () => {
  const agents = new Set<Agent>();
  const see = (message: unknown) =>
    agents.add((message as { request: ClientRequest & { agent: Agent } }).request.agent);
  subscribe('http.client.request.start', see);
  await provider.send(MESSAGE, NEVER);
  unsubscribe('http.client.request.start', see);
  const [agent] = agents;
  expect(agent?.options).toMatchObject({ keepAlive: true, timeout: 60_000, scheduling: 'lifo' });
  expect(agent?.maxSockets).toBe(Number.POSITIVE_INFINITY);
});

test('an answer that nobody reads holds no connection', async () => {
  fake.misbehave({ do: 'answer', status: 502, body: 'x'.repeat(1_000_000) });
  for (let sent = 0; sent < 5; sent++) await provider.send(MESSAGE, NEVER);
  await eventually('no connection is left', () => fake.server.connections.open === 0);
});

test('closing lets a message under way end, and then its connection', async () => {
  await provider.send(MESSAGE, NEVER);
  const release = Promise.withResolvers<void>();
  fake.misbehave({ do: 'hold', until: release.promise });
  const result = provider.send(MESSAGE, NEVER);
  await eventually('Tencent has the message', () => fake.server.requests.length === 2);
  provider.close?.();
  release.resolve();
  expect(await result).toMatchObject({ kind: 'accepted' });
  await eventually('no connection is left', () => fake.server.connections.open === 0);
});

test('closing ends the idle connections', async () => {
  await provider.send(MESSAGE, NEVER);
  expect(fake.server.connections.open).toBe(1);
  provider.close?.();
  await eventually('no connection is left', () => fake.server.connections.open === 0);
});
