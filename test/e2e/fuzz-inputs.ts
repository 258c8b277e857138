/** Inputs that nobody expects, made from ones that were found to matter. A number names an input: it comes again. */
import { gzipSync } from 'node:zlib';
import { create, type DescMessage, toBinary, toJsonString } from '@bufbuild/protobuf';
import {
  CancelVerificationRequestSchema,
  CheckCodeRequestSchema,
  GetVerificationRequestSchema,
  RateStatusRequestSchema,
  SendCodeRequestSchema,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import { frame } from '../rpc/edges.ts';
import { CALLBACK_TOKEN } from './reporters.ts';

export interface FuzzInput {
  readonly port: 'grpc' | 'http' | 'callbacks';
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

type Random = (below: number) => number;

/** Deterministic (mulberry32). */
function randomOf(seed: number): Random {
  let state = (seed * 0x9e3779b1) >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const oneOf = <T>(random: Random, values: readonly T[]): T => values[random(values.length)] as T;

const PHONES = [
  ...[
    '+14155550123',
    '14155550123',
    '+442079460000',
    '+8613800138000',
    '+19002345678',
    '+970591234567',
    '+972591234567',
  ],
  ...[
    '+24106123456',
    '+87077000000',
    '+88312345678',
    '+447911123456',
    '',
    '+',
    '+1',
    'tel:+14155550123',
    '＋１４１５５５５０１２３',
    '+1415555\u00000123',
  ],
];
/** What links, numbers and texts look like that must not reach a phone. */
const TEXTS = [
  ...[
    'कोड.भारत',
    'пример.рф',
    'example.com',
    'http://a.b',
    'tel:0900123456',
    'mailto:a@b.example',
    '+49 900 1234567',
    '123456',
    '１２３４５６',
  ],
  ...[
    '',
    ' ',
    'a',
    'Ä'.repeat(300),
    '\u202e',
    '\ud83d\ude00',
    '{code}',
    '#{code}',
    '%s',
    "'; DROP",
    '__proto__',
    'constructor',
    '\u0000',
    'a\r\nb: c',
  ],
];
const NAMES = ['login', 'register', 'reset_password', 'payment', 'no-such', '__proto__', ''];
const LOCALES = ['', 'en', 'zh-CN', 'de-AT', 'xx', 'en_US', 'i-klingon', 'a'.repeat(200)];

const SCHEMAS: readonly (readonly [string, DescMessage])[] = [
  ['SendCode', SendCodeRequestSchema],
  ['CheckCode', CheckCodeRequestSchema],
  ['RateStatus', RateStatusRequestSchema],
  ['GetVerification', GetVerificationRequestSchema],
  ['CancelVerification', CancelVerificationRequestSchema],
];

function request(random: Random, schema: DescMessage) {
  const fields: Record<string, unknown> = {
    phone: oneOf(random, PHONES),
    purpose: oneOf(random, NAMES),
    locale: oneOf(random, LOCALES),
    code: oneOf(random, ['000000', '12345', '1234567', '１２３４５６', 'abcdef', '']),
    requestId: oneOf(random, ['', 'a', 'r'.repeat(200), oneOf(random, TEXTS)]),
    verificationId: oneOf(random, ['', 'x'.repeat(32), 'AAAA', oneOf(random, TEXTS)]),
    variables: random(2) === 0 ? {} : { [oneOf(random, ['shop', 'amount', ...TEXTS])]: oneOf(random, TEXTS) },
  };
  const known = Object.entries(fields).filter(([name]) => schema.field[name] !== undefined && random(4) > 0);
  return create(schema, Object.fromEntries(known));
}

/** Some bytes more, fewer, or others. */
function mutated(random: Random, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let change = random(4); change > 0; change--) {
    const at = random(result.length + 1);
    const [before, after] = [result.subarray(0, at), result.subarray(at)];
    const inserted = Buffer.from(Array.from({ length: 1 + random(8) }, () => random(256)));
    const changes = [
      () => Buffer.concat([before, inserted, after]),
      () => Buffer.concat([before, after.subarray(1 + random(8))]),
      () => Buffer.concat([before, inserted, after.subarray(inserted.length)]),
      () => before,
      () => Buffer.concat([result, result]),
    ];
    result = Buffer.from(oneOf(random, changes)());
  }
  return result;
}

function grpcInput(random: Random): FuzzInput {
  const [name, schema] = oneOf(random, SCHEMAS);
  const good = Buffer.from(toBinary(schema, request(random, schema)));
  const bad = mutated(random, good);
  const body = oneOf<() => Buffer>(random, [
    ...Array.from({ length: 6 }, () => () => frame(bad)),
    () => frame(good),
    () => mutated(random, frame(good)),
    () => frame(gzipSync(Buffer.alloc(16_000)), true),
    () => Buffer.concat([frame(good), frame(good)]),
    () => Buffer.concat(Array.from({ length: 1 + random(3_000) }, () => frame(Buffer.of()))),
    () => frame(Buffer.alloc(16_384 + random(3), 65)),
    () => Buffer.of(),
  ])();
  const path = oneOf(random, [
    ...Array.from({ length: 8 }, () => `/countersign.v1.VerificationService/${name}`),
    '/grpc.health.v1.Health/Check',
    '/grpc.health.v1.Health/List',
    '/verification.v1.VerificationService/SendCode',
    `/${name}`,
    `/%00${random(1_000)}/`,
  ]);
  const headers = oneOf<Record<string, string>>(random, [
    ...Array.from({ length: 6 }, () => ({})),
    { 'grpc-encoding': oneOf(random, ['gzip', 'deflate', 'identity', 'zstd', '']) },
    { 'grpc-timeout': oneOf(random, ['1n', '100m', '99999999H', '-1S', 'x', '', '123456789S']) },
    {
      'content-type': oneOf(random, [
        'application/grpc+json',
        'application/grpcx',
        'text/plain',
        'application/grpc-web',
      ]),
    },
    { 'accept-language': oneOf(random, LOCALES) },
    { authorization: oneOf(random, ['Bearer ', 'Bearer x', 'Basic eDp5', '']) },
    { 'x-binary-bin': oneOf(random, ['AAAA', '!!!', '']) },
  ]);
  return { port: 'grpc', path, method: 'POST', headers, body };
}

function httpInput(random: Random): FuzzInput {
  const [name, schema] = oneOf(random, SCHEMAS);
  const message = request(random, schema);
  const json = Buffer.from(toJsonString(schema, message));
  const binary = Buffer.from(toBinary(schema, message));
  const [type, body] = oneOf<readonly [string, Buffer]>(random, [
    ['application/json', json],
    ['application/json', mutated(random, json)],
    ['application/json', mutated(random, json)],
    ['application/proto', mutated(random, binary)],
    ['application/grpc-web+proto', frame(mutated(random, binary))],
    ['application/grpc-web+proto', mutated(random, frame(binary))],
    ['application/grpc-web+json', frame(mutated(random, json))],
    ['application/json', Buffer.from('['.repeat(1 + random(15_000)))],
    ['application/json', gzipSync(Buffer.alloc(1_000_000, 32))],
    ['application/connect+json', frame(json)],
    [oneOf(random, ['text/plain', 'application/grpc', 'application/json; charset=latin1', '']), json],
  ]);
  const headers = oneOf<Record<string, string>>(random, [
    ...Array.from({ length: 6 }, () => ({})),
    { host: oneOf(random, ['evil.example', '127.0.0.1.evil.example', '[::1]', 'a:b:c', '']) },
    { 'content-encoding': oneOf(random, ['gzip', 'br', 'zstd', 'identity', 'deflate']) },
    { 'connect-timeout-ms': oneOf(random, ['1', '0', '-1', 'x', '99999999999']) },
    { 'connect-protocol-version': oneOf(random, ['1', '2', '']) },
    { 'accept-language': oneOf(random, LOCALES) },
    { authorization: oneOf(random, ['Bearer ', 'Bearer x', 'Basic eDp5']) },
  ]);
  const path = oneOf(random, [
    ...Array.from({ length: 8 }, () => `/countersign.v1.VerificationService/${name}`),
    `/countersign.v1.VerificationService/${name}?encoding=json&message=%7B%7D`,
    '/',
    '//',
    `/${name}/../SendCode`,
  ]);
  return {
    port: 'http',
    path,
    method: oneOf(random, ['POST', 'POST', 'POST', 'POST', 'GET', 'PUT']),
    headers: { 'content-type': type, ...headers },
    body,
  };
}

function callbackInput(random: Random): FuzzInput {
  const item = () => ({
    mobile: oneOf(random, PHONES),
    nationcode: oneOf(random, ['86', '1', '', 7]),
    report_status: oneOf(random, ['SUCCESS', 'FAIL', 'x', null]),
    errmsg: oneOf(random, ['DELIVRD', 'MK:0010', ...TEXTS]),
    user_receive_time: oneOf(random, ['2026-11-21 08:03:04', '', 'x']),
    sid: oneOf(random, ['5000:1', `${random(1e9)}`, ...TEXTS]),
    ext: oneOf(random, ['t', 't'.repeat(200), ...TEXTS]),
  });
  const reports = Buffer.from(JSON.stringify(Array.from({ length: random(110) }, item)));
  const form = Buffer.from(
    new URLSearchParams({ MessageSid: `SM${'0'.repeat(32)}`, MessageStatus: oneOf(random, TEXTS) }).toString(),
  );
  const path = oneOf(random, [
    ...Array.from({ length: 4 }, () => `/reports/tencent/${CALLBACK_TOKEN}`),
    '/reports/tencent',
    '/reports/twilio?t=x',
    '/reports/webhook',
    `/reports/${oneOf(random, ['nobody', '__proto__', '%2e%2e/tencent', ''])}`,
    '/',
  ]);
  const headers = {
    'content-type': oneOf(random, ['application/json', 'application/x-www-form-urlencoded', 'text/plain']),
    'x-forwarded-for': oneOf(random, [
      '203.0.113.7',
      '203.0.113.7',
      '198.51.100.7',
      'x',
      '::ffff:203.0.113.7',
      '1.2.3.4, 203.0.113.7',
    ]),
    'x-twilio-signature': oneOf(random, ['A'.repeat(27), '']),
    'webhook-signature': oneOf(random, ['v1,AAAA', '']),
    'webhook-id': oneOf(random, ['id', '']),
    'webhook-timestamp': oneOf(random, ['0', 'x', `${Math.floor(Date.now() / 1_000)}`]),
  };
  const body = oneOf(random, [
    reports,
    mutated(random, reports),
    form,
    mutated(random, form),
    Buffer.alloc(random(70_000), 97),
  ]);
  return { port: 'callbacks', path, method: oneOf(random, ['POST', 'POST', 'POST', 'POST', 'GET']), headers, body };
}

export function fuzzInput(n: number): FuzzInput {
  const random = randomOf(n);
  return oneOf(random, [grpcInput, httpInput, callbackInput])(random);
}
