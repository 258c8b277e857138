/** What each method of the service costs: one send to each of so many new phones, then the rest about the same phones. */
import type { Cost } from './cost.ts';
import type { Service } from './service.ts';
import { type How, serviceCalls } from './service-calls.ts';
import type { Stand } from './stand.ts';

export type Step = 'SendCode' | 'RateStatus' | 'CheckCode, wrong' | 'CheckCode';

export interface ServiceStand extends How {
  readonly name: string;
  readonly service: Service;
  /** In this order, SendCode first. */
  readonly steps: readonly Step[];
}

export function serviceStand({ name, service, steps, ...how }: ServiceStand): Stand {
  const calls = serviceCalls(service, how);
  return {
    name,
    turn: async (plan) => {
      for (const store of service.stores) await store.flushall();
      const phones = { first: 0, count: plan.calls };
      const { cost, sent } = await calls.send(phones, plan);
      const costs: Readonly<Record<Step, () => Promise<Cost>>> = {
        SendCode: async () => cost,
        RateStatus: () => calls.rateStatus(phones, plan),
        'CheckCode, wrong': () => calls.check(sent, false, plan),
        CheckCode: () => calls.check(sent, true, plan),
      };
      const made = new Map<string, Cost>();
      for (const step of steps) made.set(step, await costs[step]());
      return made;
    },
  };
}
