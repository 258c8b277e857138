/** What no client library sends. Every input below holds a phone and a code, and no answer may repeat them. */
import { deflateSync, gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Refused } from '../../src/domain/refusal.ts';
import { CheckCodeRequestSchema } from '../../src/gen/countersign/v1/verification_pb.ts';
import {
  type Edges,
  frame,
  MAX_MESSAGE_BYTES,
  onlyRpc,
  type RawAnswer,
  rawGrpc,
  rawHttp,
  SERVICE,
  startEdges,
} from './edges.ts';

const PHONE = '+14155550123';
const CODE = '824613';
const SECRETS = /4155550123|824613/;
const GOOD = toBinary(CheckCodeRequestSchema, create(CheckCodeRequestSchema, { phone: PHONE, code: CODE }));

const bytes = (...parts: (number | string)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.of(part))));

const BAD_PROTO: readonly (readonly [string, Buffer])[] = [
  ['a text', bytes(PHONE, CODE)],
  ['a field that is longer than the message', bytes(0x12, 0x7f, PHONE, CODE)],
  ['a truncated varint', bytes(0x12, 0x0c, PHONE, 0x80)],
  ['an unknown wire type', bytes(0x12, 0x0c, PHONE, 0x0f)],
  ['the field number 0', bytes(0x02, 0x0c, PHONE)],
  ['bad UTF-8', bytes(0x12, 0x0e, PHONE, 0xc3, 0x28)],
  ['bad UTF-8 in a nested message', bytes(0x12, 0x0c, PHONE, 0x3a, 0x04, 0x0a, 0x02, 0xff, 0xfe)],
  ['a message where a number belongs', bytes(0x12, 0x0c, PHONE, 0x3b)],
];

const BAD_JSON: readonly (readonly [string, Buffer | string])[] = [
  ['no body', ''],
  ['an unfinished object', `{"phone":"${PHONE}","code":"${CODE}"`],
  ['a text', `"${PHONE} ${CODE}"`],
  ['a list', `["${PHONE}","${CODE}"]`],
  ['null', 'null'],
  ['a number as the phone', '{"phone":14155550123}'],
  ['a number as the code', `{"phone":"${PHONE}","code":824613}`],
  ['a text as a message', `{"client":"${PHONE} ${CODE}"}`],
  ['an object as a text', `{"code":{"${PHONE}":"${CODE}"}}`],
  ['bad UTF-8', bytes(`{"phone":"${PHONE}`, 0xc3, 0x28, `","code":"${CODE}"}`)],
  ['a lone surrogate', `{"phone":"${PHONE}","code":"${CODE}\\ud800"}`],
];

let edges: Edges;
beforeAll(async () => {
  edges = await startEdges();
});
beforeEach(() => edges.begin());
// Whatever came in: one event, and no fault of ours.
afterEach(() => expect(edges.events.map(({ type }) => type)).toEqual(['rpc']));
afterAll(() => edges.stop());

const grpc = (body: Uint8Array, headers = {}) =>
  rawGrpc(edges.grpc, { ':path': `${SERVICE}/CheckCode`, ...headers }, body);
const http = (contentType: string, body: Buffer | string, headers = {}) =>
  rawHttp(`${edges.http}${SERVICE}/CheckCode`, { headers: { 'content-type': contentType, ...headers }, body });

function expectMalformed(answer: RawAnswer, decoded: string): void {
  expect(decoded).toContain('The request could not be decoded.');
  expect(decoded).toContain('MALFORMED_REQUEST');
  expect(JSON.stringify(answer) + decoded).not.toMatch(SECRETS);
  expect(edges.reached).toEqual([]);
  expect(onlyRpc(edges.events)).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'MALFORMED_REQUEST' });
}

function expectMalformedGrpc(answer: RawAnswer, headers: Readonly<Record<string, unknown>>): void {
  expect(headers['grpc-status']).toBe('3');
  const status = Buffer.from(String(headers['grpc-status-details-bin']), 'base64').toString();
  expectMalformed(answer, `${decodeURIComponent(String(headers['grpc-message']))} ${status}`);
}

function expectMalformedConnect(answer: RawAnswer & { status: number }): void {
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'invalid_argument' });
  expectMalformed(answer, answer.body);
}

/** The trailers of a gRPC-Web answer are in its body. */
function webTrailers({ body }: RawAnswer): Record<string, string> {
  return Object.fromEntries([...body.matchAll(/([\w-]+): (.*)\r\n/g)].map(([, name, value]) => [name, value]));
}

