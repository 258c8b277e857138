import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, createServer as createNetServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import type { Provider } from '../../../src/sms/provider.ts';
import { selfSignedCertificate } from '../../support/certificate.ts';
import { patienceWith, signalOnce } from '../../support/patience.ts';
import { created201, startTwilioFake, type TwilioFake, twilioError } from '../../support/twilio-fake.ts';
import { type Behaviour, json } from '../../support/vendor-server.ts';
import { eventually } from '../../support/wait.ts';
import { ACCOUNT, gist, MESSAGE, MESSAGE_SID, NEVER, providerOf } from './fixture.ts';

let fake: TwilioFake;
let provider: Provider;
let written: readonly MockInstance[];

beforeEach(async () => {
  written = (['log', 'warn', 'error', 'info', 'debug'] as const).map((method) => vi.spyOn(console, method));
  fake = await startTwilioFake(ACCOUNT);
  provider = providerOf(fake.url);
});

afterEach(async () => {
  // The SDK prints in some of its modes, and what it prints may hold anything.
  for (const method of written) expect(method).not.toHaveBeenCalled();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  provider.close?.();
  await fake.stop();
});

const OK = { sid: MESSAGE_SID, status: 'queued' };
const HTML = { 'content-type': 'text/html' };
const slow = { status: 201, body: JSON.stringify({ ...OK, filler: 'x'.repeat(100_000) }) };

describe('whatever Twilio does, it is asked once, and the result says what may have been sent', () => {
  it.each<[fault: string, behaviour: Behaviour, result: string, requests: number]>([
    ['resets after the request', { do: 'reset_after' }, 'unknown transient reset', 1],
    ['hangs up after the request', { do: 'close_after' }, 'unknown transient reset', 1],
    ['never answers', { do: 'hang' }, 'unknown timeout timeout', 1],
    ['stalls after the headers', { do: 'stall', ...slow }, 'unknown timeout timeout', 1],
    ['trickles', { do: 'trickle', ...slow, everyMs: 5 }, 'unknown timeout timeout', 1],
    ['429 of its own', twilioError(429, 20429), 'unavailable rate_limited 20429', 1],
    ['429 of a gateway', { do: 'answer', status: 429 }, 'unavailable rate_limited http_429', 1],
    ['400 without a body', { do: 'answer', status: 400 }, 'unavailable unknown http_400', 1],
    ['401 without a body', { do: 'answer', status: 401 }, 'unavailable credentials http_401', 1],
    ['408 of a gateway', { do: 'answer', status: 408 }, 'unknown transient http_408', 1],
    ['500 without a body', { do: 'answer', status: 500 }, 'unknown transient http_500', 1],
    [
      '502 in HTML',
      { do: 'answer', status: 502, headers: HTML, body: '<p>vendor text' },
      'unknown transient http_502',
      1,
    ],
    [
      '503 in HTML',
      { do: 'answer', status: 503, headers: HTML, body: '<p>vendor text' },
      'unknown transient http_503',
      1,
    ],
    [
      '200 with an error body',
      json(200, { code: 21211, message: 'vendor text', status: 400 }),
      'unknown unknown no_message_id',
      1,
    ],
    [
      '201 with an error body',
      json(201, { code: 20003, message: 'vendor text', status: 401 }),
      'unknown unknown no_message_id',
      1,
    ],
    ['200 in HTML', { do: 'answer', headers: HTML, body: '<p>vendor text' }, 'unknown unknown malformed', 1],
    ['201 without a body', { do: 'answer', status: 201 }, 'unknown unknown malformed', 1],
    ['201 with null', { do: 'answer', status: 201, body: 'null' }, 'unknown unknown malformed', 1],
    ['201 that names no message', created201({ status: 'queued' }), 'unknown unknown no_message_id', 1],
    ['201 with null for an id', created201({ ...OK, sid: null }), 'unknown unknown no_message_id', 1],
    ['201 with text for an id', created201({ ...OK, sid: 'vendor text' }), 'unknown unknown no_message_id', 1],
    [
      '201 failed, with a code',
      created201({ ...OK, status: 'failed', error_code: 30007 }),
      'unavailable content 30007',
      1,
    ],
    ['201 failed, without one', created201({ ...OK, status: 'failed' }), 'unavailable unknown failed', 1],
    ['201 canceled', created201({ ...OK, status: 'canceled' }), 'unavailable unknown canceled', 1],
    [
      '201 failed for pumping',
      created201({ ...OK, status: 'failed', error_code: 30450 }),
      'rejected rate_limited 30450',
      1,
    ],
    ['201 accepted', created201(OK), 'accepted', 1],
    ['redirects', redirect(307), 'unavailable configuration http_307', 1],
    ['redirects the old way', redirect(302), 'unavailable configuration http_302', 1],
    ['did it, and redirects to the result', redirect(303), 'unknown transient http_303', 1],
  ])('%s', async (_, behaviour, result, requests) => {
    fake.behave(behaviour);
    expect(gist(await provider.send(MESSAGE, patienceWith(behaviour, fake)))).toBe(result);
    expect(fake.requests).toHaveLength(requests);
  });

  it('resets before the request: not sent, unless the reset was slower than the connection', async () => {
    fake.behave({ do: 'reset_before' });
    expect(gist(await provider.send(MESSAGE, NEVER))).toMatch(/^(?:unavailable|unknown) transient reset$/);
    expect(fake.requests).toHaveLength(0);
  });

  it('resets a connection that was used before', async () => {
    expect(gist(await provider.send(MESSAGE, NEVER))).toBe('accepted');
    fake.behave({ do: 'reset_after' });
    expect(gist(await provider.send(MESSAGE, NEVER))).toBe('unknown transient reset');
    expect(fake.connections.accepted).toBe(1);
  });

  it('refuses connections', async () => {
    await fake.stop();
    expect(gist(await provider.send(MESSAGE, NEVER))).toBe('unavailable transient refused');
  });

  it('has no address', async () => {
    const lost = providerOf('http://no-such-host.invalid');
    expect(gist(await lost.send(MESSAGE, NEVER))).toBe('unavailable transient dns');
  });
});

