/**
 * Twilio's Verify API (v2) on loopback, as far as sending codes of ours needs it: starting a verification, approving or
 * canceling it, and asking what became of its SMS. It checks what the real one checks, and keeps what the real one keeps:
 * a verification is one pending code per number for 10 minutes, not a message.
 */
import { type Behaviour, json, startVendorServer, type VendorRequest, type VendorServer } from './vendor-server.ts';

export interface TwilioVerifyFake extends VendorServer {
  /** Every request for a code that arrived here, whatever the answer was. */
  readonly sends: readonly VerifySend[];
  /** Every SMS that would have gone to a phone, oldest first. */
  readonly messages: readonly VerifyMessage[];
  /** Every approval and cancellation that arrived here, whatever the answer was. */
  readonly updates: readonly VerifyUpdate[];
  /** Every request for attempts that arrived here: a path with its query. */
  readonly polls: readonly string[];
  /** Verifications by their ids, in the order in which they began. A status is as it is now. */
  readonly verifications: readonly VerifyVerification[];
  /** What became of an SMS: the answer to whoever asks for its attempt from now on. Throws when there is no such attempt. */
  settle(attemptSid: string, outcome: VerifyOutcome): void;
  /** Numbers that begin with `prefix` are refused with this code from now on; `null` ends that. */
  refuse(prefix: string, code: number | null): void;
  /** The option "Enable Custom Verification Code" of the service. It is on at first. */
  allowCustomCodes(allowed: boolean): void;
}

export interface VerifySend {
  readonly to: string;
  readonly channel: string;
  readonly customCode: string | null;
  readonly locale: string | null;
  readonly templateSid: string | null;
  readonly appHash: string | null;
  /** The whole form. */
  readonly form: Form;
  /** Account or API key that signed in. */
  readonly username: string;
}

export interface VerifyMessage {
  readonly to: string;
  /** What the phone shows. With `pendingCode: 'first'` it is not always the code of the request that caused the SMS. */
  readonly code: string;
  readonly locale: string | null;
  readonly verificationSid: string;
  readonly attemptSid: string;
}

export interface VerifyUpdate {
  /** `VE…`, or the number where the caller named that. */
  readonly verification: string;
  readonly status: string;
}

export interface VerifyVerification {
  readonly sid: string;
  readonly to: string;
  readonly status: VerificationStatus;
  readonly attemptSids: readonly string[];
}

export type VerificationStatus = 'pending' | 'approved' | 'canceled' | 'expired';

export interface VerifyOutcome {
  /** `message_status`. Twilio documents lower case; upper case was seen as well. */
  readonly status: string;
  /** Twilio documents text, `"30008"`; the number 0 was seen where nothing was wrong. */
  readonly errorCode?: string | number | null;
  /** `rbm` where Twilio sent by RCS in place of SMS. */
  readonly channel?: string;
  readonly price?: { readonly value: string; readonly currency: string };
}

export interface TwilioVerifyFakeOptions {
  readonly accountSid: string;
  readonly authToken: string;
  readonly apiKey?: { readonly sid: string; readonly secret: string };
  readonly serviceSid: string;
  /** Templates that are approved for the account. */
  readonly templateSids?: readonly string[];
  /** In milliseconds since the epoch. By default the clock of this machine. */
  readonly clock?: () => number;
  /** Support changes it to anything from 2 minutes to 24 hours. */
  readonly lifetimeMs?: number;
  /**
   * Which code an SMS carries when another one came for a number that has a pending verification. The documents say that
   * the token stays the same until then, and do not speak of custom codes: a caller must be right with both.
   */
  readonly pendingCode?: 'first' | 'newest';
  /** Requests for attempts within any minute, of the whole account. */
  readonly pollsPerMinute?: number;
}

type Form = Readonly<Record<string, string>>;

interface Verification {
  readonly sid: string;
  readonly to: string;
  readonly startedAt: number;
  readonly attempts: Attempt[];
  code: string;
  updatedAt: number;
  status: 'pending' | 'approved' | 'canceled';
}

interface Attempt {
  readonly sid: string;
  readonly verification: Verification;
  readonly at: number;
  readonly locale: string | null;
  updatedAt: number;
  converted: boolean;
  outcome: VerifyOutcome;
}

/** What the default template exists in, by https://www.twilio.com/docs/verify/supported-languages, for the SMS channel. */
export const VERIFY_LOCALES: ReadonlySet<string> = new Set([
  ...['af', 'ar', 'ca', 'cs', 'da', 'de', 'el', 'en', 'es', 'et', 'fi', 'fr', 'he', 'hi', 'hr', 'hu', 'id', 'it', 'ja'],
  ...['kn', 'ko', 'lt', 'mr', 'ms', 'nb', 'nl', 'pl', 'pt', 'pt-BR', 'ro', 'ru', 'sk', 'sv', 'te', 'th', 'tl', 'tr'],
  ...['uk', 'vi', 'zh', 'zh-CN', 'zh-HK'],
]);

