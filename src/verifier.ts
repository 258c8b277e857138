/**
 * The story of a verification: send, check, explain, read, cancel. It decides nothing atomic (the store does) and talks
 * to no network; everything it needs comes in as an argument.
 */
import { approvalOf, rateStatusOf, refusalOf, unsettled, verificationOf } from './answers.ts';
import type { Delivery } from './domain/delivery.ts';
import { type Keyring, NONCE_BYTES, SEED_BYTES } from './domain/keyring.ts';
import { renderMessage } from './domain/message.ts';
import { type Phone, type PhonePolicy, refusesType } from './domain/phone.ts';
import type { LimitPolicy, PurposePolicy } from './domain/policy.ts';
import { type Refusal, Refused } from './domain/refusal.ts';
import * as requests from './domain/request.ts';
import type { Emit } from './event.ts';
import type {
  Call,
  CheckCodeOutput,
  SendCodeInput,
  SendCodeOutput,
  VerificationOutput,
  Verifier,
} from './operations.ts';
import type { Dispatch } from './sms/dispatch.ts';
import type { RequestKey, Reservation, SendCommand, SendReply, SettleCommand, Slot, Store } from './store/store.ts';

export interface VerifierDeps {
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly keyring: Keyring;
  readonly purposes: ReadonlyMap<string, PurposePolicy>;
  readonly limits: LimitPolicy;
  readonly phones: PhonePolicy;
  /** Names the sender in the text. */
  readonly brand: string;
  /** Cryptographically strong random bytes. */
  readonly random: (bytes: number) => Buffer;
  readonly emit: Emit;
  /** Runs a task later, in the background. */
  readonly schedule: (task: () => void, ms: number) => void;
  /** Show the console provider's codes to the caller: development only. */
  readonly discloseCodes: boolean;
}

/** Kept of the deadline to record what the provider said. */
const SETTLE_MS = 500;
const SETTLE_RETRIES_MS = [100, 500, 2_000, 10_000, 30_000];

