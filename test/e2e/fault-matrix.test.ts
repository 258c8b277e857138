/**
 * The fault matrix: the whole service, with the vendors' real SDKs and a real Redis, against vendors that misbehave in every
 * way there is. The cells are data (fault-table.ts), and the same must hold in each (fault-cell.ts).
 */
import { describe, expect, it } from 'vitest';
import type { Message, Provider, SendResult } from '../../src/sms/provider.ts';
import { virtualTime } from '../support/virtual-time.ts';
import {
  ALONE,
  BEFORE_A_HEALTHY_ONE,
  BEFORE_ONE_IN_DOUBT,
  BEFORE_ONE_THAT_HANGS,
  BEFORE_ONE_THAT_IS_DOWN,
  OUTLASTING_THE_CALLER,
} from './fault-arrangements.ts';
import { createCells } from './fault-cell.ts';
import { ROWS, type Row, SAMPLE } from './fault-table.ts';
import { createStage } from './stage.ts';

const time = virtualTime();
const play = createCells(createStage(), time);

describe.each(['tencent', 'twilio', 'twilio-verify', 'webhook'] as const)('%s', (vendor) => {
  const rows = ROWS.filter((row) => row.vendor === vendor);
  const sample = rows.filter(({ fault }) => SAMPLE.has(fault));
  const silent = rows.filter((row) => row.silent).map((row) => ({ ...row, silent: false }));

  it.each(rows)('$fault, and has nobody behind it: $verdict', (row) => play(row, ALONE));
  it.each(rows)('$fault, and has a healthy one behind it: $verdict', (row) => play(row, BEFORE_A_HEALTHY_ONE));
  it.each(sample)('$fault, and the next one hangs: $verdict', (row) => play(row, BEFORE_ONE_THAT_HANGS));
  it.each(sample)('$fault, and the next one loses its answer: $verdict', (row) => play(row, BEFORE_ONE_IN_DOUBT));
  it.each(sample)('$fault, and the next one is closed: $verdict', (row) => play(row, BEFORE_ONE_THAT_IS_DOWN));
  it.each(silent)('$fault for longer than its caller waits: $verdict', (row) => play(row, OUTLASTING_THE_CALLER));
});

describe('negative control', () => {
  it.each(['tencent', 'twilio', 'twilio-verify', 'webhook'] as const)(
    'a time-out of %s that counts as a failure gives back what was maybe sent',
    async (vendor) => {
      await expect(play(rowOf(vendor, 'never answers'), ALONE, sure)).rejects.toThrow('charged: expected');
    },
  );

  it('an outage that counts as doubt charges what was not sent', async () => {
    await expect(play(rowOf('twilio', 'answers 429 without Retry-After'), ALONE, doubtful)).rejects.toThrow(
      'given back: expected',
    );
  });

  it('doubt that counts as an outage sends three SMS', async () => {
    await expect(play(rowOf('webhook', 'answers 500'), BEFORE_ONE_IN_DOUBT, sure)).rejects.toThrow(
      'SMS for one SendCode: expected 3',
    );
  });

  it.each(['tencent', 'twilio', 'twilio-verify', 'webhook'] as const)(
    'another code for the provider behind %s is seen',
    async (vendor) => {
      const row = rowOf(vendor, 'resets after it read the request');
      await expect(play(row, BEFORE_A_HEALTHY_ONE, anotherCode)).rejects.toThrow(
        'different codes in the SMS of one SendCode: expected 2',
      );
    },
  );
});

function rowOf(vendor: Row['vendor'], fault: string): Row {
  const row = ROWS.find((each) => each.vendor === vendor && each.fault === fault);
  if (row === undefined) throw new Error(`no such row: ${vendor} ${fault}`);
  return row;
}

function sure(provider: Provider): Provider {
  return answering(provider, (result) => (result.kind === 'unknown' ? { ...result, kind: 'unavailable' } : result));
}

function doubtful(provider: Provider): Provider {
  return answering(provider, (result) => (result.kind === 'unavailable' ? { ...result, kind: 'unknown' } : result));
}

function answering(provider: Provider, change: (result: SendResult) => SendResult): Provider {
  return { ...provider, send: async (message, signal) => change(await provider.send(message, signal)) };
}

function anotherCode(provider: Provider, place: number): Provider {
  if (place === 0) return provider;
  const changed = ({ code, text, ...message }: Message): Message => {
    const other = [...code].map((digit) => (Number(digit) + 1) % 10).join('');
    return { ...message, code: other, text: text.replaceAll(code, other) };
  };
  return { ...provider, send: (message, signal) => provider.send(changed(message), signal) };
}
