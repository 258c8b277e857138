/**
 * SendCode: reserve, send, settle. The store is charged before anything is sent, and gets its charge back when surely
 * nothing was sent.
 */
import type { Background } from '../background.ts';
import { MIN_PROVIDER_MS, SETTLE_MS } from '../domain/deadlines.ts';
import { type Delivery, unsettledDelivery } from '../domain/delivery.ts';
import { type Keyring, NONCE_BYTES, SEED_BYTES, SEND_ID_BYTES } from '../domain/keyring.ts';
import { renderMessage } from '../domain/message.ts';
import { type Phone, refusesType } from '../domain/phone.ts';
import type { LimitPolicy, PurposePolicy } from '../domain/policy.ts';
import { Refused } from '../domain/refusal.ts';
import { type RequestRules, validateSendCode } from '../domain/request.ts';
import type { Emit } from '../event.ts';
import type { Dispatch, Outgoing } from '../sms/dispatch.ts';
import type { Reservation, SendCommand, SendReply, Store } from '../store/store.ts';
import { authorize, validOrRefused } from './authorize.ts';
import { reservationRefusal, undeliveredRefusal } from './send-refusals.ts';
import { createSettle } from './settle.ts';
import { contentKey, requestKey, sessionKey, slotOf } from './slot.ts';
import type { Call, SendCodeInput, SendCodeOutput } from './types.ts';

export interface SendCodeDependencies extends RequestRules {
  readonly store: Pick<Store, 'send' | 'settle'>;
  readonly dispatch: Dispatch;
  /** Makes a vendor's message id lead to its send, where reports come by it. Never rejects. */
  readonly link: (delivery: Delivery, reportToken: string) => Promise<void>;
  readonly keyring: Keyring;
  readonly limits: LimitPolicy;
  /** Names the sender in the text. */
  readonly brand: string;
  /** The fixed code of a test number (E.164), at least as long as any purpose's; null for all others. */
  readonly testCode: (identity: string, now: number) => string | null;
  /** Milliseconds since the epoch: until when a number is a test number. */
  readonly now: () => number;
  /** Cryptographically strong random bytes. */
  readonly random: (bytes: number) => Buffer;
  readonly background: Pick<Background, 'schedule' | 'track'>;
  readonly emit: Emit;
  /** Whether a code that this provider carried is shown to the caller: in development, where it was only printed. */
  readonly disclosesCode: (provider: string) => boolean;
}

/** One send: the valid request, and what the store is asked for. */
interface Send {
  readonly phone: Phone;
  readonly purpose: PurposePolicy;
  readonly locale: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly command: SendCommand;
  readonly codeOf: (seed: string) => string;
}

/** What the store reserved for it. */
interface Issued {
  readonly verificationId: string;
  readonly reservation: Reservation;
  readonly code: string;
}

/** What a test number's verification shows. */
const TEST_DELIVERY: Delivery = { provider: 'test', messageId: '', status: 'delivered', attempts: [] };

export function createSendCode(dependencies: SendCodeDependencies) {
  const { store, dispatch, link, keyring, purposes, limits, background } = dependencies;
  const settle = createSettle(dependencies);

  async function reserve({ command }: Send, call: Call): Promise<SendReply> {
    try {
      return await store.send(command);
    } catch (error) {
      // Maybe charged, but surely not sent: the charge is given back as soon as the store answers again.
      if (!isUntouched(error)) void background.track(settle.doubtful(command));
      call.facts.outcome = 'store_unavailable';
      throw error;
    }
  }

  /** By the first provider that takes it. Throws when surely nothing was sent. */
  async function deliver(send: Send, message: Outgoing, call: Call): Promise<Delivery> {
    const providersMs = call.remainingMs() - SETTLE_MS;
    if (providersMs < MIN_PROVIDER_MS) {
      await settle.refund(send.command);
      throw gaveUp(call);
    }
    const outcome = await dispatch(message, { deadlineMs: providersMs, canceled: call.signal });
    if (outcome.kind === 'not_sent') {
      await settle.refund(send.command);
      throw outcome.canceled ? gaveUp(call) : new Refused(undeliveredRefusal(outcome));
    }
    const { delivery } = outcome;
    await Promise.all([settle.record(send.command, delivery), link(delivery, message.reportToken)]);
    call.facts.outcome = delivery.status === 'accepted' ? 'sent' : 'maybe_sent';
    call.facts.provider = delivery.provider;
    return delivery;
  }

  async function sendCode(request: SendCodeInput, call: Call): Promise<SendCodeOutput> {
    authorize(request.purpose, call, purposes);
    const send = prepare(request, call, dependencies);
    const reply = await reserve(send, call);
    if (reply.kind !== 'reserved' && reply.kind !== 'replayed') throw new Refused(reservationRefusal(reply, limits));
    const { reservation } = reply;
    const verificationId = keyring.verificationId(send.command.slot.phoneKey, reservation.nonce);
    call.facts.verificationId = verificationId;

    if (reply.kind === 'replayed') {
      call.facts.outcome = 'replayed';
      const delivery = reply.delivery ?? unsettledDelivery(reservation.sentAt, reply.now);
      const code = reply.seed === null ? '' : send.codeOf(reply.seed);
      return outputOf(send, { verificationId, reservation, delivery, code }, dependencies);
    }
    if (send.command.rules.test) {
      await settle.record(send.command, TEST_DELIVERY);
      call.facts.outcome = 'test';
      return outputOf(send, { verificationId, reservation, delivery: TEST_DELIVERY, code: '' }, dependencies);
    }
    const code = send.codeOf(reply.seed);
    const delivery = await deliver(send, messageOf(send, { verificationId, reservation, code }, dependencies), call);
    return outputOf(send, { verificationId, reservation, delivery, code }, dependencies);
  }

  // A send goes on after its caller gave up, because its outcome must be recorded: a stop waits for that.
  return (request: SendCodeInput, call: Call) => background.track(sendCode(request, call));
}