export function createVerifier(deps: VerifierDeps): Verifier {
  const { store, dispatch, keyring, purposes, limits, emit } = deps;
  const rules = { purposes, phones: deps.phones };

  const slotOf = (phoneKey: string, purpose: PurposePolicy, call: Call): Slot => ({
    phoneKey,
    caller: call.caller.name,
    purpose: purpose.name,
  });

  const sessionKey = (phoneKey: string, sessionId: string) =>
    sessionId === '' ? '' : keyring.fingerprint('session', phoneKey, [sessionId]);

  function requestKey(kind: 'send' | 'check', slot: Slot, id: string, content: readonly string[]): RequestKey | null {
    if (id === '') return null;
    return {
      hash: keyring.fingerprint(`${kind} request`, slot.phoneKey, [id]),
      content: keyring.fingerprint(`${kind} content`, slot.phoneKey, [slot.purpose, ...content]),
    };
  }

  /** Where a verification is: the slot its id routes to, or that of the phone. */
  function locate(target: requests.Target, purpose: PurposePolicy, call: Call): { slot: Slot; nonce: string | null } {
    if (target.kind === 'phone') {
      call.facts.phone = target.phone.masked;
      return { slot: slotOf(keyring.phoneKey(target.phone.e164), purpose, call), nonce: null };
    }
    return locateId(target.verificationId, purpose, call);
  }

  function locateId(verificationId: string, purpose: PurposePolicy, call: Call): { slot: Slot; nonce: string } {
    const id = keyring.parseVerificationId(verificationId);
    if (id === null) {
      throw refused({ reason: 'INVALID_FIELDS', violations: [{ field: 'verification_id', rule: 'malformed_id' }] });
    }
    call.facts.verificationId = verificationId;
    return { slot: slotOf(id.phoneKey, purpose, call), nonce: id.nonce };
  }

  /** A settle that fails is tried again in the background: a charge is given back even when the store was away. */
  async function settle(command: SettleCommand, attempt = 0): Promise<void> {
    try {
      await store.settle(command);
    } catch (error) {
      emit({ type: 'settle_failed', refund: command.delivery === null, attempt, error: error as Error });
      const delay = SETTLE_RETRIES_MS[attempt];
      if (delay !== undefined) deps.schedule(() => void settle(command, attempt + 1), delay);
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
      code: deps.discloseCodes && sent.delivery.provider === 'console' ? sent.code : '',
    };
  }

  async function sendCode(request: SendCodeInput, call: Call): Promise<SendCodeOutput> {
    authorize(request.purpose, call, purposes);
    const { phone, purpose, locale } = checked(requests.checkSendCode(request, rules));
    call.facts.phone = phone.masked;
    if (refusesType(phone, deps.phones)) throw refused({ reason: 'NUMBER_TYPE_REFUSED', numberType: phone.type });

    const phoneKey = keyring.phoneKey(phone.e164);
    const slot = slotOf(phoneKey, purpose, call);
    const session = sessionKey(phoneKey, request.client?.sessionId ?? '');
    const codeOf = (seed: string) => keyring.code({ phoneKey, purpose: purpose.name, seed, digits: purpose.digits });
    const seed = deps.random(SEED_BYTES).toString('base64url');
    const codeMac = keyring.codeMac({ ...slot, code: codeOf(seed) });
    const variables = Object.entries(request.variables).sort().flat();
    const command = {
      slot,
      rules: { ...purpose, ...limits },
      sendId: deps.random(12).toString('base64url'),
      candidate: { nonce: deps.random(NONCE_BYTES).toString('base64url'), seed, codeMac },
      session,
      request: requestKey('send', slot, request.requestId, [session, locale, ...variables]),
    };

    const reply = await reserve(command, call);
    if (reply.kind === 'request_id_reused') throw refused({ reason: 'REQUEST_ID_REUSED' });
    if (reply.kind === 'blocked') throw refused(refusalOf(reply, limits));
    const { reservation } = reply;
    call.facts.verificationId = keyring.verificationId(phoneKey, reservation.nonce);

    if (reply.kind === 'replayed') {
      call.facts.outcome = 'replayed';
      const delivery = reply.delivery ?? unsettled(reservation.sentAt, reply.now);
      return sendOutput(slot, phone, { reservation, delivery, code: reply.seed === null ? '' : codeOf(reply.seed) });
    }

    if (call.signal.aborted) {
      await settle(settlement(command, null));
      throw refused({ reason: call.remainingMs() > 0 ? 'CANCELED' : 'DEADLINE' });
    }
    const code = codeOf(reply.seed);
    const minutes = Math.ceil(purpose.lifeMs / 60_000);
    const text = renderMessage({ code, minutes, brand: deps.brand, locale, purpose: purpose.name });
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
      call.remainingMs() - SETTLE_MS,
    );

    if (outcome.kind === 'not_sent') {
      await settle(settlement(command, null));
      if (outcome.rejected) throw refused({ reason: 'DESTINATION_REFUSED' });
      throw refused({ reason: 'DELIVERY_UNAVAILABLE', retryAfterMs: outcome.retryAfterMs });
    }
    await settle(settlement(command, outcome.delivery));
    call.facts.outcome = outcome.delivery.status === 'accepted' ? 'sent' : 'maybe_sent';
    call.facts.provider = outcome.delivery.provider;
    return sendOutput(slot, phone, { reservation, delivery: outcome.delivery, code });
  }

  return {
    sendCode,

    async checkCode(request, call): Promise<CheckCodeOutput> {
      authorize(request.purpose, call, purposes);
      const { purpose, target } = checked(requests.checkCheckCode(request, rules));
      const { slot, nonce } = locate(target, purpose, call);
      const session = sessionKey(slot.phoneKey, request.client?.sessionId ?? '');
      const codeMac = keyring.codeMac({ ...slot, code: request.code });
      const reply = await store.check({
        slot,
        nonce,
        session,
        codeMac,
        request: requestKey('check', slot, request.requestId, [nonce ?? '', session, codeMac]),
        guessesByPhone: purpose.guessesByPhone,
      });
      if (reply.kind === 'request_id_reused') throw refused({ reason: 'REQUEST_ID_REUSED' });
      call.facts.outcome = reply.kind === 'wrong' ? 'wrong_code' : reply.kind;
      if (reply.kind === 'not_found') return { result: 'not_found' };

      const id = target.kind === 'id' ? target.verificationId : keyring.verificationId(slot.phoneKey, reply.nonce);
      call.facts.verificationId = id;
      if (reply.kind === 'approved') return { result: 'approved', verificationId: id, verifiedAt: reply.at };
      // Whoever guesses by phone must not learn the id: its holder's guesses are out of reach without it.
      const verificationId = target.kind === 'phone' ? '' : id;
      if (reply.kind === 'exhausted') return { result: 'exhausted', verificationId };
      return { result: 'wrong_code', verificationId, attemptsRemaining: reply.remaining };
    },

    async rateStatus(request, call) {
      authorize(request.purpose, call, purposes);
      const { phone, purpose } = checked(requests.checkRateStatus(request, rules));
      const { slot } = locate({ kind: 'phone', phone }, purpose, call);
      const status = await store.status({ slot, nonce: null, ...limits });
      const output = rateStatusOf(status, limits);
      call.facts.outcome = output.canSend ? 'can_send' : `blocked_by_${output.blockedBy}`;
      return output;
    },

    async getVerification(request, call) {
      authorize(request.purpose, call, purposes);
      const { purpose, target } = checked(requests.checkGetVerification(request, rules));
      const { slot, nonce } = locate(target, purpose, call);
      const status = await store.status({ slot, nonce, ...limits });
      const approval = nonce === null ? approvalOf(status, slot) : null;
      return found(verificationOf(status, slot, keyring) ?? approval, call);
    },

    async cancelVerification(request, call) {
      authorize(request.purpose, call, purposes);
      const { purpose, verificationId } = checked(requests.checkCancelVerification(request, rules));
      const { slot, nonce } = locateId(verificationId, purpose, call);
      return found(verificationOf(await store.cancel({ slot, nonce }), slot, keyring), call);
    },
  };
}

/** Permission before anything else: what a caller may not use is not explained to it. */
function authorize(purpose: string, { caller, facts }: Call, purposes: ReadonlyMap<string, PurposePolicy>): void {
  if (!purposes.has(purpose)) return;
  facts.purpose = purpose;
  if (caller.purposes !== 'all' && !caller.purposes.has(purpose)) throw refused({ reason: 'PURPOSE_NOT_ALLOWED' });
}

function isUntouched(error: unknown): boolean {
  return error instanceof Refused && error.refusal.reason === 'STORE_UNAVAILABLE' && error.refusal.untouched === true;
}

function checked<T>(result: requests.Checked<T>): T {
  if (result.ok) return result.value;
  throw refused({ reason: 'INVALID_FIELDS', violations: result.violations });
}

function found(verification: VerificationOutput | null, { facts }: Call): VerificationOutput {
  if (verification === null) throw refused({ reason: 'VERIFICATION_NOT_FOUND' });
  facts.outcome = verification.state;
  return verification;
}

function settlement(command: SendCommand, delivery: Delivery | null): SettleCommand {
  return { slot: command.slot, sendId: command.sendId, requestHash: command.request?.hash ?? null, delivery };
}

function refused(refusal: Refusal): Refused {
  return new Refused(refusal);
}
