/** What every store promises of vendors' message ids: a report and the link to its send find each other, once. */
import { randomBytes } from 'node:crypto';
import { beforeEach, expect, it } from 'vitest';
import type { WaitingReport } from '../../src/store/report-commands.ts';
import { DAY, HOUR, type World } from './contract-world.ts';

export function linkContract(world: World): void {
  const { pass } = world;
  let message = '';
  beforeEach(() => {
    message = `00-${randomBytes(16).toString('base64url')}`;
  });

  const reportOf = (n: number): WaitingReport => ({
    status: 'failed',
    category: 'unreachable',
    vendorCode: `a "quoted" word/${n}`,
  });
  const link = (token = 'token') => world.store().link({ message, token });
  const lookup = (n = 1, other = message) => world.store().lookup({ message: other, report: reportOf(n) });

  it('a report that comes after the link finds the send, as often as it comes', async () => {
    expect(await link()).toEqual({ reports: [] });
    for (let i = 0; i < 3; i++) expect(await lookup()).toEqual({ token: 'token' });
    expect(await link()).toEqual({ reports: [] });
  });

  it('reports that come before the link are handed out with it, in order and once', async () => {
    for (const n of [1, 2, 3]) expect(await lookup(n)).toEqual({ token: null });
    expect(await link()).toEqual({ reports: [reportOf(1), reportOf(2), reportOf(3)] });
    expect(await link()).toEqual({ reports: [] });
    expect(await lookup()).toEqual({ token: 'token' });
  });

  it('no report is lost when the link comes in the middle of them', async () => {
    const numbers = Array.from({ length: 8 }, (_, n) => n);
    const [lookups, { reports }] = await Promise.all([
      Promise.all(numbers.map((n) => lookup(n))),
      // Behind some of them, before others.
      Promise.resolve().then(() => link()),
    ]);
    const found = numbers.filter((n) => lookups[n]?.token === 'token').map(reportOf);
    expect([...reports, ...found]).toEqual(numbers.map(reportOf));
  });

  it('the first link stays', async () => {
    await link('first');
    expect(await link('second')).toEqual({ reports: [] });
    expect(await lookup()).toEqual({ token: 'first' });
  });

  it('keeps at most 8 reports: the newest', async () => {
    for (let n = 0; n < 25; n++) await lookup(n);
    expect(await link()).toEqual({ reports: Array.from({ length: 8 }, (_, n) => reportOf(17 + n)) });
  });

  it('keeps 8 in a bucket, whichever messages they are of: the newest', async () => {
    await lookup(1);
    for (let n = 2; n < 9; n++) await lookup(n, `${message}-${n}`);
    await lookup(9);
    expect(await link()).toEqual({ reports: [reportOf(9)] });
    message += '-2';
    expect(await link()).toEqual({ reports: [reportOf(2)] });
  });

  it('other buckets take no place in this one', async () => {
    const other = message.startsWith('00-A') ? '00-B' : '00-A';
    await lookup(1);
    for (let n = 0; n < 25; n++) await lookup(n, `${other}${randomBytes(16).toString('base64url')}`);
    expect(await link()).toEqual({ reports: [reportOf(1)] });
  });

  it('each report waits for an hour', async () => {
    await lookup(1);
    pass(HOUR - 1);
    await lookup(2);
    await lookup(3, `${message}-another`);
    pass(1);
    expect(await link()).toEqual({ reports: [reportOf(2)] });
    message += '-another';
    pass(HOUR - 1);
    expect(await link()).toEqual({ reports: [] });
  });

  it('what expired does not come back with a later link', async () => {
    await lookup(1);
    pass(HOUR);
    await link();
    pass(3 * DAY);
    expect(await link()).toEqual({ reports: [] });
  });

  it('a link holds for 3 days from the first time', async () => {
    await link();
    pass(3 * DAY - 1);
    await link();
    expect(await lookup(1)).toEqual({ token: 'token' });
    pass(1);
    expect(await lookup(2)).toEqual({ token: null });
    expect(await link('later')).toEqual({ reports: [reportOf(2)] });
    expect(await lookup(3)).toEqual({ token: 'later' });
  });

  it('messages have nothing to do with each other', async () => {
    await link();
    message += '-another';
    expect(await lookup()).toEqual({ token: null });
  });
}
