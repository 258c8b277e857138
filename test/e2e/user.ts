/** An end user with a phone, and the caller's requests about it. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type CheckCodeRequestSchema,
  type CheckCodeResponse,
  CheckResultSchema,
  type RateStatusResponse,
  type SendCodeRequestSchema,
  type SendCodeResponse,
  type Verification,
  VerificationService,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import type { RunningApp } from '../support/app.ts';
import { type Answer, type CallOptions, ok, type Protocol } from '../support/clients.ts';

const { sendCode, checkCode, rateStatus, getVerification } = VerificationService.method;

export interface User {
  readonly phone: string;
  /** The id of the last code that was sent. */
  readonly id: string;
  send(changes?: MessageInitShape<typeof SendCodeRequestSchema>): Promise<Answer<SendCodeResponse>>;
  /** A guess by verification id. */
  check(code: string, changes?: MessageInitShape<typeof CheckCodeRequestSchema>): Promise<Answer<CheckCodeResponse>>;
  /** The verdict of a guess in words: `APPROVED`, or the status of a refusal. */
  verdict(code: string, changes?: MessageInitShape<typeof CheckCodeRequestSchema>): Promise<string>;
  status(): Promise<RateStatusResponse>;
  record(): Promise<Verification>;
  /** The code in the last SMS. */
  code(): string;
  /** A code that is not the one in the last SMS; different for each `n` from 1. */
  wrong(n?: number): string;
  /** How many SMS came. */
  received(): number;
}

export interface UserOptions extends CallOptions {
  readonly phone: string;
  readonly protocol: Protocol;
  readonly purpose?: string;
}

export function createUser(app: RunningApp, { phone, protocol, purpose = 'login', ...options }: UserOptions): User {
  const client = app.client(protocol);
  let id = '';
  const code = () => app.inbox.codeTo(phone);

  const user: User = {
    phone,
    get id() {
      return id;
    },
    send: async (changes = {}) => {
      const answer = await client.call(sendCode, { phone, purpose, ...changes }, options);
      if (answer.status === 'OK') id = answer.message.verificationId;
      return answer;
    },
    check: (guess, changes = {}) =>
      client.call(checkCode, { verificationId: id, purpose, code: guess, ...changes }, options),
    verdict: async (guess, changes) => {
      const answer = await user.check(guess, changes);
      return answer.status === 'OK' ? String(CheckResultSchema.value[answer.message.result]?.localName) : answer.status;
    },
    status: async () => ok(await client.call(rateStatus, { phone, purpose }, options)),
    record: async () => {
      const { verification } = ok(await client.call(getVerification, { verificationId: id, purpose }, options));
      if (verification === undefined) throw new Error('an answer without its record');
      return verification;
    },
    code,
    wrong: (n = 1) => {
      const right = code();
      return String((Number(right) + n) % 10 ** right.length).padStart(right.length, '0');
    },
    received: () => app.inbox.messages.filter(({ to }) => to === phone).length,
  };
  return user;
}

/** How often each value came: `{ APPROVED: 1, NOT_FOUND: 49 }`. */
export function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
