import { afterAll, beforeAll, expect, test } from 'vitest';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { type RunningApp, startApp } from './app.ts';
import { ok, PROTOCOLS } from './clients.ts';

const { sendCode, checkCode } = VerificationService.method;

let app: RunningApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app?.stop());

test.each(PROTOCOLS)('%s reaches the service, and the inbox has the code', async (protocol) => {
  const client = app.client(protocol);
  const phone = `+1415555012${PROTOCOLS.indexOf(protocol)}`;
  const { verificationId } = ok(await client.call(sendCode, { phone, purpose: 'login' }));
  const guess = { verificationId, purpose: 'login', code: app.inbox.codeTo(phone) };
  expect(ok(await client.call(checkCode, guess)).result).toBe(CheckResult.APPROVED);
});

test('what happened is in the events and in the log, one JSON record a line', async () => {
  await app.client('grpc').call(sendCode, {});
  expect(app.events.filter(({ type }) => type === 'rpc').at(-1)).toMatchObject({ status: 'INVALID_ARGUMENT' });
  const records = app
    .log()
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(records.at(-1)).toMatchObject({ status: 'INVALID_ARGUMENT' });
});
