/** The calls of the soak. What became of a verification is known, so each call about it has exactly one right answer. */
import { randomBytes } from 'node:crypto';
import {
  type DescMessage,
  type DescMethodUnary,
  isMessage,
  type Message,
  type MessageInitShape,
} from '@bufbuild/protobuf';
import * as pb from '../src/gen/countersign/v1/verification_pb.ts';
import type { Answer, ServiceClient } from '../test/support/clients.ts';
import { PURPOSE as purpose, wrongCode } from './guesses.ts';

/** A verification as its caller knows it. */
export interface Known {
  readonly phone: string;
  readonly verificationId: string;
  readonly code: string;
  state: 'PENDING' | 'APPROVED' | 'EXHAUSTED' | 'CANCELED';
  guessesLeft: number;
}

/** The status, then the result, state or reason: `OK APPROVED`, `RESOURCE_EXHAUSTED COOLDOWN`. */
export interface Told {
  readonly answer: string;
  readonly expected: string;
}

export type Call = (client: ServiceClient) => Promise<Told>;

export interface Kind {
  readonly name: string;
  /** Of all calls. */
  readonly percent: number;
  /** Also writes down what the call will change. */
  readonly about: (known: Known) => Call;
}

const { sendCode, checkCode, rateStatus, getVerification, cancelVerification } = pb.VerificationService.method;
const timely = { timeoutMs: 10_000 };

/** To a phone that was never sent to. `known` is null when it was refused. */
export async function send(client: ServiceClient, phone: string): Promise<Told & { readonly known: Known | null }> {
  const answer = await client.call(sendCode, { phone, purpose }, timely);
  const told = { answer: label(answer), expected: 'OK' };
  if (answer.status !== 'OK') return { ...told, known: null };
  const { verificationId, code } = answer.message;
  return { ...told, known: { phone, verificationId, code, state: 'PENDING', guessesLeft: 5 } };
}

/** What is left of 100 percent are sends to further phones. */
export const KINDS: readonly Kind[] = [
  {
    name: 'SendCode within the cooldown',
    percent: 2,
    about: ({ phone }) => call(sendCode, { phone, purpose }, 'RESOURCE_EXHAUSTED COOLDOWN'),
  },
  {
    name: 'SendCode to a premium number',
    percent: 1,
    about: () => call(sendCode, { phone: '+19002345678', purpose }, 'FAILED_PRECONDITION NUMBER_TYPE_REFUSED'),
  },
  {
    name: 'CheckCode, right code',
    percent: 10,
    about: (known) => guess(known, { right: true }),
  },
  {
    name: 'CheckCode, right code, and again with the same `request_id`',
    percent: 5,
    about: (known) => {
      const check = guess(known, { right: true, requestId: randomBytes(8).toString('hex') });
      return async (client) => {
        const first = await check(client);
        return first.answer === first.expected ? check(client) : first;
      };
    },
  },
  {
    name: 'CheckCode, wrong code',
    percent: 30,
    about: (known) => guess(known, { right: false }),
  },
  {
    name: 'CheckCode without a code',
    percent: 1,
    about: ({ verificationId }) => call(checkCode, { verificationId, purpose }, 'INVALID_ARGUMENT INVALID_FIELDS'),
  },
  {
    name: 'RateStatus',
    percent: 20,
    about: ({ phone }) => call(rateStatus, { phone, purpose }, 'OK cooldown'),
  },
  {
    name: 'GetVerification',
    percent: 17,
    about: ({ verificationId, state }) => call(getVerification, { verificationId, purpose }, `OK ${state}`),
  },
  {
    name: 'GetVerification of an unknown id',
    percent: 2,
    about: () => {
      const verificationId = randomBytes(33).toString('base64url');
      return call(getVerification, { verificationId, purpose }, 'NOT_FOUND VERIFICATION_NOT_FOUND');
    },
  },
  {
    name: 'CancelVerification',
    percent: 4,
    about: (known) => {
      if (known.state === 'PENDING') known.state = 'CANCELED';
      const { verificationId, state } = known;
      return call(cancelVerification, { verificationId, purpose }, `OK ${state}`);
    },
  },
];

function guess(known: Known, { right, requestId = '' }: { right: boolean; requestId?: string }): Call {
  const { verificationId, code, state } = known;
  const request = { verificationId, purpose, requestId, code: right ? code : wrongCode(code) };
  if (state === 'EXHAUSTED') return call(checkCode, request, 'OK EXHAUSTED');
  if (state !== 'PENDING') return call(checkCode, request, 'OK NOT_FOUND');
  known.guessesLeft -= 1;
  if (right) known.state = 'APPROVED';
  else if (known.guessesLeft === 0) known.state = 'EXHAUSTED';
  return call(checkCode, request, right ? 'OK APPROVED' : 'OK WRONG_CODE');
}

function call<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  expected: string,
): Call {
  return async (client) => ({ answer: label(await client.call(method, request, timely)), expected });
}

function label(answer: Answer<Message>): string {
  const word = answer.status === 'OK' ? wordOf(answer.message) : answer.details.ErrorInfo?.reason;
  return `${answer.status} ${word}`.trimEnd();
}

/** What was decided, as the message says it; empty when OK says it all. */
function wordOf(message: Message): string | undefined {
  if (isMessage(message, pb.CheckCodeResponseSchema)) return pb.CheckResultSchema.value[message.result]?.localName;
  if (isMessage(message, pb.RateStatusResponseSchema)) return message.blockedBy;
  const shows =
    isMessage(message, pb.GetVerificationResponseSchema) || isMessage(message, pb.CancelVerificationResponseSchema);
  return shows ? pb.VerificationStateSchema.value[message.verification?.state ?? 0]?.localName : '';
}
