/**
 * What holds in every cell of the fault matrix: at most two SMS for one SendCode, both with the same code; an answer before
 * the caller's deadline; and a charge for what was maybe sent, none for what surely was not.
 */
import { afterAll, afterEach, expect } from 'vitest';
import { SETTLE_MS } from '../../src/domain/deadlines.ts';
import {
  type Delivery,
  DeliveryAttemptResultSchema,
  DeliveryStatus,
  DeliveryStatusSchema,
  type SendCodeResponse,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import type { VendorName as ProviderName } from '../../src/sms/vendors.ts';
import { type Answer, ok } from '../support/clients.ts';
import type { VirtualTime } from '../support/virtual-time.ts';
import { eventually } from '../support/wait.ts';
import type { Arrangement, Evidence, Expected } from './fault-arrangements.ts';
import { attemptsIn, codesIn, endOfCall, openScene, type Plant, type Scene, SHORT_MS, userOf } from './fault-scene.ts';
import { type Row, SILENT } from './fault-table.ts';
import { figure, type Stage } from './stage.ts';
import type { User } from './user.ts';

/** The caller's. Too short for a second try at the same vendor, which would have to wait a second. */
const DEADLINE_MS = 1_000;
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
export function createCells(stage: Stage, time: VirtualTime) {
  const scenes: Scene[] = [];
  const seen = { cells: 0, sends: 0, sms: 0, tookMs: 0 };

  afterEach(async () => {
    for (const scene of scenes.splice(0)) await scene.close();
  });

  afterAll(() => {
    const { cells, sends, sms, tookMs } = seen;
    const latest = `the latest answer ${DEADLINE_MS - tookMs} ms of virtual time before its deadline`;
    figure(`fault matrix: ${cells} cells, ${sends} SendCodes, at most ${sms} SMS each, ${latest}`);
  });

  return async (row: Row, arrangement: Arrangement, plant?: Plant): Promise<void> => {
    const { followers, expected } = arrangement;
    const { vendor, misbehaviour, silent } = row;
    const timeout = silent ? { timeoutMs: SHORT_MS } : {};
    const scene = await openScene(stage, { vendor, misbehaviour, followers, plant, ...timeout });
    scenes.push(scene);
    const { answer, tookMs } = await sendInTime(scene, silencesOf(row, arrangement, plant), time);
    const evidence = evidenceOf(row, attemptsIn(scene));
    const played = { scene, row, answer, user: userOf(scene), expected: expected[evidence] };
    const sms = expectMessages(played);
    if (played.expected.answer === 'refused') await expectGivenBack(played);
    else await expectCharged(played);
    seen.cells += 1;
    seen.sends += 1;
    seen.sms = Math.max(seen.sms, sms);
    seen.tookMs = Math.max(seen.tookMs, tookMs);
  };
}

interface Silence {
  /** In the route, of a provider that says no last word. */
  readonly place: number;
  /** When its time is over, from the beginning of the call. */
  readonly untilMs: number;
}

/** What a call has to sit out. */
function silencesOf(row: Row, { followers }: Arrangement, plant?: Plant): Silence[] {
  // What is kept to record the outcome is not the providers'.
  const lastMs = DEADLINE_MS - SETTLE_MS;
  const silences: Silence[] = [];
  // A planted provider has no time-out of its own.
  const ownMs = row.silent && plant === undefined ? SHORT_MS : lastMs;
  if (SILENT.has(row.misbehaviour.do)) silences.push({ place: 0, untilMs: ownMs });
  if (followers[0] === 'hangs' && row.verdict !== 'final') silences.push({ place: 1, untilMs: lastMs });
  return silences;
}

/** Time passes only while a provider is silent that has read the message: what takes long for other reasons is not late. */
async function sendInTime(
  scene: Scene,
  silences: readonly Silence[],
  time: VirtualTime,
): Promise<{ answer: Answer<SendCodeResponse>; tookMs: number }> {
  const user = userOf(scene, { timeoutMs: DEADLINE_MS });
  const start = time.elapsed();
  const sending = user.send({ requestId: REQUEST_ID });
  for (const { place, untilMs } of silences) {
    await eventually('the silent vendor has read the message', () => scene.codes()[place]?.length === 1, {
      everyMs: 1,
    });
    await time.pass(start + untilMs - time.elapsed());
  }
  const { seconds } = await endOfCall(scene);
  const answer = await sending;
  const tookMs = Math.max(time.elapsed() - start, seconds * 1_000);
  expect(tookMs, 'milliseconds until the answer').toBeLessThan(DEADLINE_MS);
  return { answer, tookMs };
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
  // What a vendor has read and surely not sent is no SMS.
  const sent = others.filter((_, index) => expected.attempts[index + 1] !== 'unavailable');
  const sms = [...(row.verdict === 'maybe' ? faulty : []), ...sent.flat()].length;
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