/** Throws Refused when the request is not valid. Nothing is charged yet. */
function prepare(request: SendCodeInput, call: Call, dependencies: SendCodeDependencies): Send {
  const { keyring, phones, limits, random, testCode, now } = dependencies;
  const { phone, purpose, locale } = validOrRefused(validateSendCode(request, dependencies), call);
  call.facts.phone = phone.masked;
  const { lifeMs, digits, guesses, resend } = purpose;
  const fixedCode = testCode(phone.identity, now())?.slice(0, digits) ?? null;
  const test = fixedCode !== null;
  if (!test && refusesType(phone, phones)) throw new Refused({ reason: 'NUMBER_TYPE_REFUSED', numberType: phone.type });

  const phoneKey = keyring.phoneKey(phone.identity);
  const slot = slotOf(phoneKey, purpose, call);
  const session = sessionKey(keyring, phoneKey, request.client?.sessionId ?? '');
  const made = (seed: string) => fixedCode ?? keyring.code({ phoneKey, purpose: purpose.name, seed, digits });
  const { seed, nonce, sendId } = drawn(random);
  const code = made(seed);
  const content = contentKey(keyring, phoneKey, request.variables);
  const command = {
    slot,
    rules: { lifeMs, digits, guesses, resend, ...limits, test },
    sendId,
    candidate: { nonce, seed, codeMac: keyring.codeMac({ ...slot, code }) },
    session,
    content,
    request: requestKey(keyring, {
      rpc: 'send',
      slot,
      requestId: request.requestId,
      content: [session, locale, ...Object.entries(request.variables).sort().flat()],
    }),
  };
  // Most sends get the code that was made for them, and not that of an earlier send.
  const codeOf = (of: string) => (of === seed ? code : made(of));
  return { phone, purpose, locale, variables: request.variables, command, codeOf };
}

/** All that is random about a send, drawn at once: a draw costs the same whatever its size. */
function drawn(random: (bytes: number) => Buffer) {
  const bytes = random(SEED_BYTES + NONCE_BYTES + SEND_ID_BYTES);
  return {
    seed: bytes.toString('base64url', 0, SEED_BYTES),
    nonce: bytes.toString('base64url', SEED_BYTES, SEED_BYTES + NONCE_BYTES),
    sendId: bytes.toString('base64url', SEED_BYTES + NONCE_BYTES),
  };
}

function messageOf(
  { phone, purpose, locale, variables, command: { slot, sendId } }: Send,
  { verificationId, reservation, code }: Issued,
  { keyring, brand }: SendCodeDependencies,
): Outgoing {
  // A code that is sent again has only a part of its life left. Rounded down: the text must not promise too much.
  const minutes = Math.max(1, Math.floor((reservation.expiresAt - reservation.sentAt) / 60_000));
  const parameters = { code, minutes, purpose: purpose.name, locale, variables };
  return {
    ...parameters,
    to: phone.e164,
    region: phone.region,
    text: renderMessage({ ...parameters, brand, policy: purpose.message }),
    sendId,
    reportToken: keyring.reportToken({ ...slot, sendId, country: phone.region, nonce: reservation.nonce }),
    verificationId,
  };
}

function outputOf(
  { phone, command }: Send,
  { verificationId, reservation, delivery, code }: Issued & { readonly delivery: Delivery },
  { disclosesCode }: SendCodeDependencies,
): SendCodeOutput {
  const { expiresAt, resendAt, sendsRemaining } = reservation;
  return {
    verificationId,
    expiresAt,
    resendAt,
    phoneMasked: phone.masked,
    sendsRemaining,
    delivery,
    test: command.rules.test,
    code: disclosesCode(delivery.provider) ? code : '',
  };
}

function gaveUp(call: Call): Refused {
  return new Refused({ reason: call.signal.aborted && call.remainingMs() > 0 ? 'CANCELED' : 'DEADLINE' });
}

/** The store surely did nothing. */
function isUntouched(error: unknown): boolean {
  return error instanceof Refused && error.refusal.reason === 'STORE_UNAVAILABLE' && error.refusal.untouched === true;
}
