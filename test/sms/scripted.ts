/** Providers that answer as told, for suites of dispatch and of what it is made of. */
import type { Outgoing } from '../../src/sms/dispatch.ts';
import type { Failure, Message, Provider, SendResult } from '../../src/sms/provider.ts';

export const OUTGOING: Outgoing = {
  to: '+14155550123',
  region: 'US',
  text: 'Your code is 123456.',
  code: '123456',
  minutes: 5,
  purpose: 'login',
  locale: 'en',
  variables: {},
  sendId: 'send-1',
  reportToken: 'token-1',
  verificationId: 'verification-1',
};

export const MESSAGE: Message = {
  to: OUTGOING.to,
  region: OUTGOING.region,
  text: OUTGOING.text,
  code: OUTGOING.code,
  minutes: 5,
  purpose: 'login',
  locale: 'en',
  variables: {},
  sendId: 'send-1',
  reportToken: 'token-1',
  sender: {},
};

export const accepted: SendResult = { kind: 'accepted', messageId: 'm-1', segments: 1 };
export const rejected: Failure = { kind: 'rejected', category: 'invalid_number', vendorCode: '21211' };
export const unavailable: Failure = { kind: 'unavailable', category: 'transient', vendorCode: '20503' };
export const unknown: Failure = { kind: 'unknown', category: 'timeout', vendorCode: 'timeout' };

export type Script = SendResult | 'throws' | 'hangs' | 'waits';

/** Plays the scripts in turn, the last one for ever. `hangs` ignores its signal; `waits` ends with it, nothing sent. */
export function scriptedProvider(name: string, scripts: readonly Script[]) {
  const messages: Message[] = [];
  const provider: Provider = {
    name,
    async send(message, signal) {
      const script = scripts[Math.min(messages.length, scripts.length - 1)];
      messages.push(message);
      if (script === undefined || script === 'throws') throw new Error('against the contract');
      if (script === 'hangs') return new Promise(() => undefined);
      if (script !== 'waits') return script;
      const aborted = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => aborted.resolve(), { once: true });
      await aborted.promise;
      return { ...unavailable, category: 'timeout', vendorCode: 'not_written' };
    },
  };
  return { provider, messages };
}
