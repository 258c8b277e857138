/** How the vendors are made to misbehave, and what they have read. */
import dns from 'node:dns';
import { vi } from 'vitest';
import { type VendorName as ProviderName, VENDORS } from '../../src/sms/vendors.ts';
import type { Behaviour } from '../support/vendor-server.ts';
import type { Misbehaviour } from './fault-table.ts';
import type { VendorFakes } from './vendor-fakes.ts';

export function serverOf(fakes: VendorFakes, name: ProviderName) {
  return name === 'tencent' ? fakes.tencent.server : fakes[name];
}

/** As the vendor usually does. */
const USUAL: Behaviour = { do: 'hold', until: Promise.resolve() };
/** The request of Verify that sends. The one before it cancels what is pending. */
const startsVerification = ({ path }: { path: string }) => path.endsWith('/Verifications');

export function misbehave(fakes: VendorFakes, name: ProviderName, what: Misbehaviour | null): void {
  const { tencent, twilio, webhook, 'twilio-verify': verify } = fakes;
  if (what?.do === 'refuse' || what?.do === 'no_name') throw new Error('a matter of the address');
  if (what?.do === 'as_tencent') tencent.answer(what.answer);
  else if (what?.do === 'cancel') verify.behave((request) => (startsVerification(request) ? USUAL : what.answer));
  else if (name === 'tencent') tencent.misbehave(what);
  else if (name === 'twilio') twilio.behave(what);
  else if (name === 'webhook') webhook.behave(what);
  else if (what === null || what.do === 'reset_before') verify.behave(what);
  else verify.behave((request) => (startsVerification(request) ? what : USUAL));
}

export function heal(fakes: VendorFakes): void {
  for (const { name } of VENDORS) misbehave(fakes, name, null);
  fakes.tencent.answer({ how: 'ok' });
}

/** As operators do it, by the variable that holds the vendor's URL. */
export function leadingTo(env: Record<string, string>, fakes: VendorFakes, name: ProviderName, origin: string) {
  const { url } = serverOf(fakes, name);
  return Object.fromEntries(Object.entries(env).map(([key, value]) => [key, value.replace(url, origin)]));
}

/** The code in each message for a phone that a vendor has read, on whatever path and however it was answered. */
export function codesTo(fakes: VendorFakes, name: ProviderName, phone: string): string[] {
  return serverOf(fakes, name).requests.flatMap(({ path, body }) => {
    if (name === 'twilio-verify') {
      const form = new URLSearchParams(body);
      return startsVerification({ path }) && form.get('To') === phone ? [form.get('CustomCode') ?? ''] : [];
    }
    if (!body.includes(name === 'twilio' ? encodeURIComponent(phone) : phone)) return [];
    if (name === 'twilio') return [/\b\d{6}\b/.exec(new URLSearchParams(body).get('Body') ?? '')?.[0] ?? ''];
    const { code, TemplateParamSet: [parameter] = [] } = JSON.parse(body);
    return [parameter ?? code];
  });
}

/** Takes a name from the resolver, until it is found again. Only this machine's own may be reached without TLS. */
export function loseNames() {
  const lost = 'localhost';
  let found = false;
  const lookup = dns.lookup;
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(((name: string, options: object, done: LookupDone) => {
    if (name !== lost) return lookup(name, options, done as never);
    if (found) return lookup('127.0.0.1', options, done as never);
    const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), {
      code: 'ENOTFOUND',
      syscall: 'getaddrinfo',
    });
    process.nextTick(done, error);
  }) as never);
  return {
    lost,
    find: () => {
      found = true;
    },
    restore: () => spy.mockRestore(),
  };
}

type LookupDone = (error: Error | null, ...found: unknown[]) => void;
