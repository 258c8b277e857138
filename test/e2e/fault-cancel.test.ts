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
import { virtualTime } from '../support/virtual-time.ts';
import { eventually } from '../support/wait.ts';
import { CHARGED, UNTOUCHED } from './fault-cell.ts';
import { attemptsIn, codesIn, endOfCall, openScene, type Scene, type SceneOptions, userOf } from './fault-scene.ts';
import { createStage } from './stage.ts';
import { CALLER } from './vendor-fakes.ts';

const { getVerification } = VerificationService.method;
const VENDORS = ['tencent', 'twilio', 'twilio-verify', 'webhook'] as const;
const TIMEOUT_MS = 1_500;

const time = virtualTime();
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

  it.each([
    ['takes the message', 'accepted', DeliveryStatus.ACCEPTED],
    ['is silent', 'unknown', DeliveryStatus.UNKNOWN],
  ])('and then %s: what became of it is recorded, and nobody else is asked', async (what, result, status) => {
    const answered = Promise.withResolvers<void>();
    const scene = await open({
      ...{ vendor, followers, timeoutMs: TIMEOUT_MS },
      misbehaviour: { do: 'hold', until: answered.promise },
    });
    const { cancel, heard } = begin(scene);
    await eventually('the vendor has it', () => codesIn(scene.codes()).size === 1, { everyMs: 5 });
    cancel();
    await heard();
    expect(attemptsIn(scene)).toEqual([]);
    if (what === 'is silent') await time.pass(TIMEOUT_MS);
    else answered.resolve();

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
