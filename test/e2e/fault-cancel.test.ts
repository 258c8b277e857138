/** Callers that give up: before a vendor was called nothing is sent, after it what became of the message is recorded. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import {
  DeliveryStatus,
  SendCodeRequestSchema,
  VerificationService,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import { ok } from '../support/clients.ts';
import type { RedisProxy } from '../support/redis-proxy.ts';
import type { Behaviour } from '../support/vendor-server.ts';
import { eventually } from '../support/wait.ts';
import { CHARGED, UNTOUCHED } from './fault-cell.ts';
import { attemptsIn, codesIn, endOfCall, openScene, type Scene, type SceneOptions, userOf } from './fault-scene.ts';
import { createStage } from './stage.ts';
import { CALLER } from './vendor-fakes.ts';

const { getVerification } = VerificationService.method;
const VENDORS = ['tencent', 'twilio', 'webhook'] as const;

const stage = createStage();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(options: SceneOptions): Promise<Scene> {
  const scene = await openScene(stage, options);
  closers.push(scene.close);
  return scene;
}

interface Sending {
  cancel(): void;
  /** Resolves when the service has read everything that this caller sent so far, its cancellation included. */
  heard(): Promise<void>;
}

/** A SendCode under way. */
function begin({ app, phone }: Scene): Sending {
  const client = new Client(app.grpc, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  closers.push(() => client.close());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${CALLER.token}`);
  const start = (method: string, request: MessageInitShape<typeof SendCodeRequestSchema>, done: () => void) => {
    const bytes = Buffer.from(toBinary(SendCodeRequestSchema, create(SendCodeRequestSchema, request)));
    const path = `/${VerificationService.typeName}/${method}`;
    return client.makeUnaryRequest(
      path,
      (same: Buffer) => same,
      (same) => same,
      bytes,
      metadata,
      done,
    );
  };
  const call = start('SendCode', { phone, purpose: 'login' }, () => undefined);
  return {
    cancel: () => call.cancel(),
    // Frames of one connection are read in their order. This call is refused without a look at Redis.
    heard: () => new Promise((resolve) => start('RateStatus', {}, resolve)),
  };
}

describe.each(VENDORS)('before %s is called', (vendor) => {
  /** A SendCode that waits for Redis, which answers after `meanwhile`. */
  async function whileReserving(meanwhile: (sending: Sending) => Promise<void>): Promise<Scene> {
    let redis: RedisProxy | undefined;
    const start: SceneOptions['start'] = async (options) => {
      const { proxy, ...app } = await stage.startProxied(options);
      redis = proxy;
      return app;
    };
    const scene = await open({ vendor, misbehaviour: null, followers: ['healthy'], start });
    redis?.stall('replies');
    redis?.forget();
    const sending = begin(scene);
    await eventually('the reservation', () => redis?.commands().some((name) => name.startsWith('EVAL')));
    await meanwhile(sending);
    redis?.resume('replies');
    return scene;
  }

  it('nothing is sent, and nothing stays charged', async () => {
    const scene = await whileReserving(async ({ cancel, heard }) => {
      cancel();
      await heard();
    });
    expect(await endOfCall(scene)).toMatchObject({ status: 'CANCELLED', reason: 'CANCELED' });
    expect(attemptsIn(scene)).toEqual([]);
    expect(scene.codes()).toEqual([[], []]);
    expect(await userOf(scene).status()).toMatchObject(UNTOUCHED);
  });

  it('negative control: who goes on waiting gets it', async () => {
    const scene = await whileReserving(async ({ heard }) => await heard());
    expect(await endOfCall(scene)).toMatchObject({ status: 'OK' });
    expect(attemptsIn(scene)).toEqual(['accepted']);
    expect(codesIn(scene.codes()).size).toBe(1);
  });
});

describe.each(VENDORS)('while %s is busy', (vendor) => {
  const followers = ['healthy'] as const;
  const success = (phone: string): Behaviour => {
    return {
      do: 'trickle',
      everyMs: 2,
      status: vendor === 'twilio' ? 201 : 200,
      body: JSON.stringify(TAKEN[vendor](phone)),
    };
  };

  it.each<[string, SceneOptions, string, DeliveryStatus]>([
    ['takes the message', { vendor, followers, misbehaviour: success }, 'accepted', DeliveryStatus.ACCEPTED],
    [
      'is silent',
      { vendor, followers, misbehaviour: { do: 'hang' }, timeoutMs: 1_500 },
      'unknown',
      DeliveryStatus.UNKNOWN,
    ],
  ])('and then %s: what became of it is recorded, and nobody else is asked', async (_, options, result, status) => {
    const scene = await open(options);
    const { cancel } = begin(scene);
    await eventually('the vendor has it', () => codesIn(scene.codes()).size === 1, { everyMs: 5 });
    expect(attemptsIn(scene)).toEqual([]);
    cancel();

    expect(await endOfCall(scene)).toMatchObject({ status: 'CANCELLED' });
    expect(attemptsIn(scene)).toEqual([result]);
    const { app, phone } = scene;
    const { token } = CALLER;
    const answer = await app.client('grpc').call(getVerification, { phone, purpose: 'login' }, { token });
    expect(ok(answer).verification).toMatchObject({ sends: 1, delivery: { provider: vendor, status } });
    expect(await userOf(scene).status()).toMatchObject(CHARGED);
    const [[code] = [], others] = scene.codes();
    expect(others).toEqual([]);
    await scene.heal();
    expect(await userOf(scene).verdict(code ?? '', { verificationId: '', phone })).toBe('APPROVED');
  });
});

/** How each vendor says that it took a message. */
const TAKEN = {
  tencent: (PhoneNumber: string) => {
    const status = { SerialNo: '5000:1', PhoneNumber, Fee: 1, Code: 'Ok', Message: 'send success' };
    return { Response: { SendStatusSet: [status], RequestId: '9f0e1d2c' } };
  },
  twilio: () => ({ sid: `SM${'a'.repeat(32)}`, status: 'queued', num_segments: '1' }),
  webhook: () => ({ message_id: 'gateway-1', segments: 1 }),
};