describe('a malformed message is INVALID_ARGUMENT, and nothing of it comes back', () => {
  test.each(BAD_PROTO)('gRPC: %s', async (_, body) => {
    const answer = await grpc(frame(body));
    expectMalformedGrpc(answer, answer.headers);
  });

  test.each(BAD_PROTO)('Connect: %s', async (_, body) => {
    expectMalformedConnect(await http('application/proto', body));
  });

  test.each(BAD_JSON)('JSON: %s', async (_, body) => {
    expectMalformedConnect(await http('application/json', body));
  });

  test.each(BAD_PROTO)('gRPC-Web: %s', async (_, body) => {
    const answer = await http('application/grpc-web+proto', frame(body));
    expectMalformedGrpc(answer, webTrailers(answer));
  });

  test.each(BAD_JSON)('gRPC-Web in JSON: %s', async (_, body) => {
    const answer = await http('application/grpc-web+json', frame(Buffer.from(body)));
    expectMalformedGrpc(answer, webTrailers(answer));
  });

  test('gRPC: a deadline that is none', async () => {
    const answer = await grpc(frame(GOOD), { 'grpc-timeout': CODE });
    expectMalformedGrpc(answer, answer.headers);
  });

  test.each([
    ['gzip', GOOD],
    ['gzip', gzipSync(GOOD).subarray(0, 20)],
    ['br', deflateSync(GOOD)],
  ])('Connect: a body that claims to be %s', async (encoding, body) => {
    expectMalformedConnect(await http('application/proto', Buffer.from(body), { 'content-encoding': encoding }));
  });

  test.each(['soon', '-1', CODE.repeat(2)])('Connect: the deadline "%s"', async (timeout) => {
    expectMalformedConnect(await http('application/json', '{}', { 'connect-timeout-ms': timeout }));
  });

  test('gRPC-Web: a stream that ends within a message', async () => {
    const answer = await http('application/grpc-web+proto', frame(GOOD).subarray(0, 20));
    expectMalformedGrpc(answer, webTrailers(answer));
  });

  test('gRPC-Web: no message at all', async () => {
    const answer = await http('application/grpc-web+proto', '');
    expect(webTrailers(answer)['grpc-status']).toBe('12');
  });
});

describe('what decodes to an empty message is for the rules to judge', () => {
  const refusal = { reason: 'INVALID_FIELDS', violations: [{ field: 'purpose', rule: 'required' }] } as const;
  beforeEach(() => edges.begin({ checkCode: () => Promise.reject(new Refused(refusal)) }));
  afterEach(() => {
    expect(edges.reached).toEqual(['checkCode']);
    expect(onlyRpc(edges.events)).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
  });

  test('an empty gRPC message', async () => {
    expect((await grpc(frame(Buffer.of()))).headers['grpc-status']).toBe('3');
  });
  test('an empty Connect body', async () => {
    expect((await http('application/proto', '')).status).toBe(400);
  });
  test('an empty JSON object', async () => {
    expect((await http('application/json', '{}')).status).toBe(400);
  });
  test('JSON fields that nobody knows', async () => {
    expect((await http('application/json', `{"phnoe":"${PHONE}"}`)).status).toBe(400);
  });
});

