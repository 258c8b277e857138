/**
 * `countersign send-test`: one real message by the configured providers and routes, and what each of them said to it.
 */
import { randomBytes } from 'node:crypto';
import { phonePolicy, purposePolicies, routesOf, testCodes } from '../config/policies.ts';
import type { Config } from '../config/schema.ts';
import { uniformDigits } from '../domain/code.ts';
import { SEND_TEST_MS } from '../domain/deadlines.ts';
import { createKeyring, SEND_ID_BYTES } from '../domain/keyring.ts';
import { readLocale } from '../domain/locale.ts';
import { missingVariables, renderMessage } from '../domain/message.ts';
import { type Phone, parsePhone, refusesType } from '../domain/phone.ts';
import type { PurposePolicy } from '../domain/policy.ts';
import type { FieldViolation } from '../domain/refusal.ts';
import { createRouting, type Hop } from '../domain/routing.ts';
import { validateVariables } from '../domain/variables.ts';
import type { Event } from '../event.ts';
import { createDispatch, type Outgoing } from '../sms/dispatch.ts';
import { guardProvider } from '../sms/guard.ts';
import { BREAKER } from '../sms/messaging.ts';
import type { OpenProvider } from '../sms/vendor.ts';
import { openProviders } from '../sms/vendors.ts';
import { describeAttempt, describeOutcome } from './send-test-report.ts';

export interface SendTestOptions {
  /** E.164, or a national spelling of the default region. */
  readonly phone: string;
  /** Only this provider, as the phone's route has it, or as its own settings do. */
  readonly provider?: string | undefined;
  /** Whose text is sent; the first one by default. */
  readonly purpose?: string | undefined;
  readonly locale?: string | undefined;
  /** `name=value`, for texts and templates that ask for them. */
  readonly variable?: readonly string[] | undefined;
}

/** The arguments cannot be used: no provider was called. */
export class SendTestError extends Error {
  override readonly name = 'SendTestError';
}

/** Prints with `out`; true when a provider took the message. Throws SendTestError. */
export async function sendTest(
  config: Config,
  options: SendTestOptions,
  out: (line: string) => void,
): Promise<boolean> {
  const phone = phoneOf(options.phone, config);
  const purposes = purposePolicies(config);
  const purpose = options.purpose === undefined ? purposes.values().next().value : purposes.get(options.purpose);
  if (purpose === undefined) throw new SendTestError(`--purpose must be one of ${[...purposes.keys()].join(', ')}`);
  const message = outgoing(phone, purpose, { config, options });

  const configured = await openProviders(config, { now: Date.now });
  try {
    const hops = hopsTo(phone, { config, configured, only: options.provider });
    out(`sending to ${phone.masked} (${phone.region}) by ${hops.map(nameOf).join(', then ')}`);
    for (const note of notes(phone, config)) out(`note: ${note}`);
    return await send(message, { configured, hops, out });
  } finally {
    for (const { provider } of configured) provider.close?.();
  }
}

/** Reasons why the service itself would send nothing to this phone. */
function notes(phone: Phone, config: Config): string[] {
  return [
    ...(config.sms.mockMode ? ['SMS_MOCK_MODE is on: the service only prints messages'] : []),
    ...(testCodes(config)(phone.identity, Date.now()) === null ? [] : ['a test number: the service sends it nothing']),
  ];
}

const PHONE_RULES: Readonly<Partial<Record<string, string>>> = {
  required: 'is empty',
  not_a_phone: 'is not a phone number: write it as +14155550123',
  impossible_phone: 'is a number that no numbering plan has',
  extension_not_allowed: 'must be without an extension',
};

function phoneOf(text: string, config: Config): Phone {
  const policy = phonePolicy(config);
  const phone = parsePhone(text, '', policy);
  if (typeof phone === 'string') throw new SendTestError(`--phone ${PHONE_RULES[phone] ?? 'is not usable'}`);
  if (refusesType(phone, policy)) {
    throw new SendTestError(`--phone is of a kind that the service refuses: ${phone.type.replaceAll('_', ' ')}`);
  }
  return phone;
}

