/** Codes and failovers: replication forgets that a code was used, the history fence does not let it be used again. */
import { afterEach, describe, expect, it } from 'vitest';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { Store } from '../../src/store/store.ts';
import { rulesOf, WINDOWS } from '../store/commands.ts';
import { ok, openClient } from '../support/clients.ts';
import { startFollowedPair } from '../support/followed-pair.ts';
import { type RedisPair, startPair } from '../support/redis-pair.ts';
import { startServer } from '../support/server.ts';
import { openStore } from '../support/store.ts';
import { eventually } from '../support/wait.ts';
import { cycle, expiringKeys, figure, forAll, phoneAt, scaled, tally } from './load.ts';

const ROUNDS = scaled(5);
const CODES = 500;
/** How far behind the replica is, round after round. */
const LAGS_MS = [100, 20, 2];
const CONNECTIONS = 50;

const NO_FENCE = "local function replication_id() return 'off' end";
/** What looks as good, but comes back when the same process is demoted and promoted again. */
const FENCE_OF_RUN_ID = `
local function replication_id() return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') end
`;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function storeOn(url: string, prelude: string): Promise<Store> {
  const store = await openStore({ url, prelude });
  closers.push(() => store.close());
  return store;
}

const slotOf = (code: number) => ({ phoneKey: `00.code-${code}`, caller: 'auth', purpose: 'login' });

const send = (store: Store, code: number, serial = 1) =>
  store.send({
    slot: slotOf(code),
    rules: rulesOf('same'),
    sendId: `send-${serial}`,
    candidate: { nonce: `nonce-${serial}`, seed: `seed-${serial}`, codeMac: 'right' },
    session: '',
    content: '',
    request: null,
  });

/** The right guess; `unknown` when the store does not answer. */
const check = (store: Store, code: number, serial = 1) =>
  store
    .check({
      slot: slotOf(code),
      nonce: `nonce-${serial}`,
      session: '',
      content: '',
      codeMac: 'right',
      request: null,
      approvedTag: '',
      guessesByPhone: 3,
    })
    .then(
      ({ kind }) => kind,
      () => 'unknown' as const,
    );

const stateOf = async (store: Store, code: number) => {
  const { record } = await store.status({ slot: slotOf(code), nonce: null, cooldownMs: 60_000, windows: WINDOWS });
  return record?.state;
};

const codes = Array.from({ length: CODES }, (_, code) => code);

async function sendAll(store: Store): Promise<void> {
  await forAll(codes, CONNECTIONS, async (code) => expect(await send(store, code)).toMatchObject({ kind: 'reserved' }));
}

describe('kill -9 of a primary and promotion of its lagging replica, while codes are checked', () => {
  /** The last tenth of the codes is not checked before the failover. */
  const outstanding = codes.slice(-CODES / 10);
  const checked = codes.slice(0, -CODES / 10);

  async function round(prelude: string, lagMs = cycle(LAGS_MS, 0)) {
    const pair = await startFollowedPair();
    closers.push(() => pair.stop());
    const store = await storeOn(pair.url, prelude);
    await sendAll(store);
    await pair.caughtUp();
    pair.lag(lagMs);

    const approved = new Set<number>();
    const killAfter = Math.floor(checked.length * (0.4 + 0.5 * Math.random()));
    let failover: Promise<void> | undefined;
    await forAll(checked, CONNECTIONS, async (code) => {
      if ((await check(store, code)) === 'approved') approved.add(code);
      if (approved.size >= killAfter) failover ??= pair.failOver();
    });
    await failover;
    await eventually('the store has found the new primary', () => store.ready().then(() => true));

    // What the promoted replica does not know of.
    let forgotten = 0;
    await forAll(approved, CONNECTIONS, async (code) => {
      if ((await stateOf(store, code)) !== 'approved') forgotten++;
    });
    const again: string[] = [];
    await forAll(checked, CONNECTIONS, async (code) => {
      const result = await check(store, code);
      again.push(result === 'approved' && approved.has(code) ? 'twice' : result);
    });
    await expiringKeys(pair.replica);
    return { store, approved: approved.size, forgotten, again: tally(again) };
  }

  it(`approves no code twice, in ${ROUNDS} rounds`, async () => {
    let approved = 0;
    let forgotten = 0;
    let twice = 0;
    const answers: string[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const { again, ...counts } = await round('', cycle(LAGS_MS, i));
      approved += counts.approved;
      forgotten += counts.forgotten;
      twice += again.twice ?? 0;
      answers.push(...Object.keys(again));
    }
    figure(
      `${twice} of ${approved} codes approved twice over ${ROUNDS} failovers, which forgot ${forgotten} approvals`,
    );
    expect(new Set(answers)).toEqual(new Set(['not_found']));
    expect(forgotten).toBeGreaterThan(0);
  });

  it('without the fence approves some twice', async () => {
    const { approved, again } = await round(NO_FENCE);
    figure(`control: ${again.twice} of ${approved} codes approved twice over 1 failover without the fence`);
    expect(again.twice).toBeGreaterThan(0);
  });

  it('lets the users of codes that died with the primary have another at once', async () => {
    const { store } = await round('');
    for (const code of outstanding) {
      expect(await check(store, code)).toBe('not_found');
      expect(await stateOf(store, code)).toBe('expired');
      expect(await send(store, code, 2)).toMatchObject({ kind: 'reserved', reservation: { nonce: 'nonce-2' } });
      expect(await check(store, code, 2)).toBe('approved');
    }
  });

  it('is the same through a server process', async () => {
    const pair = await startFollowedPair();
    closers.push(() => pair.stop());
    const env = {
      REDIS_URL: pair.url,
      COUNTERSIGN_SECRET: 'a secret of at least 32 bytes, for tests',
      LOG_LEVEL: 'error',
    };
    const server = await startServer(env);
    closers.push(() => server.stop());
    const client = openClient('grpc', server);
    closers.push(async () => client.close());
    const { sendCode, checkCode } = VerificationService.method;
    const purpose = 'login';

    const sent: { phone: string; verificationId: string; code: string }[] = [];
    await forAll(Array.from({ length: 200 }), CONNECTIONS, async (_, index) => {
      const phone = phoneAt(index);
      const { verificationId, code } = ok(await client.call(sendCode, { phone, purpose }));
      sent.push({ phone, verificationId, code });
    });
    await pair.caughtUp();
    pair.lag(cycle(LAGS_MS, 0));
    const approve = async ({ verificationId, code }: { verificationId: string; code: string }) => {
      const answer = await client.call(checkCode, { verificationId, purpose, code });
      if (answer.status === 'OK') return answer.message.result;
      expect(answer).toMatchObject({ status: 'UNAVAILABLE', details: { ErrorInfo: { reason: 'STORE_UNAVAILABLE' } } });
      return null;
    };
    const approved = new Set<string>();
    let failover: Promise<void> | undefined;
    await forAll(sent, CONNECTIONS, async (each) => {
      if ((await approve(each)) === CheckResult.APPROVED) approved.add(each.verificationId);
      if (approved.size >= 100) failover ??= pair.failOver();
    });
    await failover;
    const answers: (CheckResult | null)[] = [];
    await forAll(sent, 1, async (each) => {
      answers.push(await eventually('the store is back', () => approve(each)));
    });
    expect(new Set(answers)).toEqual(new Set([CheckResult.NOT_FOUND]));

    const unused = sent.filter(({ verificationId }) => !approved.has(verificationId));
    const resends = await Promise.all(unused.map(({ phone }) => client.call(sendCode, { phone, purpose })));
    figure(
      `through a server: ${approved.size} codes approved once, ${tally(resends.map(({ status }) => status)).OK} of ${unused.length} others sent anew at once`,
    );
  });
});