const MINUTE_MS = 60_000;
const MAX_SENDS = 5;
/** What Verify makes up where the caller brings no code. */
const CODE_OF_VERIFY = '000000';

const HTTP_STATUS: Readonly<Record<number, number>> = {
  20003: 401,
  20404: 404,
  20429: 429,
  20500: 500,
  20503: 503,
  60202: 429,
  60203: 429,
  60204: 403,
  60205: 403,
  60212: 429,
  60228: 404,
  60229: 404,
  60238: 403,
  60410: 403,
  60412: 403,
  60605: 403,
};

export async function startTwilioVerifyFake(options: TwilioVerifyFakeOptions): Promise<TwilioVerifyFake> {
  const { accountSid, authToken, apiKey, serviceSid, templateSids = [] } = options;
  const { clock = Date.now, lifetimeMs = 10 * MINUTE_MS, pendingCode = 'first', pollsPerMinute = 100 } = options;
  const logins = new Set([`${accountSid}:${authToken}`, ...(apiKey ? [`${apiKey.sid}:${apiKey.secret}`] : [])]);
  const verificationsPath = `/v2/Services/${serviceSid}/Verifications`;
  const attemptsPath = '/v2/Attempts';

  const verifications: Verification[] = [];
  const attempts: Attempt[] = [];
  const messages: VerifyMessage[] = [];
  const refused = new Map<string, number>();
  const pollTimes: number[] = [];
  let customCodes = true;

  function usual(request: VendorRequest): Behaviour {
    if (!logins.has(loginOf(request))) return verifyError(20003);
    const { pathname, searchParams } = urlOf(request);
    const posted = request.method === 'POST';
    if (posted && request.headers['content-type'] !== 'application/x-www-form-urlencoded') return verifyError(20001);
    if (posted && pathname === verificationsPath) return start(sendOf(request));
    if (pathname.startsWith(`${verificationsPath}/`)) {
      return posted ? update(updateOf(request)) : fetched(lastSegment(pathname));
    }
    if (posted || !isPoll(request)) return notFound(pathname);
    return polled() ?? (pathname === attemptsPath ? listed(searchParams) : attempt(lastSegment(pathname)));
  }

  function start(send: VerifySend): Behaviour {
    const mistake = mistakeIn(send);
    if (mistake !== null) return mistake;
    const refusal = [...refused].find(([prefix]) => send.to.startsWith(prefix));
    if (refusal !== undefined) return verifyError(refusal[1], send.to);
    const verification = pending(send.to) ?? begun(send);
    if (verification.attempts.length >= MAX_SENDS) return verifyError(60203, send.to);
    if (pendingCode === 'newest' && send.customCode !== null) verification.code = send.customCode;
    deliver(verification, send.locale);
    return json(201, resourceOf(verification), REQUEST_ID);
  }

  function mistakeIn({ to, channel, customCode, locale, templateSid, appHash }: VerifySend): Behaviour | null {
    if (!/^\+[1-9]\d{6,14}$/.test(to)) return invalid('To', to);
    if (channel !== 'sms') return invalid('Channel', channel);
    if (customCode !== null && !customCodes) return verifyError(60204, 'Custom code not allowed');
    if (customCode !== null && !/^[\da-zA-Z]{4,10}$/.test(customCode)) return invalid('CustomCode', customCode);
    if (appHash !== null && !/^[\w+/]{11}$/.test(appHash)) return invalid('AppHash', appHash);
    if (templateSid !== null && !/^HJ[\da-fA-F]{32}$/.test(templateSid)) return invalid('TemplateSid', templateSid);
    if (templateSid !== null && !templateSids.includes(templateSid)) return verifyError(60228);
    if (locale !== null && templateSid === null && !VERIFY_LOCALES.has(locale)) return notFound(locale);
    return null;
  }

  function begun({ to, customCode }: VerifySend): Verification {
    const at = clock();
    const sid = sidOf('VE', verifications.length);
    const code = customCode ?? CODE_OF_VERIFY;
    const begins: Verification = { sid, to, startedAt: at, attempts: [], code, updatedAt: at, status: 'pending' };
    verifications.push(begins);
    return begins;
  }

  function deliver(verification: Verification, locale: string | null): void {
    const at = clock();
    const sid = sidOf('VL', attempts.length);
    const next = { sid, verification, at, locale, updatedAt: at, converted: false, outcome: { status: 'queued' } };
    attempts.push(next);
    verification.attempts.push(next);
    verification.updatedAt = at;
    const { to, code, sid: verificationSid } = verification;
    messages.push({ to, code, locale, verificationSid, attemptSid: sid });
  }

  function update({ verification: name, status }: VerifyUpdate): Behaviour {
    if (status !== 'approved' && status !== 'canceled') return invalid('Status', status);
    const found = pending(name);
    // Twilio forgets a verification once it is approved, canceled or expired.
    if (found === undefined) return notFound(`/Services/${serviceSid}/Verifications/${name}`);
    found.status = status;
    found.updatedAt = clock();
    const newest = found.attempts.at(-1);
    if (newest !== undefined) newest.converted = status === 'approved';
    return json(200, resourceOf(found), REQUEST_ID);
  }

  function fetched(name: string): Behaviour {
    const found = pending(name);
    return found === undefined ? notFound(name) : json(200, resourceOf(found), REQUEST_ID);
  }

  function polled(): Behaviour | null {
    const now = clock();
    while ((pollTimes[0] ?? now) <= now - MINUTE_MS) pollTimes.shift();
    if (pollTimes.length >= pollsPerMinute) return verifyError(20429, '', { 'retry-after': '1' });
    pollTimes.push(now);
    return null;
  }

  function attempt(sid: string): Behaviour {
    const found = attempts.find((each) => each.sid === sid);
    return found === undefined ? notFound(`/Attempts/${sid}`) : json(200, attemptOf(found), REQUEST_ID);
  }

  function listed(query: URLSearchParams): Behaviour {
    const after = Date.parse(query.get('DateCreatedAfter') ?? '') || 0;
    const before = Date.parse(query.get('DateCreatedBefore') ?? '') || Number.POSITIVE_INFINITY;
    const service = query.get('VerifyServiceSid') ?? serviceSid;
    const verification = query.get('VerificationSid');
    const size = Number(query.get('PageSize') ?? 50);
    const page = Number(query.get('Page') ?? 0);
    if (!(size >= 1 && size <= 1000)) return invalid('PageSize', `${size}`);
    const fits = attempts
      .filter((each) => service === serviceSid && each.at >= after && each.at <= before)
      .filter((each) => verification === null || each.verification.sid === verification)
      .toReversed();
    const urlOfPage = (index: number) => {
      const next = new URLSearchParams(query);
      next.set('PageSize', `${size}`);
      next.set('Page', `${index}`);
      return `https://verify.twilio.com${attemptsPath}?${next}`;
    };
    const meta = {
      key: 'attempts',
      page,
      page_size: size,
      first_page_url: urlOfPage(0),
      previous_page_url: page === 0 ? null : urlOfPage(page - 1),
      url: urlOfPage(page),
      next_page_url: fits.length > (page + 1) * size ? urlOfPage(page + 1) : null,
    };
    const shown = fits.slice(page * size, (page + 1) * size);
    return json(200, { attempts: shown.map(attemptOf), meta }, REQUEST_ID);
  }

  /** By the number or by the id of the verification. */
  function pending(name: string): Verification | undefined {
    return verifications.find((each) => (each.to === name || each.sid === name) && statusOf(each) === 'pending');
  }

  function statusOf({ status, startedAt }: Verification): VerificationStatus {
    return status === 'pending' && clock() >= startedAt + lifetimeMs ? 'expired' : status;
  }

  function resourceOf({ sid, to, status, startedAt, updatedAt, attempts }: Verification) {
    return {
      sid,
      service_sid: serviceSid,
      account_sid: accountSid,
      to,
      channel: 'sms',
      status,
      valid: status === 'approved',
      date_created: dateOf(startedAt),
      date_updated: dateOf(updatedAt),
      lookup: {},
      amount: null,
      payee: null,
      send_code_attempts: attempts.map(({ sid: attempt_sid, at }) => ({
        time: new Date(at).toISOString(),
        channel: 'sms',
        attempt_sid,
      })),
      sna: null,
      url: `https://verify.twilio.com${verificationsPath}/${sid}`,
    };
  }

  function attemptOf({ sid, verification, at, locale, updatedAt, converted, outcome }: Attempt) {
    const status = converted ? 'confirmed' : statusOf(verification) === 'expired' ? 'expired' : 'unconfirmed';
    return {
      sid,
      account_sid: accountSid,
      service_sid: serviceSid,
      verification_sid: verification.sid,
      date_created: dateOf(at),
      date_updated: dateOf(updatedAt),
      conversion_status: converted ? 'converted' : 'unconverted',
      channel: outcome.channel ?? 'sms',
      price: outcome.price ?? null,
      channel_data: {
        verification_sid: verification.sid,
        to: verification.to,
        status,
        message_status: outcome.status,
        error_code: outcome.errorCode ?? null,
        country: 'US',
        code_length: verification.code.length,
        locale: locale ?? 'en',
        mcc: '310',
        mnc: '260',
        carrier: 'vendor text about a carrier',
      },
      url: `https://verify.twilio.com${attemptsPath}/${sid}`,
    };
  }

  const server = await startVendorServer(usual);
  const posts = (path: (pathname: string) => boolean) =>
    server.requests.filter((request) => request.method === 'POST' && path(urlOf(request).pathname));
  return Object.defineProperties(server as TwilioVerifyFake, {
    sends: { get: () => posts((path) => path === verificationsPath).map(sendOf) },
    updates: { get: () => posts((path) => path.startsWith(`${verificationsPath}/`)).map(updateOf) },
    polls: { get: () => server.requests.filter(isPoll).map(({ path }) => path) },
    messages: { value: messages },
    verifications: {
      get: () =>
        verifications.map((each) => {
          const attemptSids = each.attempts.map(({ sid }) => sid);
          return { sid: each.sid, to: each.to, status: statusOf(each), attemptSids };
        }),
    },
    settle: {
      value: (attemptSid: string, outcome: VerifyOutcome) => {
        const settled = attempts.find(({ sid }) => sid === attemptSid);
        if (settled === undefined) throw new Error('no such attempt');
        settled.outcome = outcome;
        settled.updatedAt = clock();
      },
    },
    refuse: {
      value: (prefix: string, code: number | null) => {
        if (code === null) refused.delete(prefix);
        else refused.set(prefix, code);
      },
    },
    allowCustomCodes: {
      value: (allowed: boolean) => {
        customCodes = allowed;
      },
    },
  });

  function isPoll({ method, path }: VendorRequest): boolean {
    return method === 'GET' && path.startsWith(attemptsPath);
  }
}