function hopsTo(
  phone: Phone,
  { config, configured, only }: { config: Config; configured: readonly OpenProvider[]; only: string | undefined },
): readonly Hop[] {
  const names = configured.map(({ provider }) => provider.name);
  if (names.length === 0) throw new SendTestError('no SMS provider is configured');
  const hops = createRouting(routesOf(config, names))(phone);
  if (only === undefined) {
    if (hops.length === 0) throw new SendTestError(`no route leads to ${phone.region}`);
    return hops;
  }
  if (!names.includes(only)) throw new SendTestError(`--provider must be one of ${names.join(', ')}`);
  return [hops.find(({ provider }) => provider === only) ?? { provider: only, sender: {} }];
}

/** With what the route sets: `name (from +14155550100)`. */
function nameOf({ provider, sender }: Hop): string {
  const set = Object.entries(sender).map(([field, value]) => `${field} ${value}`);
  return set.length === 0 ? provider : `${provider} (${set.join(', ')})`;
}

function outgoing(
  phone: Phone,
  purpose: PurposePolicy,
  { config, options }: { config: Config; options: SendTestOptions },
): Outgoing {
  const locale = readLocale(options.locale ?? '');
  const variables = Object.fromEntries((options.variable ?? []).map((pair) => split(pair)));
  const missing = missingVariables(purpose.message, locale, variables);
  const found: FieldViolation[] = [];
  validateVariables(variables, { codeDigits: purpose.digits, found });
  const refused = found.map(({ field, rule }) => `${field} (${rule.toUpperCase()})`);
  if (refused.length > 0) throw new SendTestError(`the service would refuse ${refused.join(', ')}`);
  if (missing.length > 0) throw new SendTestError(`the text needs --variable ${missing.join('=… --variable ')}=…`);

  // The service does not know this code: nothing can be verified with it.
  const code = uniformDigits(purpose.digits, () => randomBytes(32));
  const minutes = Math.ceil(purpose.lifeMs / 60_000);
  const sendId = randomBytes(SEND_ID_BYTES).toString('base64url');
  const keyring = createKeyring({ current: Buffer.from(config.secret.current ?? randomBytes(32)), previous: null });
  const slot = { phoneKey: keyring.phoneKey(phone.identity), caller: 'send-test', purpose: purpose.name };
  const parameters = { code, minutes, purpose: purpose.name, locale, variables };
  return {
    ...parameters,
    to: phone.e164,
    region: phone.region,
    text: renderMessage({ ...parameters, brand: config.sms.brand, policy: purpose.message }),
    sendId,
    reportToken: keyring.reportToken({ ...slot, sendId, country: phone.region, nonce: '' }),
    verificationId: '',
  };
}

function split(pair: string): [name: string, value: string] {
  const [, name, value] = /^(\w+)=(.*)$/s.exec(pair) ?? [];
  if (name === undefined || value === undefined) throw new SendTestError('--variable must be name=value');
  return [name, value];
}

async function send(
  message: Outgoing,
  parts: { configured: readonly OpenProvider[]; hops: readonly Hop[]; out: (line: string) => void },
): Promise<boolean> {
  const { configured, hops, out } = parts;
  const clock = () => performance.now();
  const explain = new Map(configured.map(({ provider }) => [provider.name, provider.explain]));
  const emit = (event: Event) => {
    if (event.type === 'attempt') for (const line of describeAttempt(event, explain.get(event.provider))) out(line);
  };
  const guarded = configured.map(({ provider, ...bounds }) =>
    guardProvider(provider, { ...bounds, breaker: BREAKER, emit, clock }),
  );
  const dispatch = createDispatch({
    providers: new Map(guarded.map((each) => [each.name, each])),
    route: () => hops,
    emit,
    clock,
  });
  const outcome = await dispatch(message, { deadlineMs: SEND_TEST_MS, canceled: new AbortController().signal });
  out(describeOutcome(outcome));
  return outcome.kind === 'sent' && outcome.delivery.status === 'accepted';
}
