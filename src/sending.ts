/** SendCode: reserve, send, settle. Nothing is sent that was not charged before, nothing stays charged that was not sent. */
import type { Addressing } from './addressing.ts';
import { authorize, checked } from './admission.ts';
import { refusalOf, unsettled } from './answers.ts';
import type { Delivery } from './domain/delivery.ts';
import { NONCE_BYTES, SEED_BYTES } from './domain/keyring.ts';
import { renderMessage } from './domain/message.ts';
import { type Phone, refusesType } from './domain/phone.ts';
import { Refused } from './domain/refusal.ts';
import { checkSendCode } from './domain/request.ts';
import type { Call, SendCodeOutput, Verifier } from './operations.ts';
import type { VerifierParts } from './parts.ts';
import type { Reservation, SendCommand, SendReply, SettleCommand, Slot } from './store/store.ts';

/** Kept of the deadline to record what the provider said; a call with less than this left is not sent. */
const SETTLE_MS = 500;
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
      if (delay !== undefined) parts.schedule(() => void settle(command, attempt + 1), delay);
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
    sent: { reservation: Reservation; delivery: Delivery; code: string },
  ): SendCodeOutput {
    const { nonce, expiresAt, resendAt, sendsRemaining } = sent.reservation;
    return {
      verificationId: keyring.verificationId(slot.phoneKey, nonce),
      expiresAt,
      resendAt,
      phoneMasked: phone.masked,
      sendsRemaining,
      delivery: sent.delivery,
      test: false,
      code: parts.discloseCodes && sent.delivery.provider === 'console' ? sent.code : '',
    };
  }

  return async (request, call) => {
    authorize(request.purpose, call, purposes);
    const { phone, purpose, locale } = checked(checkSendCode(request, { purposes, phones }));
    call.facts.phone = phone.masked;
    if (refusesType(phone, phones)) throw new Refused({ reason: 'NUMBER_TYPE_REFUSED', numberType: phone.type });

    const phoneKey = keyring.phoneKey(phone.e164);
    const slot = addressing.slotOf(phoneKey, purpose, call);
    const session = addressing.sessionKey(phoneKey, request.client?.sessionId ?? '');
    const codeOf = (seed: string) => keyring.code({ phoneKey, purpose: purpose.name, seed, digits: purpose.digits });
    const seed = random(SEED_BYTES).toString('base64url');
    const codeMac = keyring.codeMac({ ...slot, code: codeOf(seed) });
    const variables = Object.entries(request.variables).sort().flat();
    const command = {
      slot,
      rules: { ...purpose, ...limits },
      sendId: random(12).toString('base64url'),
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
      return sendOutput(slot, phone, { reservation, delivery, code: reply.seed === null ? '' : codeOf(reply.seed) });
    }

    const providersMs = call.remainingMs() - SETTLE_MS;
    if (call.signal.aborted || providersMs <= 0) {
      await settle(settlement(command, null));
      throw new Refused({ reason: call.signal.aborted && call.remainingMs() > 0 ? 'CANCELED' : 'DEADLINE' });
    }
    const code = codeOf(reply.seed);
    const minutes = Math.ceil(purpose.lifeMs / 60_000);
    const text = renderMessage({ code, minutes, brand: parts.brand, locale, purpose: purpose.name });
    const outcome = await dispatch(
      {
        to: phone.e164,
        text,
        code,
        minutes,
        purpose: purpose.name,
        locale,
        variables: request.variables,
        sendId: command.sendId,
      },
      providersMs,
    );

    if (outcome.kind === 'not_sent') {
      await settle(settlement(command, null));
      if (outcome.rejected) throw new Refused({ reason: 'DESTINATION_REFUSED' });
      throw new Refused({ reason: 'DELIVERY_UNAVAILABLE', retryAfterMs: outcome.retryAfterMs });
    }
    await settle(settlement(command, outcome.delivery));
    call.facts.outcome = outcome.delivery.status === 'accepted' ? 'sent' : 'maybe_sent';
    call.facts.provider = outcome.delivery.provider;
    return sendOutput(slot, phone, { reservation, delivery: outcome.delivery, code });
  };
}

function isUntouched(error: unknown): boolean {
  return error instanceof Refused && error.refusal.reason === 'STORE_UNAVAILABLE' && error.refusal.untouched === true;
}

function settlement(command: SendCommand, delivery: Delivery | null): SettleCommand {
  return { slot: command.slot, sendId: command.sendId, requestHash: command.request?.hash ?? null, delivery };
}
