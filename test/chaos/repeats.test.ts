/** OK means that an SMS was taken, or may have been: whatever is lost, however the call is repeated. */
import { afterAll, describe, expect, it } from 'vitest';
import { figure, phoneAt, scaled } from './load.ts';
import { FAULTS, MOMENTS, type Outage, type Outcome, suffer } from './repeats-cell.ts';

/** The short form leaves out what differs in length only. */
const SECONDS = scaled(1) > 1 || process.env.CHAOS_REPEATS === 'all' ? [0, 1, 3, 12] : [0, 3];
/** Of each way to repeat, in each outage. */
const CALLERS = 2;

const OUTAGES: Outage[] = FAULTS.flatMap((fault) =>
  MOMENTS.flatMap((moment) => SECONDS.map((seconds) => ({ fault, moment, seconds }))),
);

let phones = 0;
const all: Outcome[] = [];

describe('a SendCode that is repeated while Redis', () => {
  it.each(OUTAGES)('is $fault for $seconds s, which loses its $moment', { concurrent: true }, async (outage) => {
    const outcomes = await suffer(outage, { each: CALLERS, phone: () => phoneAt(phones++) });
    all.push(...outcomes);
    expect(outcomes.filter(({ untrue }) => untrue > 0)).toEqual([]);
    const failover = outage.fault === 'killed';
    for (const outcome of outcomes) {
      const { repeater, end, messages, approved } = outcome;
      // After a failover, the code of an answer that was given before may be lost: that is said.
      expect(failover ? ['OK', 'ABORTED'] : ['OK'], JSON.stringify(outcome)).toContain(end);
      expect(approved, JSON.stringify(outcome)).toBe(end === 'OK');
      const most = failover || repeater === 'survivor' ? 2 : 1;
      expect(messages, JSON.stringify(outcome)).toBeGreaterThanOrEqual(1);
      expect(messages, JSON.stringify(outcome)).toBeLessThanOrEqual(most);
    }
  });
});

afterAll(() => {
  const lived = all.filter(({ outage, repeater }) => outage.fault !== 'killed' && repeater !== 'survivor');
  const dead = all.filter(({ outage, repeater }) => outage.fault !== 'killed' && repeater === 'survivor');
  const failover = all.filter(({ outage }) => outage.fault === 'killed');
  const count = (of: Outcome[]) =>
    `${of.length} request ids, ${of.filter(({ messages }) => messages === 1).length} with 1 SMS, ${of.filter(({ messages }) => messages === 2).length} with 2, ${of.filter(({ end }) => end === 'ABORTED').length} told that the code was lost`;
  figure(
    `OK without an SMS: ${all.reduce((sum, { untrue }) => sum + untrue, 0)} of ${all.reduce((sum, { oks }) => sum + oks, 0)} OKs`,
  );
  figure(`process lived: ${count(lived)}`);
  figure(`process died: ${count(dead)}`);
  figure(`failover: ${count(failover)}`);
});