describe('what the libraries refuse in their own words', () => {
  const large = Buffer.alloc(MAX_MESSAGE_BYTES + 1, PHONE);
  afterEach(() => expect(edges.reached).toEqual([]));

  test('gRPC: a message that is too large is RESOURCE_EXHAUSTED', async () => {
    const answer = await grpc(frame(large));
    expect(answer.headers['grpc-status']).toBe('8');
    expect(JSON.stringify(answer)).not.toMatch(SECRETS);
    expect(onlyRpc(edges.events)).toMatchObject({ method: 'CheckCode', status: 'RESOURCE_EXHAUSTED', reason: null });
  });

  test.each([
    ['a body that is too large', large, {}],
    ['a body that becomes too large', gzipSync(large), { 'content-encoding': 'gzip' }],
  ])('Connect: %s is RESOURCE_EXHAUSTED', async (_, body, headers) => {
    const answer = await http('application/json', body, headers);
    expect(answer.status).toBe(429);
    expect(JSON.stringify(answer)).not.toMatch(SECRETS);
    expect(onlyRpc(edges.events)).toMatchObject({ method: 'CheckCode', status: 'RESOURCE_EXHAUSTED', reason: null });
  });

  test('Connect: a body that tells its length by getting too large is RESOURCE_EXHAUSTED', async () => {
    const body = new ReadableStream({
      start(stream) {
        for (let sent = 0; sent <= 4; sent++) stream.enqueue(large);
        stream.close();
      },
    });
    const headers = { 'content-type': 'application/json' };
    const init: RequestInit = { method: 'POST', headers, body, duplex: 'half' };
    const answer = await fetch(`${edges.http}${SERVICE}/CheckCode`, init);
    expect(answer.status).toBe(429);
    expect(onlyRpc(edges.events)).toMatchObject({ method: 'CheckCode', status: 'RESOURCE_EXHAUSTED', reason: null });
  });

  test.each([
    ['gzip', frame(gzipSync(GOOD), true), { 'grpc-encoding': 'gzip' }],
    ['deflate', frame(deflateSync(GOOD), true), { 'grpc-encoding': 'deflate' }],
    ['what claims to be gzip', frame(GOOD, true), { 'grpc-encoding': 'gzip' }],
    ['gzip that becomes too large', frame(gzipSync(large), true), { 'grpc-encoding': 'gzip' }],
    ['an unknown compression', frame(GOOD, true), { 'grpc-encoding': 'zstd' }],
    ['a compression that is not used', frame(GOOD), { 'grpc-encoding': 'gzip' }],
    ['a compression that is not named', frame(gzipSync(GOOD), true), {}],
  ])('gRPC: %s is UNIMPLEMENTED, and says which compression is accepted', async (_, body, headers) => {
    const answer = await grpc(body, headers);
    expect(answer.headers['grpc-status']).toBe('12');
    expect(answer.headers['grpc-accept-encoding']).toBe('identity');
    expect(decodeURIComponent(String(answer.headers['grpc-message']))).toMatch(/^Compressed requests are not accepted/);
    expect(onlyRpc(edges.events)).toMatchObject({ method: 'CheckCode', status: 'UNIMPLEMENTED', reason: null });
  });

  test.each([
    ['no message', Buffer.of()],
    ['a stream that ends within a message', frame(GOOD).subarray(0, 20)],
    ['a second message', Buffer.concat([frame(GOOD), frame(GOOD)])],
    ['an empty second message', Buffer.concat([frame(GOOD), frame(Buffer.of())])],
    ['the beginning of a second message', Buffer.concat([frame(GOOD), Buffer.of(0)])],
  ])('gRPC: %s is UNIMPLEMENTED', async (_, body) => {
    const answer = await grpc(body);
    expect(answer.headers['grpc-status']).toBe('12');
    expect(JSON.stringify(answer)).not.toMatch(SECRETS);
    expect(onlyRpc(edges.events)).toMatchObject({ method: 'CheckCode', status: 'UNIMPLEMENTED', reason: null });
  });

  test.each(['/', `${SERVICE}/Nothing`, `/${PHONE}/${CODE}`])('gRPC: the path %s is UNIMPLEMENTED', async (path) => {
    const answer = await rawGrpc(edges.grpc, { ':path': path }, frame(GOOD));
    expect(answer.headers['grpc-status']).toBe('12');
    expect(onlyRpc(edges.events)).toMatchObject({ edge: 'grpc', method: 'unknown', status: 'UNIMPLEMENTED' });
  });

  test('gRPC: another content type is 415', async () => {
    expect((await grpc(frame(GOOD), { 'content-type': 'text/plain' })).headers[':status']).toBe(415);
    expect(onlyRpc(edges.events)).toMatchObject({ edge: 'grpc', method: 'unknown', status: 'UNIMPLEMENTED' });
  });

  test.each([
    ['an unknown compression', 501, { headers: { 'content-type': 'application/json', 'content-encoding': 'zstd' } }],
    ['another content type', 415, { headers: { 'content-type': 'text/plain' } }],
    ['gRPC over HTTP/1.1', 415, { headers: { 'content-type': 'application/grpc' } }],
    ['GET, which would put the code into URLs', 405, { method: 'GET' }],
  ])('Connect: %s is %d', async (_, status, init) => {
    const query = `?encoding=json&message=${encodeURIComponent(`{"code":"${CODE}"}`)}`;
    const body = 'method' in init ? {} : { body: '{}' };
    const answer = await rawHttp(`${edges.http}${SERVICE}/CheckCode${query}`, { ...init, ...body });
    expect(answer.status).toBe(status);
    expect(onlyRpc(edges.events)).toMatchObject({ method: 'CheckCode', status: 'UNIMPLEMENTED' });
  });

  test.each(['/', '/favicon.ico', `${SERVICE}/Nothing`, '//'])('Connect: the path %s is 404', async (path) => {
    const answer = await rawHttp(`${edges.http}${path}`, { body: '{}' });
    expect(answer.status).toBe(404);
    expect(onlyRpc(edges.events)).toMatchObject({ method: 'unknown', status: 'UNIMPLEMENTED' });
  });
});
