/** What each method of the service costs: one send to each of so many new phones, then the rest about the same phones. */
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { CheckResult, VerificationService } from '../src/gen/countersign/v1/verification_pb.ts';
import { type Cost, costOf } from './cost.ts';
import { callerOf, decode, type Edge, encode } from './edge.ts';
import { PURPOSE, phoneNumber, type SentCode, wrongCode } from './guesses.ts';
import { type Service, TOKEN } from './service.ts';
import type { Plan, Stand } from './stand.ts';

export type Step = 'SendCode' | 'RateStatus' | 'CheckCode, wrong' | 'CheckCode';

export interface ServiceStand {
  readonly name: string;
  readonly service: Service;
  readonly edge?: Edge;
  /** In this order, SendCode first. */
  readonly steps: readonly Step[];
  /** Whether calls that can have a `request_id` have one. */
  readonly requestIds?: boolean;
  /** Where the codes came; the answers to SendCode have them otherwise. */
  readonly inbox?: { codes(): Promise<ReadonlyMap<string, string>>; approved?(count: number): Promise<void> };
}

const { sendCode, rateStatus, checkCode } = VerificationService.method;

export function serviceStand({ name, service, edge = 'gRPC', steps, requestIds = false, inbox }: ServiceStand): Stand {
  const idOf = (index: number) => (requestIds ? { requestId: `${index}` } : {});

  async function call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    messages: readonly MessageInitShape<I>[],
    { concurrency, connections }: Plan,
    settled?: () => Promise<unknown>,
  ): Promise<{ cost: Cost; answers: MessageShape<O>[] }> {
    const requests = messages.map((message) => encode(edge, method, message));
    const caller = callerOf(edge, service.server, { method, connections, concurrency, token: TOKEN });
    const payers = { pid: service.server.process.pid, redis: service.redis };
    const { cost, answers } = await costOf(payers, {
      requests,
      concurrency,
      call: caller.call,
      ...(settled && { settled }),
    });
    caller.close();
    return { cost, answers: answers.map((answer) => decode(edge, method, answer)) };
  }

  async function check(sent: readonly SentCode[], right: boolean, plan: Plan): Promise<Cost> {
    const guesses = sent.map(({ verificationId, code }, index) => {
      return { verificationId, purpose: PURPOSE, code: right ? code : wrongCode(code), ...(right ? idOf(index) : {}) };
    });
    const settled = right && inbox?.approved ? () => inbox.approved?.(guesses.length) ?? Promise.resolve() : undefined;
    const { cost, answers } = await call(checkCode, guesses, plan, settled);
    const expected = right ? CheckResult.APPROVED : CheckResult.WRONG_CODE;
    const other = answers.find(({ result }) => result !== expected);
    if (other !== undefined) throw new Error(`${name}: a guess was answered with result ${other.result}`);
    return cost;
  }

  return {
    name,
    turn: async (plan) => {
      await service.redis.flushall();
      const phones = Array.from({ length: plan.calls }, (_, index) => ({
        phone: phoneNumber(index),
        purpose: PURPOSE,
      }));
      const { cost, answers } = await call(
        sendCode,
        phones.map((message, index) => ({ ...message, ...idOf(index) })),
        plan,
      );
      const codes = await inbox?.codes();
      const sent = answers.map(({ verificationId, code }, index) => {
        return { verificationId, code: codes?.get(phoneNumber(index)) ?? code };
      });
      const costs: Readonly<Record<Step, () => Promise<Cost>>> = {
        SendCode: async () => cost,
        RateStatus: async () => (await call(rateStatus, phones, plan)).cost,
        'CheckCode, wrong': () => check(sent, false, plan),
        CheckCode: () => check(sent, true, plan),
      };
      const made = new Map<string, Cost>();
      for (const step of steps) made.set(step, await costs[step]());
      return made;
    },
    stop: service.stop,
  };
}
