/** SendCode: reserve, send, settle. Nothing is sent that was not charged before, nothing stays charged that was not sent. */

import type { Delivery } from '../domain/delivery.ts';
import { NONCE_BYTES, SEED_BYTES, SEND_ID_BYTES } from '../domain/keyring.ts';
import { renderMessage } from '../domain/message.ts';
import { type Phone, refusesType } from '../domain/phone.ts';
import { Refused } from '../domain/refusal.ts';
import { checkSendCode } from '../domain/request.ts';
import type { Reservation, SendCommand, SendReply, SettleCommand, Slot } from '../store/store.ts';
import { refusalOf, TEST_DELIVERY, undelivered, unsettled } from './answers.ts';
import { authorize, checked } from './authorize.ts';
import type { VerifierParts } from './parts.ts';
import type { Addressing } from './slot.ts';
import type { Call, SendCodeOutput, Verifier } from './types.ts';

/** Kept of the deadline to record what the provider said. */
const SETTLE_MS = 500;
/** The least that a provider gets: with less, a message is more likely doubted than sent. */
const PROVIDER_MS = 200;
const SETTLE_RETRIES_MS = [100, 500, 2_000, 10_000, 30_000];

export function createSendCode(parts: VerifierParts, addressing: Addressing): Verifier['sendCode'] {
  const { store, dispatch, keyring, purposes, limits, phones, emit, random } = parts;

  /** A settle that fails is tried again in the background: a charge is given back even when the store was away. */
  async function settle(command: SettleCommand, attempt = 0): Promise<void> {
    try {
      await store.settle(command);
    } catch (error) {
      emit({ type: 'settle_failed', refund: command.delivery === null, attempt, error: error as Error });
      const delay = SETTLE_RETRIES_MS[attempt];
      if (delay !== undefined) parts.schedule(() => settle(command, attempt + 1), delay);
    }
  }

  async function reserve(command: SendCommand, call: Call): Promise<SendReply> {
    try {
      return await store.send(command);
    } catch (error) {
      // Maybe charged, surely not sent: give it back as soon as the store answers.
      if (!isUntouched(error)) void settle(settlement(command, null));
      call.facts.outcome = 'store_unavailable';
      throw error;
    }
  }

  function sendOutput(
    slot: Slot,
    phone: Phone,
    sent: { reservation: Reservation; delivery: Delivery; code: string; test: boolean },
  ): SendCodeOutput {
    const { nonce, expiresAt, resendAt, sendsRemaining } = sent.reservation;
    return {
      verificationId: keyring.verificationId(slot.phoneKey, nonce),
      expiresAt,
      resendAt,
      phoneMasked: phone.masked,
      sendsRemaining,
      delivery: sent.delivery,
      test: sent.test,
      code: parts.discloseCodes && sent.delivery.provider === 'console' ? sent.code : '',
    };
  }

  return async (request, call) => {
    authorize(request.purpose, call, purposes);
    const { phone, purpose, locale } = checked(checkSendCode(request, { purposes, phones }));
    call.facts.phone = phone.masked;
    const fixed = parts.testCode(phone.e164)?.slice(0, purpose.digits) ?? null;
    const test = fixed !== null;
    if (!test && refusesType(phone, phones))
      throw new Refused({ reason: 'NUMBER_TYPE_REFUSED', numberType: phone.type });

    const phoneKey = keyring.phoneKey(phone.e164);
    const slot = addressing.slotOf(phoneKey, purpose, call);
    const session = addressing.sessionKey(phoneKey, request.client?.sessionId ?? '');
    const codeOf = (seed: string) =>
      fixed ?? keyring.code({ phoneKey, purpose: purpose.name, seed, digits: purpose.digits });
    const seed = random(SEED_BYTES).toString('base64url');
    const codeMac = keyring.codeMac({ ...slot, code: codeOf(seed) });
    const variables = Object.entries(request.variables).sort().flat();
    const { lifeMs, digits, guesses, resend } = purpose;
    const command = {
      slot,
      rules: { lifeMs, digits, guesses, resend, ...limits, test },
      sendId: random(SEND_ID_BYTES).toString('base64url'),
      candidate: { nonce: random(NONCE_BYTES).toString('base64url'), seed, codeMac },
      session,
      request: addressing.requestKey('send', slot, request.requestId, [session, locale, ...variables]),
    };

    const reply = await reserve(command, call);
    if (reply.kind === 'request_id_reused') throw new Refused({ reason: 'REQUEST_ID_REUSED' });
    if (reply.kind === 'blocked') throw new Refused(refusalOf(reply, limits));
    const { reservation } = reply;
    call.facts.verificationId = keyring.verificationId(phoneKey, reservation.nonce);

    if (reply.kind === 'replayed') {
      call.facts.outcome = 'replayed';
      const delivery = reply.delivery ?? unsettled(reservation.sentAt, reply.now);
      const code = reply.seed === null ? '' : codeOf(reply.seed);
      return sendOutput(slot, phone, { reservation, delivery, code, test });
    }
    if (test) {
      await settle(settlement(command, TEST_DELIVERY));
      call.facts.outcome = 'test';
      return sendOutput(slot, phone, { reservation, delivery: TEST_DELIVERY, code: '', test });
    }

    const providersMs = call.remainingMs() - SETTLE_MS;
    if (call.signal.aborted || providersMs < PROVIDER_MS) {
      await settle(settlement(command, null));
      throw gaveUp(call);
    }
    const code = codeOf(reply.seed);
    // What is left of a code that is sent again, rounded down: the text must not promise more than there is.
    const minutes = Math.max(1, Math.floor((reservation.expiresAt - reservation.sentAt) / 60_000));
    const reportToken = keyring.reportToken({ ...slot, sendId: command.sendId });
    const parameters = { code, minutes, purpose: purpose.name, locale, variables: request.variables };
    const outcome = await dispatch(
      {
        ...parameters,
        to: phone.e164,
        region: phone.region,
        text: renderMessage({ ...parameters, brand: parts.brand, policy: purpose.message }),
        sendId: command.sendId,
        reportToken,
      },
      { deadlineMs: providersMs, canceled: call.signal },
    );

    if (outcome.kind === 'not_sent') {
      await settle(settlement(command, null));
      throw outcome.canceled ? gaveUp(call) : undelivered(outcome);
    }
    const { delivery } = outcome;
    await Promise.all([settle(settlement(command, delivery)), parts.link(delivery, reportToken)]);
    call.facts.outcome = delivery.status === 'accepted' ? 'sent' : 'maybe_sent';
    call.facts.provider = delivery.provider;
    return sendOutput(slot, phone, { reservation, delivery, code, test });
  };
}

function gaveUp(call: Call): Refused {
  return new Refused({ reason: call.signal.aborted && call.remainingMs() > 0 ? 'CANCELED' : 'DEADLINE' });
}

function isUntouched(error: unknown): boolean {
  return error instanceof Refused && error.refusal.reason === 'STORE_UNAVAILABLE' && error.refusal.untouched === true;
}

function settlement(command: SendCommand, delivery: Delivery | null): SettleCommand {
  return { slot: command.slot, sendId: command.sendId, requestHash: command.request?.hash ?? null, delivery };
}
