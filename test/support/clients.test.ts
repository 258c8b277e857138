import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { Code, ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { ErrorInfoSchema, RetryInfoSchema } from '../../src/gen/google/rpc/error_details_pb.ts';
import { ok, openClient, PROTOCOLS, type Protocol, type ServiceClient } from './clients.ts';

const { checkCode, sendCode, rateStatus } = VerificationService.method;

// connect-node speaks all three protocols, and is none of the code under test.
const handler = connectNodeAdapter({
  routes: (router) =>
    router.service(VerificationService, {
      checkCode: ({ code }, { requestHeader }) => ({
        result: code === '123456' ? CheckResult.APPROVED : CheckResult.WRONG_CODE,
        verificationId: requestHeader.get('authorization') ?? 'nobody',
      }),
      sendCode: () => {
        throw new ConnectError('wait', Code.ResourceExhausted, undefined, [
          { desc: ErrorInfoSchema, value: { reason: 'COOLDOWN', domain: 'countersign' } },
          { desc: RetryInfoSchema, value: { retryDelay: { seconds: 60n } } },
        ]);
      },
      rateStatus: (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
    }),
});
const servers: Server[] = [];
const clients = new Map<Protocol, ServiceClient>();

async function listen(server: Server): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  const grpc = await listen(createHttp2(handler));
  const http = `http://${await listen(createHttp(handler))}`;
  for (const protocol of PROTOCOLS) clients.set(protocol, openClient(protocol, { grpc, http }));
});
afterAll(() => {
  for (const client of clients.values()) client.close();
  for (const server of servers) server.close();
});

for (const protocol of PROTOCOLS) {
  const client = () => clients.get(protocol) as ServiceClient;

  test(`${protocol}: an OK answer carries the message, and the token went along`, async () => {
    const message = ok(await client().call(checkCode, { code: '123456' }, { token: 'secret' }));
    expect(message).toMatchObject({ result: CheckResult.APPROVED, verificationId: 'Bearer secret' });
    expect(ok(await client().call(checkCode, { code: '000000' })).verificationId).toBe('nobody');
  });

  test(`${protocol}: a refusal carries status, text and details`, async () => {
    const answer = await client().call(sendCode, {});
    expect(answer).toEqual({
      status: 'RESOURCE_EXHAUSTED',
      text: 'wait',
      details: { ErrorInfo: { reason: 'COOLDOWN', domain: 'countersign' }, RetryInfo: { retryDelay: '60s' } },
    });
    expect(() => ok(answer)).toThrow('RESOURCE_EXHAUSTED: wait');
  });

  test(`${protocol}: a deadline ends a call`, async () => {
    expect(await client().call(rateStatus, {}, { timeoutMs: 50 })).toMatchObject({ status: 'DEADLINE_EXCEEDED' });
  });
}

test.each(PROTOCOLS)('%s: a server that is not there is UNAVAILABLE', async (protocol) => {
  const client = openClient(protocol, { grpc: '127.0.0.1:1', http: 'http://127.0.0.1:1' });
  expect(await client.call(checkCode, {})).toMatchObject({ status: 'UNAVAILABLE' });
  client.close();
});
