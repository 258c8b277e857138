/**
 * A vendor that is silent: SendCode is over before its caller's deadline, and a provider says what it knows at once when its signal
 * fires. That it says the right thing: test/e2e/fault-matrix.test.ts, in virtual time.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ABORT_GRACE_MS, SEND_CODE_MS } from '../../src/domain/deadlines.ts';
import { DeliveryStatus } from '../../src/gen/countersign/v1/verification_pb.ts';
import { openProviders } from '../../src/sms/vendors.ts';
import { codesIn, openScene, type Scene, userOf } from '../e2e/fault-scene.ts';
import { ROWS, type Row } from '../e2e/fault-table.ts';
import { codesTo, misbehave } from '../e2e/fault-vendors.ts';
import { createStage } from '../e2e/stage.ts';
import { startVendorFakes } from '../e2e/vendor-fakes.ts';
import { ok } from '../support/clients.ts';
import { eventually } from '../support/wait.ts';
import { elapsedMs, figure } from './figures.ts';

const stage = createStage();
const start: typeof stage.start = (options) => stage.start({ ...options, hurried: true });

const TRIES = 5;

const scenes: Scene[] = [];
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.close();
});

const silent: readonly Row[] = ROWS.filter(({ silent: isSilent }) => isSilent);

describe.each(silent)('$vendor $fault', ({ vendor, fault, misbehaviour }) => {
  it('and the caller hears before its deadline that the message was maybe sent', async () => {
    const timeoutMs = 2_000;
    const scene = await openScene(stage, { vendor, misbehaviour, followers: [], start });
    scenes.push(scene);
    const user = userOf(scene, { timeoutMs });
    const ms = await elapsedMs(async () => {
      expect(ok(await user.send()).delivery).toMatchObject({ provider: vendor, status: DeliveryStatus.UNKNOWN });
    });
    expect(codesIn(scene.codes()).size).toBe(1);
    figure(`${vendor} ${fault}: SendCode over ${(timeoutMs - ms).toFixed(0)} ms before the caller's deadline`);
  });

  it('and the provider ends with its signal', async () => {
    if (misbehaviour.do === 'refuse' || misbehaviour.do === 'no_name') throw new Error('not silent');
    const fakes = await startVendorFakes();
    try {
      misbehave(fakes, vendor, misbehaviour);
      const [opened] = await openProviders(
        loadConfig(fakes.env(vendor), () => ''),
        { now: Date.now },
      );
      const tries: number[] = [];
      while (tries.length < TRIES) {
        const leaving = new AbortController();
        const sending = opened?.provider.send(MESSAGE, leaving.signal);
        await eventually('the vendor has the message', () => {
          return codesTo(fakes, vendor, MESSAGE.to).length === tries.length + 1;
        });
        const ms = await elapsedMs(async () => {
          leaving.abort();
          expect(await sending).toMatchObject({ kind: 'unknown', vendorCode: 'timeout' });
        });
        tries.push(ms);
      }
      // The best one: a pause of this process must not count against the provider.
      const ms = Math.min(...tries);
      opened?.provider.close?.();
      figure(`${vendor} ${fault}: the provider answers ${ms.toFixed(1)} ms after its signal`);
      expect(ms).toBeLessThan(ABORT_GRACE_MS);
    } finally {
      await fakes.stop();
    }
  });
});

it(`a vendor that hangs holds a caller without a deadline for no more than ${SEND_CODE_MS} ms`, async () => {
  const scene = await openScene(stage, {
    ...{ vendor: 'twilio', misbehaviour: { do: 'hang' }, followers: ['hangs', 'healthy'], start },
  });
  scenes.push(scene);
  const ms = await elapsedMs(async () => ok(await userOf(scene).send()));
  figure(`two vendors that hang, no deadline: answered after ${ms.toFixed(0)} ms`);
  expect(ms).toBeLessThan(SEND_CODE_MS);
});

const MESSAGE = {
  ...{ to: '+14155550101', region: 'US', text: 'Acme: 493817 is your login code.', code: '493817', minutes: 5 },
  ...{ purpose: 'login', locale: 'en', variables: {}, sendId: 'send-1', reportToken: 'token', sender: {} },
};
