/**
 * What holds in every cell of the fault matrix: at most two SMS for one SendCode, both with the same code; an answer before
 * the caller's deadline; and a charge for what was maybe sent, none for what surely was not.
 */
import { afterAll, afterEach, expect } from 'vitest';
import {
  type Delivery,
  DeliveryAttemptResultSchema,
  DeliveryStatus,
  DeliveryStatusSchema,
  type SendCodeResponse,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import type { VendorName as ProviderName } from '../../src/sms/vendors.ts';
import { type Answer, ok } from '../support/clients.ts';
import type { Arrangement, Evidence, Expected } from './fault-arrangements.ts';
import { attemptsIn, codesIn, endOfCall, openScene, type Plant, type Scene, SHORT_MS, userOf } from './fault-scene.ts';
import type { Row } from './fault-table.ts';
import { figure, type Stage } from './stage.ts';
import type { User } from './user.ts';

const DEADLINE_MS = 1_000;
/** What an answer may take beyond its deadline. */
const OVERRUN_MS = 100;
const MAX_SMS = 2;
const REQUEST_ID = 'the one and only';

/** What RateStatus says of a phone that never got an SMS, and of one that maybe got one. */
export const UNTOUCHED = charges(0);
export const CHARGED = charges(1);

interface Played {
  readonly scene: Scene;
  readonly row: Row;
  readonly expected: Expected;
  readonly answer: Answer<SendCodeResponse>;
  /** Asks what became of it, without a deadline. */
  readonly user: User;
}

/** Registers hooks: call it at the top of a file. What it returns plays one cell, and asserts everything about it. */
export function createCells(stage: Stage) {
  const scenes: Scene[] = [];
  const seen = { cells: 0, sends: 0, sms: 0, overrunMs: Number.NEGATIVE_INFINITY };

  afterEach(async () => {
    for (const scene of scenes.splice(0)) await scene.close();
  });

  afterAll(() => {
    const { cells, sends, sms, overrunMs } = seen;
    const latest = `${Math.abs(overrunMs).toFixed(0)} ms ${overrunMs > 0 ? 'after' : 'before'} its deadline`;
    figure(`fault matrix: ${cells} cells, ${sends} SendCodes, at most ${sms} SMS each, the latest answer ${latest}`);
  });

  return async (row: Row, { followers, expected }: Arrangement, plant?: Plant): Promise<void> => {
    const { vendor, misbehaviour, silent } = row;
    // Only what says nothing must not be waited for: a busy machine may take its time with an answer.
    const timeout = silent ? { timeoutMs: SHORT_MS } : {};
    const scene = await openScene(stage, { vendor, misbehaviour, followers, plant, ...timeout });
    scenes.push(scene);
    const { answer, overrunMs } = await sendInTime(scene);
    const evidence = evidenceOf(row, attemptsIn(scene));
    const played = { scene, row, answer, user: userOf(scene), expected: expected[evidence] };
    const sms = expectMessages(played);
    if (played.expected.answer === 'refused') await expectGivenBack(played);
    else await expectCharged(played);
    seen.cells += 1;
    seen.sends += 1;
    seen.sms = Math.max(seen.sms, sms);
    seen.overrunMs = Math.max(seen.overrunMs, overrunMs);
  };
}

/** The client ends a call at its deadline, whatever the service does: how long that took, it must tell itself. */
async function sendInTime(scene: Scene): Promise<{ answer: Answer<SendCodeResponse>; overrunMs: number }> {
  const user = userOf(scene, { timeoutMs: DEADLINE_MS });
  const start = performance.now();
  const answer = await user.send({ requestId: REQUEST_ID });
  const callMs = performance.now() - start;
  const { seconds } = await endOfCall(scene);
  const overrunMs = Math.max(callMs, seconds * 1_000) - DEADLINE_MS;
  expect(overrunMs, 'milliseconds after the deadline').toBeLessThan(OVERRUN_MS);
  return { answer, overrunMs };
}

/** Where microseconds decide, the service has said how. */
function evidenceOf({ verdict }: Row, [first]: readonly string[]): Evidence {
  if (verdict !== 'not_sent or maybe') return verdict;
  return first === 'unknown' ? 'maybe' : 'not_sent';
}

/** Returns how many SMS have maybe gone out. */
function expectMessages({ scene, row, expected }: Played): number {
  const codes = scene.codes();
  const [faulty = [], ...others] = codes;
  const sms = [...(row.verdict === 'maybe' ? faulty : []), ...others.flat()].length;
  expect(sms, 'SMS for one SendCode').toBeLessThanOrEqual(MAX_SMS);
  expect(codesIn(codes).size, 'different codes in the SMS of one SendCode').toBeLessThanOrEqual(1);
  const tried = expected.attempts.length;
  expect(codes.map(({ length }) => length)).toEqual(
    codes.map((_, place) => (place < tried && (place > 0 || row.read) ? 1 : 0)),
  );
  return sms;
}

/** Nothing was sent: it is as if nobody had asked, and who asks again with the same request_id gets an SMS. */
async function expectGivenBack({ scene, user, row, answer, expected }: Played): Promise<void> {
  expect(await user.status(), 'given back').toMatchObject(UNTOUCHED);
  const { status, reason, retryDelay } = row.refusal ?? { status: 'OK', reason: '' };
  const details = { ErrorInfo: { reason }, ...(retryDelay !== undefined && { RetryInfo: { retryDelay } }) };
  expect(answer).toMatchObject({ status, details });
  expect(attemptsIn(scene)).toEqual(expected.attempts);

  const before = scene.codes();
  await scene.heal();
  const { delivery } = ok(await user.send({ requestId: REQUEST_ID }));
  expect(delivery).toMatchObject({ provider: scene.route[0], status: DeliveryStatus.ACCEPTED });
  expect(await user.status(), 'charged').toMatchObject(CHARGED);
  const [sent = [], ...others] = scene.codes();
  expect(sent).toHaveLength((before[0]?.length ?? 0) + 1);
  expect(others).toEqual(before.slice(1));
  expect(await user.verdict(sent.at(-1) ?? '')).toBe('APPROVED');
}

/** Something was maybe sent: every message that may have gone out is charged, the answer and the record say so, the code is right, and asking again sends nothing more. */
async function expectCharged({ scene, user, expected, answer }: Played): Promise<void> {
  const messages = expected.attempts.filter((result) => result === 'unknown' || result === 'accepted').length;
  expect(await user.status(), 'charged').toMatchObject(charges(messages));
  const { verificationId, delivery } = ok(answer);
  expect(gistOf(delivery, scene)).toEqual(expected);

  const codes = scene.codes();
  await scene.heal();
  expect(ok(await user.send({ requestId: REQUEST_ID }))).toMatchObject({ verificationId, delivery });
  expect((await user.record()).delivery).toEqual(delivery);
  expect(scene.codes()).toEqual(codes);
  // A message that no vendor has read shows its code to nobody.
  for (const code of codesIn(codes)) expect(await user.verdict(code)).toBe('APPROVED');
}

/** In the words of the table. */
function gistOf(delivery: Delivery | undefined, { route }: Scene) {
  const attempts = delivery?.attempts ?? [];
  expect(attempts.map(({ provider }) => provider)).toEqual(route.slice(0, attempts.length));
  return {
    answer: DeliveryStatusSchema.value[delivery?.status ?? 0]?.localName,
    by: route.indexOf(delivery?.provider as ProviderName),
    attempts: attempts.map(({ result }) => DeliveryAttemptResultSchema.value[result]?.localName.toLowerCase()),
  };
}

function charges(sends: number) {
  const blocked = sends > 0;
  return {
    canSend: !blocked,
    canCheck: blocked,
    blockedBy: blocked ? 'cooldown' : '',
    cooldown: { active: blocked, level: sends },
    limits: ['phone_hour', 'phone_day'].map((name) => ({ name, used: sends })),
  };
}