/** An error of Verify's. `about` goes into its text: the real ones name the number, which must show nowhere. */
export function verifyError(code: number, about = '', headers: Readonly<Record<string, string>> = {}): Behaviour {
  const status = HTTP_STATUS[code] ?? 400;
  const more_info = `https://www.twilio.com/docs/errors/${code}`;
  return json(status, { code, message: `vendor text about ${code} ${about}`.trim(), more_info, status }, headers);
}

/** 201 for a verification, with what is given on top of Twilio's defaults. */
export function verification201(fields: Readonly<Record<string, unknown>>): Behaviour {
  const date_created = '2015-07-30T20:00:00Z';
  const send_code_attempts = [{ time: '2015-07-30T20:00:00.123Z', channel: 'sms', attempt_sid: sidOf('VL', 0) }];
  const defaults = { sid: sidOf('VE', 0), channel: 'sms', status: 'pending', valid: false, date_created, lookup: {} };
  return json(201, { ...defaults, send_code_attempts, ...fields }, REQUEST_ID);
}

const REQUEST_ID = { 'twilio-request-id': 'RQ00000000000000000000000000000001' };

/** As Verify says which parameter it means: only the text tells. */
function invalid(parameter: string, value: string): Behaviour {
  return verifyError(60200, `Invalid parameter \`${parameter}\`: ${value}`);
}

