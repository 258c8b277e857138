/**
 * A verification of Twilio's is not a message: it is the one pending code of a number, for ten minutes. What follows
 * from that, from SendCode to GetVerification.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { DeliveryStatus } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { RunningApp } from '../support/app.ts';
import { ok } from '../support/clients.ts';
import { eventually } from '../support/wait.ts';
import { metric } from './meter.ts';
import { createStage } from './stage.ts';
import { createUser } from './user.ts';
import { CALLER, PRODUCTION, startVendorFakes, type VendorFakes } from './vendor-fakes.ts';

const stage = createStage();
const open: VendorFakes[] = [];
afterAll(() => Promise.all(open.map((fakes) => fakes.stop())));

async function start(env: Readonly<Record<string, string>> = {}, file = '') {
  const fakes = await startVendorFakes();
  open.push(fakes);
  const settings = { ...PRODUCTION, ...fakes.env('twilio-verify'), SMS_RESEND_INTERVAL_SECONDS: '0', ...env };
  const app = await stage.start({ configured: true, env: settings, file });
  const user = (purpose: string, phone: string) =>
    createUser(fakes.delivering(app), { protocol: 'grpc', phone, purpose, ...CALLER });
  return { fakes, verify: fakes['twilio-verify'], app, user };
}

const conversionsIn = ({ events }: RunningApp) => events.filter(({ type }) => type === 'conversion');
const toldOf = (app: RunningApp, count: number) =>
  eventually('Twilio was told', () => conversionsIn(app).length === count, { everyMs: 2 });
const PURPOSES = 'purposes: { login: { resend: new }, pay: {} }';

describe('two codes to one number within ten minutes', () => {
  it('of two purposes are both right; the approval of the one before comes too late, which fails nothing', async () => {
    const { verify, app, user } = await start({}, PURPOSES);
    const phone = stage.phone();
    const [login, pay] = [user('login', phone), user('pay', phone)];
    ok(await login.send());
    const loginCode = login.code();
    ok(await pay.send());
    // The phone shows what the service checks, although Verify keeps the first code of a verification.
    expect(verify.messages.map(({ code }) => code)).toEqual([loginCode, pay.code()]);
    expect(await login.verdict(loginCode)).toBe('APPROVED');
    await toldOf(app, 1);
    expect(await pay.verdict(pay.code())).toBe('APPROVED');
    await toldOf(app, 2);
    expect(conversionsIn(app)).toMatchObject([{ ok: false, vendorCode: 'too_late' }, { ok: true }]);
    expect(await metric(app, 'countersign_conversions_total', { provider: 'twilio-verify', ok: 'true' })).toBe(1);
  });

  it('of one purpose: the phone shows the new one', async () => {
    const { verify, user } = await start({}, PURPOSES);
    const login = user('login', stage.phone());
    const codes: string[] = [];
    for (let sent = 0; sent < 3; sent++) {
      ok(await login.send());
      codes.push(login.code());
    }
    expect(new Set(codes).size).toBe(3);
    expect(verify.messages.map(({ code }) => code)).toEqual(codes);
    expect(await login.verdict(codes.at(-1) ?? '')).toBe('APPROVED');
  });
});

describe('delivery reports are fetched', () => {
  it('and end in the states of GetVerification, by the id of the attempt', async () => {
    const { verify, app, user } = await start({ TWILIO_VERIFY_POLL_SECONDS: '1' });
    const [first, second] = [user('login', stage.phone()), user('login', stage.phone())];
    for (const each of [first, second]) ok(await each.send());
    const [arrived, lost] = verify.messages.map(({ attemptSid }) => attemptSid);
    verify.settle(arrived ?? '', { status: 'delivered' });
    verify.settle(lost ?? '', { status: 'undelivered', errorCode: '30005' });
    await eventually('both were fetched', () => app.events.filter(({ type }) => type === 'report').length === 2);
    expect((await first.record()).delivery).toMatchObject({
      provider: 'twilio-verify',
      messageId: expect.stringMatching(`^${arrived}\\.VE`),
      status: DeliveryStatus.DELIVERED,
    });
    expect((await second.record()).delivery).toMatchObject({
      status: DeliveryStatus.FAILED,
      failure: 'invalid_number',
    });
    expect(app.callbacks).toBeNull();
  });

  it('from 429 on they are fetched again, less often', async () => {
    const { verify, app, user } = await start({ TWILIO_VERIFY_POLL_SECONDS: '1' });
    const login = user('login', stage.phone());
    ok(await login.send());
    verify.settle(verify.messages[0]?.attemptSid ?? '', { status: 'delivered' });
    verify.behave({ do: 'answer', status: 429, body: '{"code":20429,"message":"vendor text"}' });
    await eventually('it failed', () => app.events.some(({ type }) => type === 'reports_failed'));
    verify.behave(null);
    await eventually('it was fetched', async () => {
      return (await login.record()).delivery?.status === DeliveryStatus.DELIVERED;
    });
    expect(app.log()).not.toContain('vendor text');
  });
});

it('a service that takes no codes of ours is the operator’s to mend, and sends nothing', async () => {
  const { verify, app, user } = await start();
  verify.allowCustomCodes(false);
  const login = user('login', stage.phone());
  const refused = await login.send();
  expect(refused).toMatchObject({ status: 'INTERNAL', details: { ErrorInfo: { reason: 'DELIVERY_MISCONFIGURED' } } });
  expect(app.events).toContainEqual(expect.objectContaining({ type: 'attempt', vendorCode: '60204' }));
  expect(verify.messages).toEqual([]);
});