describe('two primaries at once', () => {
  /** The replica is promoted while the primary lives on and knows nothing of it. */
  async function split(prelude: string) {
    const pair = await startPair();
    closers.push(() => pair.stop());
    const old = await storeOn(pair.primary.url, prelude);
    await sendAll(old);
    await pair.caughtUp();
    await promote(pair);
    const young = await storeOn(pair.replica.url, prelude);
    const results: string[] = [];
    await forAll(codes, CONNECTIONS, async (code) => {
      const answers = await Promise.all([check(old, code), check(young, code)]);
      results.push(answers.sort().join(' '));
    });
    return tally(results);
  }

  it('approve each code once', async () => {
    expect(await split('')).toEqual({ 'approved not_found': CODES });
  });

  it('without the fence approve it twice', async () => {
    const results = await split(NO_FENCE);
    figure(`control: ${results['approved approved']} of ${CODES} codes approved by both of two primaries`);
    expect(results).toEqual({ 'approved approved': CODES });
  });
});

describe('a primary that is demoted and promoted again', () => {
  /** It approves, loses its place to a replica that knows nothing of that, copies from it, and gets its place back. */
  async function thereAndBack(prelude: string) {
    const pair = await startPair();
    closers.push(() => pair.stop());
    const store = await storeOn(pair.primary.url, prelude);
    await sendAll(store);
    await pair.caughtUp();
    pair.replication.stall('replies');
    const results = { first: [] as string[], second: [] as string[] };
    await forAll(codes, CONNECTIONS, async (code) => results.first.push(await check(store, code)));
    await promote(pair);

    const admin = pair.primary.connect();
    await admin.replicaof(pair.replica.host, pair.replica.port);
    const inSync = async () => /^master_link_status:up/m.test(await admin.info('replication'));
    await eventually('the old primary follows the new one', inSync);
    await admin.replicaof('NO', 'ONE');
    await eventually('the store is back', () => store.ready().then(() => true));
    await forAll(codes, CONNECTIONS, async (code) => results.second.push(await check(store, code)));
    return { first: tally(results.first), second: tally(results.second) };
  }

  it('approves no code twice', async () => {
    expect(await thereAndBack('')).toEqual({ first: { approved: CODES }, second: { not_found: CODES } });
  });

  it("approves them twice where the fence is the server's run id, which does not change", async () => {
    const results = await thereAndBack(FENCE_OF_RUN_ID);
    figure(`control: ${results.second.approved} of ${CODES} codes approved twice with a fence of run ids`);
    expect(results).toEqual({ first: { approved: CODES }, second: { approved: CODES } });
  });
});

async function promote({ replication, replica }: RedisPair): Promise<void> {
  replication.refuse();
  replication.cut();
  await replica.connect().replicaof('NO', 'ONE');
}
