/** A code that confirms something confirms that and nothing else. */
import { describe, expect, it } from 'vitest';
import { PROTOCOLS } from '../support/clients.ts';
import { createStage, figure, without } from './stage.ts';
import { createUser } from './user.ts';

const stage = createStage();

const ALICE = { amount: '10 EUR', payee: 'Alice' };
const MALLORY = { amount: '9000 EUR', payee: 'Mallory' };
const PAY = `
purposes:
  pay: { checkVariables: off, texts: { '*': '{code} confirms {amount} to {payee}' } }
  strict: { checkVariables: required, texts: { '*': '{code} confirms {amount} to {payee}' } }
limits: { resendIntervalSeconds: 60 }
`;

const start = (plant?: ReturnType<typeof without>) => stage.startVirtual({ file: PAY, ...(plant && { plant }) });

describe.each(PROTOCOLS)('over %s, a code that was sent for one transaction', (protocol) => {
  it('is not sent again for another one: the first is dead, the second confirms its own', async () => {
    const user = createUser(await start(), { protocol, phone: stage.phone(), purpose: 'pay' });
    const first = await user.send({ variables: ALICE });
    const [id, code] = [user.id, user.code()];
    stage.clock.pass(61_000);
    const second = await user.send({ variables: MALLORY });
    expect([first.status, second.status]).toEqual(['OK', 'OK']);
    expect(user.id).not.toBe(id);
    expect(user.code()).not.toBe(code);
    expect(await user.verdict(code, { verificationId: id })).toBe('NOT_FOUND');
    expect(await user.verdict(user.code())).toBe('APPROVED');
  });

  it('is sent again for the same, in any order and any language', async () => {
    const user = createUser(await start(), { protocol, phone: stage.phone(), purpose: 'pay' });
    await user.send({ variables: ALICE, locale: 'en' });
    const [id, code] = [user.id, user.code()];
    stage.clock.pass(61_000);
    await user.send({ variables: { payee: ALICE.payee, amount: ALICE.amount }, locale: 'de' });
    expect([user.id, user.code()]).toEqual([id, code]);
  });

  it.each(['pay', 'strict'])(
    'confirms no other at the check, compares nothing, charges nothing: %s',
    async (purpose) => {
      const user = createUser(await start(), { protocol, phone: stage.phone(), purpose });
      await user.send({ variables: ALICE });
      const code = user.code();
      for (const variables of [MALLORY, { ...ALICE, more: 'x' }, { amount: ALICE.amount }]) {
        expect(await user.verdict(code, { variables })).toBe('NOT_FOUND');
      }
      expect(await user.record()).toMatchObject({ attempts: 0 });
      expect((await user.status()).guessBudget).toMatchObject({ used: 0 });
      expect(await user.verdict(code, { variables: ALICE })).toBe('APPROVED');
    },
  );

  it('needs its variables where the purpose requires them, and not where it does not', async () => {
    const app = await start();
    const strict = createUser(app, { protocol, phone: stage.phone(), purpose: 'strict' });
    const missing = { status: 'INVALID_ARGUMENT', violations: [expect.objectContaining({ field: 'variables' })] };
    expect(await strict.send()).toMatchObject({ status: 'INVALID_ARGUMENT' });
    await strict.send({ variables: ALICE });
    expect(await strict.check(strict.code())).toMatchObject({ status: missing.status });
    expect(await strict.record()).toMatchObject({ attempts: 0 });
    expect(await strict.verdict(strict.code(), { variables: ALICE })).toBe('APPROVED');
    const open = createUser(app, { protocol, phone: stage.phone(), purpose: 'pay' });
    await open.send({ variables: ALICE });
    expect(await open.verdict(open.code())).toBe('APPROVED');
  });

  it('names its variables in its request_id: with others it is another request', async () => {
    const user = createUser(await start(), { protocol, phone: stage.phone(), purpose: 'pay' });
    await user.send({ variables: ALICE });
    const request = { requestId: 'guess', variables: ALICE };
    expect(await user.verdict(user.wrong(), request)).toBe('WRONG_CODE');
    expect(await user.verdict(user.wrong(), { ...request, variables: MALLORY })).toBe('INVALID_ARGUMENT');
    expect(await user.verdict(user.wrong(), request)).toBe('WRONG_CODE');
    expect(await user.record()).toMatchObject({ attempts: 1 });
  });
});

it('negative control: where send.lua does not look at the variables, one code stands for both', async () => {
  const plant = without('send', { 'and record.content == content': '' });
  const user = createUser(await start(plant), { protocol: 'grpc', phone: stage.phone(), purpose: 'pay' });
  await user.send({ variables: ALICE });
  const code = user.code();
  stage.clock.pass(61_000);
  await user.send({ variables: MALLORY });
  expect(user.code()).toBe(code);
  expect(await user.verdict(code)).toBe('APPROVED');
  figure('without the hash of the variables: one code for 10 EUR to Alice and for 9000 EUR to Mallory');
});

it('negative control: where check.lua does not look at them, it confirms any', async () => {
  const plant = without('check', { "content ~= '' and record.content ~= content": 'false' });
  const user = createUser(await start(plant), { protocol: 'json', phone: stage.phone(), purpose: 'strict' });
  await user.send({ variables: ALICE });
  expect(await user.verdict(user.code(), { variables: MALLORY })).toBe('APPROVED');
});
