/** Admission at both edges, over real sockets: calls that are not answered fill the places. */
import { createHash } from 'node:crypto';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterEach, describe, expect, test } from 'vitest';
import {
  CheckCodeRequestSchema,
  SendCodeRequestSchema,
  VerificationService,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import { ErrorInfoSchema, LocalizedMessageSchema, RetryInfoSchema } from '../../src/gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../src/gen/google/rpc/status_pb.ts';
import { type AdmissionOptions, createAdmission } from '../../src/rpc/admission.ts';
import { PROTOCOLS } from '../support/clients.ts';
import { eventually } from '../support/wait.ts';
import { frame, rawGrpc, rawHttp, SERVICE, startEdges } from './edges.ts';

const phone = '+14155550123';
const CHECK = create(CheckCodeRequestSchema, { phone, purpose: 'login', code: '123456' });
const CHECK_BODY = frame(toBinary(CheckCodeRequestSchema, CHECK));
const SEND_BODY = frame(toBinary(SendCodeRequestSchema, create(SendCodeRequestSchema, { phone, purpose: 'login' })));
const JSON_BODY = JSON.stringify({ phone, purpose: 'login', code: '123456' });
const TOKEN = 'the-token-of-a-caller';
const WEB = { name: 'web', tokenHashes: [createHash('sha256').update(TOKEN).digest('hex')], purposes: 'all' } as const;
const authorization = `Bearer ${TOKEN}`;
const HEADERS = { ':path': `${SERVICE}/CheckCode`, authorization };
const EIGHT = { check: 8, read: 8, send: 200 };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Edges whose verifier answers when `answer` says so. */
async function slow(ceilings: AdmissionOptions['ceilings'] = EIGHT) {
  const admission = createAdmission({ clock: () => performance.now(), ceilings });
  const edges = await startEdges({ bounds: { admission }, callers: [WEB] });
  closers.push(() => edges.stop());
  const { promise, resolve: answer } = Promise.withResolvers<void>();
  closers.push(answer);
  edges.begin({
    checkCode: async () => {
      await promise;
      return { result: 'not_found' };
    },
    sendCode: () => new Promise(() => undefined),
  });
  const session = connect(`http://${edges.grpc}`);
  closers.push(() => session.destroy());
  const underWay = () => admission.state().get('check')?.underWay;
  return { edges, underWay, session, answer };
}

/** All places are taken. */
async function full(ceilings?: AdmissionOptions['ceilings']) {
  const made = await slow(ceilings);
  for (let n = 0; n < 8; n++) request(made.session, HEADERS, CHECK_BODY);
  await eventually('eight checks are under way', () => made.edges.reached.length === 8);
  return made;
}

function request(session: ClientHttp2Session, headers: Record<string, string>, body: Uint8Array): ClientHttp2Stream {
  const call = { ':method': 'POST', 'content-type': 'application/grpc+proto', te: 'trailers', ...headers };
  const stream = session.request(call);
  stream.on('error', () => undefined);
  stream.resume();
  stream.end(body);
  return stream;
}

function detailsOf(header: unknown) {
  const { code, details } = fromBinary(StatusSchema, Buffer.from(String(header), 'base64'));
  const [info, retry, text] = details.map(({ value }) => value) as [Uint8Array, Uint8Array, Uint8Array];
  return {
    code,
    reason: fromBinary(ErrorInfoSchema, info).reason,
    retryAfter: Number(fromBinary(RetryInfoSchema, retry).retryDelay?.seconds),
    text: fromBinary(LocalizedMessageSchema, text).message,
  };
}

describe('a call for which there is no place is refused before its message is read', () => {
  test.each([
    ['en', 'The service is busy. Try again in 1 second.'],
    ['zh-CN', '服务繁忙，请在1秒钟后重试。'],
  ])('by gRPC, in the words of %s', async (language, text) => {
    const { edges } = await full();
    const { headers, body } = await rawGrpc(edges.grpc, { ...HEADERS, 'accept-language': language }, CHECK_BODY);
    expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '8' });
    expect(headers).not.toHaveProperty('date');
    expect(detailsOf(headers['grpc-status-details-bin'])).toEqual({
      code: 8,
      reason: 'OVERLOADED',
      retryAfter: 1,
      text,
    });
    expect(body).toBe('');
    expect(edges.reached).toHaveLength(8);
    expect(edges.events).toEqual([{ type: 'shed', class: 'check', why: 'overloaded' }]);
  });

  test('by Connect, with 429 and Retry-After', async () => {
    const { edges } = await full();
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await rawHttp(`${edges.http}${SERVICE}/CheckCode`, { headers, body: JSON_BODY });
    expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '1', 'content-type': 'application/json' } });
    expect(JSON.parse(answer.body)).toMatchObject({
      code: 'resource_exhausted',
      details: [{ debug: { reason: 'OVERLOADED' } }, {}, {}],
    });
    expect(edges.reached).toHaveLength(8);
  });

  test('by gRPC-Web, in the headers', async () => {
    const { edges } = await full();
    const headers = { authorization, 'content-type': 'application/grpc-web+proto' };
    const answer = await rawHttp(`${edges.http}${SERVICE}/CheckCode`, { headers, body: CHECK_BODY });
    expect(answer).toMatchObject({ status: 200, body: '', headers: { 'grpc-status': '8' } });
    expect(detailsOf(answer.headers['grpc-status-details-bin'])).toMatchObject({ reason: 'OVERLOADED' });
  });

  test.each(PROTOCOLS)('and a stock client reads why and for how long (%s)', async (protocol) => {
    const { edges } = await full();
    const answer = await edges.client(protocol).call(VerificationService.method.checkCode, CHECK, { token: TOKEN });
    expect(answer).toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
      details: { ErrorInfo: { reason: 'OVERLOADED' }, RetryInfo: { retryDelay: '1s' } },
    });
  });

  test('and never begun once its deadline is over', async () => {
    const { edges } = await full();
    const { headers } = await rawGrpc(edges.grpc, { ...HEADERS, 'grpc-timeout': '20m' }, CHECK_BODY);
    expect(headers['grpc-status']).toBe('4');
    expect(edges.reached).toHaveLength(8);
  });

  test('negative control: with admission off it is begun', async () => {
    const { edges, session } = await full(null);
    request(session, HEADERS, CHECK_BODY);
    await eventually('the ninth check is under way', () => edges.reached.length === 9);
  });
});

