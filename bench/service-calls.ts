/** The calls of a service that is measured: made, verified, and what they cost. */
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { CheckResult, VerificationService } from '../src/gen/countersign/v1/verification_pb.ts';
import { type Calls, type Cost, costOf } from './cost.ts';
import { callerOf, decode, type Edge, encode } from './edge.ts';
import { PURPOSE, phoneNumber, type SentCode, wrongCode } from './guesses.ts';
import { type Service, TOKEN } from './service.ts';

export interface How {
  readonly edge?: Edge;
  /** Whether calls that can have a `request_id` have one. */
  readonly requestIds?: boolean;
  /** Where the codes came; the answers to SendCode have them otherwise. */
  readonly inbox?: { codes(): Promise<ReadonlyMap<string, string>>; approved(count: number): Promise<void> };
}

/** Calls under way and gRPC connections, or a rate. */
export type Pace = Pick<Calls, 'concurrency' | 'perSecond'> & { readonly connections: number };

/** Phones by their index. */
export interface Phones {
  readonly first: number;
  readonly count: number;
}

const { sendCode, rateStatus, checkCode } = VerificationService.method;
const phonesOf = ({ first, count }: Phones) =>
  Array.from({ length: count }, (_, index) => ({ phone: phoneNumber(first + index), purpose: PURPOSE }));

export type ServiceCalls = ReturnType<typeof serviceCalls>;

export function serviceCalls({ servers, stores }: Service, { edge = 'gRPC', requestIds = false, inbox }: How = {}) {
  const payers = { pids: servers.map((server) => server.process.pid), stores };
  const idOf = (index: number) => (requestIds ? { requestId: `${index}` } : {});

  async function make<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    messages: readonly MessageInitShape<I>[],
    { connections, ...pace }: Pace,
    settled: () => Promise<unknown> = async () => undefined,
  ): Promise<{ cost: Cost; answers: MessageShape<O>[] }> {
    const requests = messages.map((message) => encode(edge, method, message));
    const caller = callerOf(edge, servers, { method, connections, concurrency: pace.concurrency, token: TOKEN });
    const { cost, answers } = await costOf(payers, { ...pace, requests, call: caller.call, settled });
    caller.close();
    return { cost, answers: answers.map((answer) => decode(edge, method, answer)) };
  }

  return {
    async send(phones: Phones, pace: Pace): Promise<{ cost: Cost; sent: SentCode[] }> {
      const requests = phonesOf(phones).map((message, index) => ({ ...message, ...idOf(index) }));
      const { cost, answers } = await make(sendCode, requests, pace);
      const codes = await inbox?.codes();
      const sent = answers.map(({ verificationId, code }, index) => {
        return { verificationId, code: codes?.get(phoneNumber(phones.first + index)) ?? code };
      });
      return { cost, sent };
    },
    async rateStatus(phones: Phones, pace: Pace): Promise<Cost> {
      return (await make(rateStatus, phonesOf(phones), pace)).cost;
    },
    /** Throws unless each guess is answered as it must be. */
    async check(sent: readonly SentCode[], right: boolean, pace: Pace): Promise<Cost> {
      const guesses = sent.map(({ verificationId, code }, index) => {
        return {
          verificationId,
          purpose: PURPOSE,
          code: right ? code : wrongCode(code),
          ...(right ? idOf(index) : {}),
        };
      });
      const told = right ? () => inbox?.approved(guesses.length) ?? Promise.resolve() : undefined;
      const { cost, answers } = await make(checkCode, guesses, pace, told);
      const expected = right ? CheckResult.APPROVED : CheckResult.WRONG_CODE;
      const other = answers.find(({ result }) => result !== expected);
      if (other !== undefined) throw new Error(`a guess was answered with result ${other.result}`);
      return cost;
    },
  };
}