function notFound(resource: string): Behaviour {
  return verifyError(20404, `The requested resource ${resource} was not found`);
}

function sendOf(request: VendorRequest): VerifySend {
  const form = formOf(request.body);
  return {
    to: form.To ?? '',
    channel: form.Channel ?? '',
    customCode: form.CustomCode ?? null,
    locale: form.Locale ?? null,
    templateSid: form.TemplateSid ?? null,
    appHash: form.AppHash ?? null,
    form,
    username: loginOf(request).split(':')[0] ?? '',
  };
}

function updateOf(request: VendorRequest): VerifyUpdate {
  return { verification: lastSegment(urlOf(request).pathname), status: formOf(request.body).Status ?? '' };
}

function urlOf({ path }: VendorRequest): URL {
  return new URL(path, 'http://127.0.0.1');
}

function lastSegment(pathname: string): string {
  return decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1));
}

function formOf(body: string): Form {
  return Object.fromEntries(new URLSearchParams(body));
}

function loginOf({ headers }: VendorRequest): string {
  return Buffer.from((headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString();
}

function sidOf(kind: 'VE' | 'VL', index: number): string {
  return `${kind}${(index + 1).toString(16).padStart(32, '0')}`;
}

/** Twilio tells whole seconds. */
function dateOf(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
}