describe('while there is no place for checks', () => {
  test('health is answered', async () => {
    const { edges } = await full();
    const { headers } = await rawGrpc(edges.grpc, { ':path': '/grpc.health.v1.Health/Check' }, frame(Buffer.of()));
    expect(headers['grpc-status']).toBe('0');
  });

  test.each([
    ['no token', {}],
    ['a wrong token', { authorization: 'Bearer wrong' }],
  ])('a stranger with %s learns that, and waits for no place', async (_, header) => {
    const { edges } = await full();
    const { headers } = await rawGrpc(edges.grpc, { ':path': HEADERS[':path'], ...header }, CHECK_BODY);
    expect(headers['grpc-status']).toBe('16');
    const answer = await rawHttp(`${edges.http}${SERVICE}/CheckCode`, {
      headers: { ...header, 'content-type': 'application/json' },
      body: JSON_BODY,
    });
    expect(answer.status).toBe(401);
  });
});

test('a hundred sends that hang at a vendor take no place from a check on the same connection', async () => {
  const { edges, session, answer } = await slow();
  answer();
  for (let n = 0; n < 100; n++) request(session, { ...HEADERS, ':path': `${SERVICE}/SendCode` }, SEND_BODY);
  await eventually('a hundred sends hang', () => edges.reached.length === 100);
  const status = new Promise((resolve) => {
    request(session, HEADERS, CHECK_BODY).on('trailers', (trailers) => resolve(trailers['grpc-status']));
  });
  expect(await status).toBe('0');
});

describe('a place is given back', () => {
  test('when the call is answered', async () => {
    const { underWay, answer } = await full();
    answer();
    await eventually('all places are free', () => underWay() === 0);
  });

  test('when its caller has gone', async () => {
    const { underWay, session } = await full();
    session.destroy();
    await eventually('all places are free', () => underWay() === 0);
  });

  test('when its connection breaks before the message is there', async () => {
    const { edges, underWay, session } = await slow();
    const call = { ':method': 'POST', 'content-type': 'application/grpc+proto', te: 'trailers', ...HEADERS };
    for (let n = 0; n < 5; n++) session.request(call).on('error', () => undefined);
    await eventually('the places are taken', () => underWay() === 5);
    session.destroy();
    await eventually('all places are free', () => underWay() === 0);
    expect(edges.reached).toEqual([]);
  });

  test.each([
    ['a wrong token on the connection of a caller', { authorization: 'Bearer wrong' }, CHECK_BODY, '16'],
    ['another content type', { 'content-type': 'text/plain' }, CHECK_BODY, undefined],
    ['a message that is none', {}, frame(Buffer.from([255])), '3'],
    ['compression', { 'grpc-encoding': 'gzip' }, CHECK_BODY, '12'],
  ])('when a call is refused for %s', async (_, headers, body, status) => {
    const { edges, underWay, session, answer } = await slow();
    answer();
    await rawGrpc(edges.grpc, HEADERS, CHECK_BODY);
    await new Promise((resolve) => request(session, HEADERS, CHECK_BODY).once('close', resolve));
    const answered = new Promise((resolve) => {
      const stream = request(session, { ...HEADERS, ...headers }, body);
      stream.once('response', (head) => resolve(head['grpc-status']));
    });
    expect(await answered).toBe(status);
    await eventually('the place is free', () => underWay() === 0);
  });
});
