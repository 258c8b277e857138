import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANONYMOUS } from '../../src/domain/caller.ts';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { createAuthenticator } from '../../src/rpc/auth.ts';
import type { Call, CheckCodeOutput } from '../../src/verification/types.ts';
import { PROTOCOLS } from '../support/clients.ts';
import { type Edges, onlyRpc, rawGrpc, rawHttp, SERVICE, startEdges } from './edges.ts';

const sha256 = (token: string) => createHash('sha256').update(token).digest('hex');

const CALLERS = [
  { name: 'web', tokenHashes: [sha256('web-old'), sha256('web-new')], purposes: ['login', 'register'] },
  { name: 'ops', tokenHashes: [sha256('b3BzLXRva2Vu==')], purposes: 'all' },
] as const;

const authenticate = createAuthenticator(CALLERS);

test('without callers everyone is anonymous, whatever they present', () => {
  const open = createAuthenticator([]);
  expect(open(undefined)).toBe(ANONYMOUS);
  expect(open('Bearer whatever')).toBe(ANONYMOUS);
});

test.each([
  ['Bearer web-old', 'web'],
  ['Bearer web-new', 'web'],
  ['bearer web-new', 'web'],
  ['BEARER   web-new ', 'web'],
  ['Bearer b3BzLXRva2Vu==', 'ops'],
])('"%s" is the caller %s', (header, name) => {
  expect(authenticate(header)?.name).toBe(name);
});

test('a caller may use the purposes it was given', () => {
  expect(authenticate('Bearer web-new')?.purposes).toEqual(new Set(['login', 'register']));
  expect(authenticate('Bearer b3BzLXRva2Vu==')?.purposes).toBe('all');
});

const NOBODY = [undefined, '', 'Bearer', 'Bearer ', 'Bearer web-olD', 'Basic web-old', 'web-old', 'Bearer web-old x'];

test.each([...NOBODY, `Bearer ${sha256('web-old')}`])('"%s" is nobody', (header) => {
  expect(authenticate(header)).toBeNull();
});

describe('on the edges', () => {
  let edges: Edges;
  let seen: Call | undefined;
  const checkCode = async (_: unknown, call: Call): Promise<CheckCodeOutput> => {
    seen = call;
    return { result: 'not_found' };
  };
  beforeAll(async () => {
    edges = await startEdges({ callers: CALLERS });
  });
  afterAll(() => edges.stop());

  test.each(PROTOCOLS)('a caller is known to the handler and to the event (%s)', async (protocol) => {
    edges.begin({ checkCode });
    const answer = await edges.client(protocol).call(VerificationService.method.checkCode, {}, { token: 'web-new' });
    expect(answer.status).toBe('OK');
    expect(seen?.caller.name).toBe('web');
    expect(onlyRpc(edges.events)).toMatchObject({ status: 'OK', reason: null, facts: { caller: 'web' } });
  });

  test.each(PROTOCOLS)('no token and a wrong token are refused before anything is asked (%s)', async (protocol) => {
    for (const options of [{}, { token: 'wrong' }]) {
      edges.begin({ checkCode });
      const answer = await edges
        .client(protocol)
        .call(VerificationService.method.checkCode, { code: '824613' }, options);
      expect(answer).toEqual({
        status: 'UNAUTHENTICATED',
        text: 'Valid credentials are required.',
        details: {
          ErrorInfo: { reason: 'UNAUTHENTICATED', domain: 'countersign' },
          LocalizedMessage: { locale: 'en', message: 'Valid credentials are required.' },
        },
      });
      expect(edges.reached).toEqual([]);
      const { status, reason, facts } = onlyRpc(edges.events);
      expect({ status, reason, facts }).toEqual({ status: 'UNAUTHENTICATED', reason: 'UNAUTHENTICATED', facts: {} });
    }
  });

  test('the refusal does not wait for the message, nor read it', async () => {
    const tooLarge = Buffer.alloc(100_000, 0xff);
    const { headers } = await rawGrpc(edges.grpc, { ':path': `${SERVICE}/CheckCode` }, tooLarge);
    expect(headers['grpc-status']).toBe('16');
    const json = { 'content-type': 'application/json' };
    const { status } = await rawHttp(`${edges.http}${SERVICE}/CheckCode`, { headers: json, body: tooLarge });
    expect(status).toBe(401);
  });

  test('it speaks the language of Accept-Language', async () => {
    const headers = { 'accept-language': 'zh-CN,en;q=0.5', 'content-type': 'application/json' };
    const { body } = await rawHttp(`${edges.http}${SERVICE}/CheckCode`, { headers, body: '{}' });
    expect(Buffer.from(body, 'latin1').toString()).toContain('需要有效的身份凭证。');

    const grpc = { ':path': `${SERVICE}/CheckCode`, 'accept-language': 'zh-CN,en;q=0.5' };
    const answer = await rawGrpc(edges.grpc, grpc, Buffer.alloc(5));
    const details = Buffer.from(String(answer.headers['grpc-status-details-bin']), 'base64').toString();
    expect(details).toContain('需要有效的身份凭证。');
  });

  test('health is open to probes, reflection is not', async () => {
    const health = await rawGrpc(edges.grpc, { ':path': '/grpc.health.v1.Health/Check' }, Buffer.alloc(5));
    expect(health.headers['grpc-status']).toBe('0');
    for (const version of ['v1', 'v1alpha']) {
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      const refused = await rawGrpc(edges.grpc, { ':path': path }, Buffer.of());
      expect(refused.headers['grpc-status']).toBe('16');
      const allowed = await rawGrpc(edges.grpc, { ':path': path, authorization: 'Bearer web-new' }, Buffer.of());
      expect(allowed.headers['grpc-status']).toBe('0');
    }
  });
});
