/** Two callers and one phone: what one sees of the other's sends. Rules and negative control: test/store/contract-callers.ts. */
import { createHash } from 'node:crypto';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunningApp } from '../support/app.ts';
import { ok } from '../support/clients.ts';
import { createStage } from './stage.ts';
import { createUser } from './user.ts';

const stage = createStage();
const TOKENS = { auth: 'token-of-auth', shop: 'token-of-shop' };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const COUNTERSIGN_CALLERS = `
auth: { tokens: [${sha256(TOKENS.auth)}] }
shop: { tokens: [${sha256(TOKENS.shop)}] }
`;

let app: RunningApp;
beforeAll(async () => {
  app = await stage.start({ env: { COUNTERSIGN_CALLERS } });
});

describe.each(['grpc', 'json'] as const)('over %s', (protocol) => {
  it('another caller’s sends show as a limit, with times on whole ten seconds', async () => {
    const phone = stage.phone();
    const auth = createUser(app, { protocol, phone, token: TOKENS.auth });
    const shop = createUser(app, { protocol, phone, token: TOKENS.shop });
    ok(await auth.send());
    const own = await auth.status();
    const seen = await shop.status();

    expect(own.limits.map(({ used, usedByCaller }) => [used, usedByCaller])).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(seen.limits.map(({ used, usedByCaller }) => [used, usedByCaller])).toEqual([
      [1, 0],
      [1, 0],
    ]);
    const times = [seen.cooldown?.endsAt, ...seen.limits.map(({ resetsAt }) => resetsAt)];
    for (const time of times) expect(time && timestampMs(time) % 10_000).toBe(0);
    const ends = (of: typeof own) => (of.cooldown?.endsAt ? timestampMs(of.cooldown.endsAt) : 0);
    expect(ends(seen) - ends(own)).toBeGreaterThanOrEqual(0);
    expect(ends(seen) - ends(own)).toBeLessThan(10_000);

    const refused = await shop.send();
    expect(refused).toMatchObject({ status: 'RESOURCE_EXHAUSTED', details: { ErrorInfo: { reason: 'COOLDOWN' } } });
  });

  it('an approval is not seen by another caller', async () => {
    const phone = stage.phone();
    const auth = createUser(app, { protocol, phone, token: TOKENS.auth });
    const shop = createUser(app, { protocol, phone, token: TOKENS.shop });
    ok(await auth.send());
    const before = await shop.status();
    expect(await auth.verdict(auth.code())).toBe('APPROVED');
    const { retryAfter: _, ...after } = (await shop.status()).cooldown ?? {};
    expect(before.cooldown).toMatchObject(after);
  });
});
