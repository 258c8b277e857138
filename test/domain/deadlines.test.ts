import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import * as deadlines from '../../src/domain/deadlines.ts';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const helm = parse(read('helm/countersign/values.yaml'));
const defaults = loadConfig({}, () => '');
const calls = VerificationService.methods.map(({ name }) => deadlines.rpcDeadlineMs(name));
const sum = (...ms: number[]) => ms.reduce((a, b) => a + b, 0);

describe('the bounds that callers are promised', () => {
  test.each([
    ['SendCode', 10_000],
    ['CheckCode', 2_000],
    ['RateStatus', 2_000],
    ['GetVerification', 2_000],
    ['CancelVerification', 2_000],
  ])('%s takes at most %d ms', (rpc, ms) => {
    expect(deadlines.rpcDeadlineMs(rpc)).toBe(ms);
  });

  test('each RPC has one', () => {
    expect(calls.every((ms) => ms > 0)).toBe(true);
    expect(calls).toHaveLength(5);
  });
});

/** In each row the first is longer than the second. */
test.each<[why: string, longer: number, shorter: number]>([
  [
    'a SendCode has room for the reservation, the slowest provider and the settlement',
    deadlines.SEND_CODE_MS + 1,
    sum(defaults.redis.commandTimeoutMs, deadlines.MAX_PROVIDER_TIMEOUT_MS, deadlines.SETTLE_MS),
  ],
  ['the settlement has room for one command of Redis', deadlines.SETTLE_MS, defaults.redis.commandTimeoutMs],
  [
    'a provider that was aborted answers before the settlement begins late',
    deadlines.SETTLE_MS,
    deadlines.ABORT_GRACE_MS,
  ],
  ['all providers together have more than one of them', deadlines.PROVIDERS_MS, deadlines.MAX_PROVIDER_TIMEOUT_MS],
  ['a provider that is called has more than the least', deadlines.MAX_PROVIDER_TIMEOUT_MS, deadlines.MIN_PROVIDER_MS],
  ['a provider without a time-out is ended by its call', deadlines.DEFAULT_PROVIDER_TIMEOUT_MS, deadlines.PROVIDERS_MS],
  ['every other RPC has room for one command of Redis', deadlines.OTHER_RPC_MS, defaults.redis.commandTimeoutMs],
  [
    'a send is SENDING for longer than any SendCode takes',
    deadlines.SENDING_MS,
    deadlines.SEND_CODE_MS + deadlines.ABORT_GRACE_MS,
  ],
  ['a drain is as long as the longest call', deadlines.DRAIN_MS + 1, Math.max(...calls)],
  ['a drain is as long as a fetch of reports', deadlines.DRAIN_MS + 1, deadlines.PULL_MS],
  [
    'a stop is longer than its steps',
    deadlines.STOP_MS,
    sum(deadlines.DRAIN_MS, Math.max(deadlines.FLUSH_MS, deadlines.MESSAGING_CLOSE_MS)),
  ],
  [
    'Kubernetes waits longer than the pause before the signal and a stop',
    helm.terminationGracePeriodSeconds * 1000,
    sum(helm.preStopSleepSeconds * 1000, deadlines.STOP_MS),
  ],
  ['a connection that is renewed outlives its calls', deadlines.CONNECTION_GRACE_MS, Math.max(...calls)],
  [
    'Docker waits longer for the health check than the check for the service',
    Number(/^HEALTHCHECK.*--timeout=(\d+)s/m.exec(read('Dockerfile'))?.[1]) * 1000,
    deadlines.HEALTHCHECK_MS,
  ],
  ['send-test waits longer than a SendCode', deadlines.SEND_TEST_MS, deadlines.SEND_CODE_MS],
  ['a breaker that opens again stays open for longer', deadlines.BREAKER_MAX_OPEN_MS, deadlines.BREAKER_OPEN_MS],
])('%s', (_, longer, shorter) => {
  expect(longer).toBeGreaterThan(shorter);
});

test('the pauses between tries to settle grow', () => {
  expect([...deadlines.SETTLE_RETRIES_MS].sort((a, b) => a - b)).toEqual(deadlines.SETTLE_RETRIES_MS);
});

test('the chart hands the period of grace to the pod', () => {
  expect(read('helm/countersign/templates/deployment.yaml')).toContain(
    'terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}',
  );
});
