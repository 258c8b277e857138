/** Codes to guess, sent through the service itself (in development it tells its callers the code), and the guesses. */
import { create, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import {
  CheckCodeRequestSchema,
  type CheckCodeResponse,
  CheckResult,
  SendCodeRequestSchema,
  SendCodeResponseSchema,
} from '../src/gen/countersign/v1/verification_pb.ts';

export type SentCode = Pick<MessageShape<typeof SendCodeResponseSchema>, 'verificationId' | 'code'>;

export const PURPOSE = 'login';
/** As many as a code allows. */
const WRONG_GUESSES = 5;

/** Distinct phones of San Francisco, all within the numbering plan. `index` is below 8,000,000. */
export function phoneNumber(index: number): string {
  return `+1415${2_000_000 + index}`;
}

export function sendRequest(index: number): Buffer {
  const request = create(SendCodeRequestSchema, { phone: phoneNumber(index), purpose: PURPOSE });
  return Buffer.from(toBinary(SendCodeRequestSchema, request));
}

export function sentCode(answer: Uint8Array): SentCode {
  return fromBinary(SendCodeResponseSchema, answer);
}

/** What an empty handler is asked about. */
export const NO_CODE: SentCode = { verificationId: 'x'.repeat(44), code: '000000' };

export function wrongCode(code: string): string {
  return code.replace(/.$/, (digit) => `${(Number(digit) + 1) % 10}`);
}

/** How many codes `guessesOf` needs. */
export function codesFor(guesses: number): number {
  return guesses / 2 + Math.ceil(guesses / 2 / WRONG_GUESSES);
}

/**
 * Right and wrong guesses by turns: the right ones each at a code of its own, the wrong ones at codes that are never
 * guessed right. So their order does not matter. With `requestIds` each guess has one.
 */
export function guessesOf(codes: readonly SentCode[], { count, requestIds }: { count: number; requestIds: boolean }) {
  return Array.from({ length: count }, (_, index) => {
    const pair = Math.floor(index / 2);
    const isRight = index % 2 === 0;
    const { verificationId, code } = codes[isRight ? pair : count / 2 + Math.floor(pair / WRONG_GUESSES)] as SentCode;
    return create(CheckCodeRequestSchema, {
      verificationId,
      code: isRight ? code : wrongCode(code),
      purpose: PURPOSE,
      requestId: requestIds ? `${index}` : '',
    });
  });
}

/** Throws unless the guesses of `guessesOf` were answered as they must be. */
export function verifyVerdicts(answers: readonly CheckCodeResponse[]): void {
  for (const [index, { result }] of answers.entries()) {
    const expected = index % 2 === 0 ? CheckResult.APPROVED : CheckResult.WRONG_CODE;
    if (result !== expected) throw new Error(`guess ${index} was answered with result ${result}`);
  }
}