function redirect(status: number): Behaviour {
  return { do: 'answer', status, headers: { location: '/elsewhere' } };
}

describe('nothing is sent before the connection stands, and whoever gives up by then knows that', () => {
  let listener: Server;

  afterEach(() => void listener?.close());

  /** Takes connections, and says nothing of TLS on them. */
  async function listenTo(connection: (socket: Socket) => void): Promise<string> {
    listener = createNetServer((socket) => connection(socket.on('error', () => undefined)));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return `https://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  }

  it('a handshake that never ends', async () => {
    let begun = false;
    const silent = providerOf(
      await listenTo((socket) => {
        begun = true;
        socket.resume();
      }),
    );
    const shaking = signalOnce('the handshake has begun', () => begun);
    expect(gist(await silent.send(MESSAGE, shaking))).toBe('unavailable timeout timeout');
  });

  it('a handshake that is broken off', async () => {
    const rude = providerOf(await listenTo((socket) => socket.once('data', () => socket.destroy())));
    expect(gist(await rude.send(MESSAGE, NEVER))).toBe('unavailable transient reset');
  });

  it('an address that never answers', async () => {
    const connecting: Socket[] = [];
    vi.spyOn(Agent.prototype, 'createConnection').mockImplementation(() => {
      // It waits for its address for ever.
      const socket = connect({ host: 'twilio.invalid', port: 80, lookup: () => undefined });
      connecting.push(socket);
      return socket;
    });
    const distant = providerOf('http://twilio.invalid');
    const asking = signalOnce('it connects', () => connecting.length === 1);
    expect(gist(await distant.send(MESSAGE, asking))).toBe('unavailable timeout timeout');
    expect(connecting.map(({ destroyed }) => destroyed)).toEqual([true]);
  });

  it('a message that waits for a connection', async () => {
    fake.behave({ do: 'hang' });
    const narrow = providerOf(fake.url, { maxSockets: 1 });
    const leaving = new AbortController();
    const first = narrow.send(MESSAGE, leaving.signal);
    const taken = signalOnce('the one connection is taken', () => fake.requests.length === 1);
    expect(gist(await narrow.send(MESSAGE, taken))).toBe('unavailable timeout timeout');
    expect(fake.requests).toHaveLength(1);
    leaving.abort();
    expect(gist(await first)).toBe('unknown timeout timeout');
    narrow.close?.();
  });
});

it('closing lets a message under way end, and then its connection', async () => {
  const release = Promise.withResolvers<void>();
  fake.behave({ do: 'hold', until: release.promise });
  const result = provider.send(MESSAGE, NEVER);
  await eventually('Twilio has the message', () => fake.requests.length === 1);
  provider.close?.();
  release.resolve();
  expect(gist(await result)).toBe('accepted');
  await eventually('no connection is left', () => fake.connections.open === 0);
});

describe('over TLS', () => {
  const { cert, key } = selfSignedCertificate();

  async function withTls(
    run: (url: string, seen: { requests: number; connections: number }) => Promise<void>,
    ok = true,
  ) {
    const seen = { requests: 0, connections: 0 };
    const server = createServer({ cert, key }, (incoming, response) => {
      seen.requests += 1;
      incoming.resume();
      if (ok) response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(OK));
    });
    server.on('secureConnection', () => {
      seen.connections += 1;
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      await run(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, seen);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it('nothing is sent to a server whose certificate is not trusted', async () => {
    await withTls(async (url, seen) => {
      const wary = providerOf(url);
      expect(gist(await wary.send(MESSAGE, NEVER))).toBe('unavailable transient tls');
      expect(seen.requests).toBe(0);
    });
  });

  describe('that is trusted', () => {
    let bundle: string;

    beforeEach(() => {
      bundle = join(mkdtempSync(join(tmpdir(), 'twilio-ca-')), 'ca.pem');
      writeFileSync(bundle, cert);
      vi.stubEnv('TWILIO_CA_BUNDLE', bundle);
    });

    afterEach(() => rmSync(dirname(bundle), { recursive: true }));

    it('a message that was read and never answered was maybe sent', async () => {
      await withTls(async (url, seen) => {
        const trusting = providerOf(url);
        const read = signalOnce('the message was read', () => seen.requests === 1);
        expect(gist(await trusting.send(MESSAGE, read))).toBe('unknown timeout timeout');
        expect(seen.requests).toBe(1);
      }, false);
    });

    it('one connection serves sends in a row', async () => {
      await withTls(async (url, seen) => {
        const trusting = providerOf(url);
        for (let sent = 0; sent < 5; sent += 1) expect(gist(await trusting.send(MESSAGE, NEVER))).toBe('accepted');
        expect(seen).toEqual({ requests: 5, connections: 1 });
        trusting.close?.();
      });
    });

    it('the connections of one burst serve the next', async () => {
      await withTls(async (url, seen) => {
        const trusting = providerOf(url, { maxSockets: 12 });
        for (let burst = 0; burst < 3; burst += 1) {
          const results = await Promise.all(Array.from({ length: 12 }, () => trusting.send(MESSAGE, NEVER)));
          expect(results.map(({ kind }) => kind)).toEqual(Array(12).fill('accepted'));
        }
        expect(seen).toEqual({ requests: 36, connections: 12 });
        trusting.close?.();
      });
    });
  });
});

describe('Retry-After', () => {
  it.each([
    ['2', 2_000],
    ['0', 1_000],
    ['999999999', 86_400_000],
    ['soon', undefined],
    [undefined, undefined],
  ])('of %s', async (header, retryAfterMs) => {
    fake.behave(twilioError(429, 20429, header === undefined ? {} : { 'retry-after': header }));
    const result = await provider.send(MESSAGE, NEVER);
    expect(result).toMatchObject({ kind: 'unavailable', retrySame: true });
    expect('retryAfterMs' in result ? result.retryAfterMs : undefined).toBe(retryAfterMs);
  });

  it('and the request’s id are those of the send they answer, also among others', async () => {
    fake.behave(({ body }) => {
      const n = /%2B1555867(\d{4})/.exec(body)?.[1] ?? '';
      return twilioError(429, 20429, { 'retry-after': `${Number(n)}`, 'twilio-request-id': `RQ${n}` });
    });
    const numbers = Array.from({ length: 60 }, (_, i) => 1000 + i);
    const sends = numbers.map((n) => provider.send({ ...MESSAGE, to: `+1555867${n}` }, NEVER));
    expect(
      (await Promise.all(sends)).map((result) =>
        'retryAfterMs' in result ? [result.retryAfterMs, result.requestId] : [],
      ),
    ).toEqual(numbers.map((n) => [n * 1000, `RQ${n}`]));
  });
});

describe('the signal', () => {
  it('that fired before sends nothing, and says so', async () => {
    expect(gist(await provider.send(MESSAGE, AbortSignal.abort()))).toBe('unavailable timeout timeout');
    expect(fake.connections.accepted).toBe(0);
  });

  it.each<[string, Behaviour]>([
    ['no answer', { do: 'hang' }],
    ['a body that stalls', { do: 'stall', ...slow }],
    ['a body that trickles', { do: 'trickle', ...slow, everyMs: 5 }],
  ])('ends %s', async (_, behaviour) => {
    fake.behave(behaviour);
    expect(gist(await provider.send(MESSAGE, patienceWith(behaviour, fake)))).toBe('unknown timeout timeout');
  });

  it('of one send leaves the others alone', async () => {
    fake.behave(({ body }) => (body.includes('%2B15550000001') ? { do: 'hang' } : created201(OK)));
    const leaving = new AbortController();
    const lost = provider.send({ ...MESSAGE, to: '+15550000001' }, leaving.signal);
    await eventually('Twilio has the message', () => fake.requests.length === 1);
    expect(gist(await provider.send(MESSAGE, NEVER))).toBe('accepted');
    leaving.abort();
    expect(gist(await lost)).toBe('unknown timeout timeout');
    expect(gist(await provider.send(MESSAGE, NEVER))).toBe('accepted');
  });
});
