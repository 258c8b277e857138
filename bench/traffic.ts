/** Mixed calls at a steady rate: of random kinds, about random verifications, never two at once about the same one. */
import { setInterval } from 'node:timers/promises';
import type { ServiceClient } from '../test/support/clients.ts';
import { phoneNumber } from './guesses.ts';
import { KINDS, type Kind, type Known, send, type Told } from './kinds.ts';

export interface TrafficOptions {
  /** One of them, at random, makes each call. */
  readonly clients: readonly ServiceClient[];
  readonly callsPerSecond: number;
  readonly seconds: number;
  /** From 0 to 1, exclusive. */
  readonly random: () => number;
  readonly told: (kind: string, told: Told) => void;
}

/** What is beyond is forgotten, within seconds or at most a minute, when a code has minutes to live. */
const MOST_KNOWN = 2_000;
/** Probability, after a call about one that is over. Were it higher, the pool would run dry and sends take all places. */
const FORGET_OVER = 0.12;
/** What is due beyond this waits, so that a server that stalls is not buried. */
const MOST_UNDER_WAY = 256;
const TICK_MS = 5;
/** Of the run, in which the rate grows from nothing: a process that has just started has compiled nothing yet. */
const RAMP = 0.05;

/** Calls as often as `callsPerSecond` says, less often to begin with, whether or not earlier calls have been answered. */
export async function traffic({ clients, callsPerSecond, seconds, random, told }: TrafficOptions): Promise<void> {
  const deck = KINDS.flatMap((kind) => new Array<Kind>(kind.percent).fill(kind));
  const pool: Known[] = [];
  let phones = 0;

  async function one(): Promise<void> {
    const client = clients[Math.floor(random() * clients.length)] as ServiceClient;
    const kind = deck[Math.floor(random() * 100)];
    const known = kind && takeRandom(pool, random);
    if (kind === undefined || known === undefined) {
      const { known: sent, ...answer } = await send(client, phoneNumber(phones++));
      told('SendCode', answer);
      if (sent !== null && pool.length < MOST_KNOWN) pool.push(sent);
      return;
    }
    const answer = await kind.about(known)(client);
    told(kind.name, answer);
    // What is in doubt is not asked about again, what is over only now and then.
    const forget = answer.answer !== answer.expected || (known.state !== 'PENDING' && random() < FORGET_OVER);
    if (!forget && pool.length < MOST_KNOWN) pool.push(known);
  }

  const underWay = new Set<Promise<void>>();
  const startedAt = performance.now();
  let made = 0;
  for await (const _ of setInterval(TICK_MS)) {
    const elapsed = (performance.now() - startedAt) / 1000;
    if (elapsed >= seconds) break;
    for (; made < callsPerSecond * fullSeconds(elapsed, RAMP * seconds) && underWay.size < MOST_UNDER_WAY; made++) {
      const call = one().finally(() => underWay.delete(call));
      underWay.add(call);
    }
  }
  await Promise.all(underWay);
}

/** How long the full rate would have taken for as many calls as are due by now. */
function fullSeconds(elapsed: number, ramp: number): number {
  return elapsed < ramp ? elapsed ** 2 / (2 * ramp) : elapsed - ramp / 2;
}

function takeRandom<T>(pool: T[], random: () => number): T | undefined {
  const last = pool.pop();
  const index = Math.floor(random() * (pool.length + 1));
  const taken = pool[index];
  if (last === undefined || taken === undefined) return last;
  pool[index] = last;
  return taken;
}
