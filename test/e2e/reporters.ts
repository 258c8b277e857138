/** How each vendor tells of its messages, in its own words and with its own signature, and how strangers try to. */
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import type { ReportRequest } from '../../src/sms/provider.ts';
import { signatureHeaders, webhookKey } from '../../src/sms/webhook/signature.ts';
import type { Behaviour } from '../support/vendor-server.ts';
import { type ProviderName, TWILIO_ACCOUNT, type VendorFakes, WEBHOOK } from './vendor-fakes.ts';

export interface Reporter {
  readonly title: string;
  readonly provider: ProviderName;
  /** Besides the vendor's own settings. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether reports bring back the token of the message, so that the vendor's id need not be known. */
  readonly echoes: boolean;
  /** The vendor's words for a message on its way, in the order in which they come; some vendors have none. */
  readonly underway: readonly string[];
  readonly delivered: string;
  readonly failed: string;
  /** Why, as a caller is told. */
  readonly failure: string;
  /** The last message that arrived at the vendor. */
  latest(fakes: VendorFakes): Message;
  /** Resolves with the HTTP status. `via` is the origin of the callback listener. */
  tell(fakes: VendorFakes, message: Message, report: { word: string; via: string }): Promise<number>;
  /** Each says that the message was delivered. */
  readonly forgeries: Readonly<Record<string, Forgery>>;
  /** The request as if it had come from the vendor: what is left of a check that is switched off. */
  genuine(request: ReportRequest): ReportRequest;
  misbehave(fakes: VendorFakes, behaviour: Behaviour | null): void;
}

export type Forgery = (fakes: VendorFakes, message: Message, via: string) => Promise<number>;

export interface Message {
  readonly id: string;
  /** What the vendor was given to bring back. */
  readonly token: string;
  /** Where the vendor was told to report; empty when that is a setting of the account. */
  readonly url: string;
}

/** Proxies keep its path. */
export const PUBLIC_URL = 'https://sms.example.com/reports';
export const CALLBACK_TOKEN = 'sentinel_token_in_the_path_of_callbacks';
/** Vendors repeat whom they sent to. */
export const NUMBERS_IN_REPORTS = {
  'number in Twilio’s reports': '+14155550199',
  'number in Tencent’s': '18501234444',
};
const TENCENT_ADDRESS = '203.0.113.7';
const ELSEWHERE = '198.51.100.7';

const ENV = { CALLBACK_PUBLIC_URL: PUBLIC_URL };
const FAILED_SID = `SM${'f'.repeat(32)}`;

/** As Twilio sends it; what it may add tomorrow included. */
function twilioForm({ id }: Message, word: string, changes: Readonly<Record<string, string>> = {}) {
  const failed = word === 'undelivered' || word === 'failed';
  return {
    AccountSid: TWILIO_ACCOUNT.accountSid,
    ApiVersion: '2010-04-01',
    From: '+15557122661',
    To: NUMBERS_IN_REPORTS['number in Twilio’s reports'],
    MessageSid: id,
    SmsSid: id,
    MessageStatus: word,
    SmsStatus: word,
    FieldOfTomorrow: 'a b+c&d=é',
    ...(failed && { ErrorCode: '30005' }),
    ...changes,
  };
}

const signedBy = (authToken: string, url: string, form: Readonly<Record<string, string>>) =>
  getExpectedTwilioSignature(authToken, url, form);

const TWILIO: Reporter = {
  title: 'Twilio',
  provider: 'twilio',
  env: ENV,
  echoes: true,
  underway: ['queued', 'sending', 'sent'],
  delivered: 'delivered',
  failed: 'undelivered',
  failure: 'invalid_number',
  latest({ twilio }) {
    const url = twilio.sends.at(-1)?.statusCallback ?? '';
    return { id: twilioSid(twilio.sends.length), token: URL.parse(url)?.searchParams.get('t') ?? '', url };
  },
  tell: ({ twilio }, message, { word, via }) => twilio.postCallback(message.url, twilioForm(message, word), { via }),
  forgeries: {
    'no signature': ({ twilio }, message, via) =>
      twilio.postCallback(message.url, twilioForm(message, 'delivered'), { via, signature: null }),
    'a signature of nobody': ({ twilio }, message, via) =>
      twilio.postCallback(message.url, twilioForm(message, 'delivered'), { via, signature: 'A'.repeat(27) }),
    'the signature of another account': ({ twilio }, message, via) => {
      const form = twilioForm(message, 'delivered');
      const signature = signedBy('auth token of a stranger', message.url, form);
      return twilio.postCallback(message.url, form, { via, signature });
    },
    'the signature of a report that it was queued': ({ twilio }, message, via) => {
      const signature = signedBy(TWILIO_ACCOUNT.authToken, message.url, twilioForm(message, 'queued'));
      return twilio.postCallback(message.url, twilioForm(message, 'delivered'), { via, signature });
    },
    'the signature of a report of another message': ({ twilio }, message, via) => {
      const form = twilioForm(message, 'delivered');
      const signature = signedBy(TWILIO_ACCOUNT.authToken, `${message.url}another`, form);
      return twilio.postCallback(message.url, form, { via, signature });
    },
    'a signature over the address behind the proxy': ({ twilio }, message, via) => {
      const form = twilioForm(message, 'delivered');
      const signature = signedBy(TWILIO_ACCOUNT.authToken, message.url.replace('https://', 'http://'), form);
      return twilio.postCallback(message.url, form, { via, signature });
    },
    'a field more than was signed': async ({ twilio }, message, via) => {
      const form = twilioForm(message, 'delivered');
      const signature = signedBy(TWILIO_ACCOUNT.authToken, message.url, form);
      return twilio.postCallback(message.url, { ...form, Added: '1' }, { via, signature });
    },
  },
  genuine: (request) => {
    const form = Object.fromEntries(new URLSearchParams(request.body.toString()));
    const signature = signedBy(TWILIO_ACCOUNT.authToken, request.url, form);
    return { ...request, headers: { ...request.headers, 'x-twilio-signature': signature } };
  },
  misbehave: ({ twilio }, behaviour) => twilio.behave(behaviour),
};

/** The fake counts the messages that it took. */
const twilioSid = (count: number) => (count === 0 ? FAILED_SID : `SM${count.toString(16).padStart(32, '0')}`);

interface TencentPost {
  readonly via: string;
  readonly path?: string;
  readonly from?: string;
}

/** As document 382/59178 shows it: an array, every value a string. */
async function postTencent(item: object, { via, path = `/${CALLBACK_TOKEN}`, from = TENCENT_ADDRESS }: TencentPost) {
  const response = await fetch(`${via}${new URL(PUBLIC_URL).pathname}/tencent${path}`, {
    method: 'POST',
    body: JSON.stringify([item]),
    headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
  });
  const body = await response.text();
  // Anything else, and Tencent sends it again.
  if (response.ok && body !== '{"result":0,"errmsg":"OK"}')
    throw new Error('Tencent would not take this for an answer');
  return response.status;
}

function tencentItem({ id, token }: Message, word: string, echoes: boolean): object {
  return {
    user_receive_time: '2026-11-21 08:03:04',
    nationcode: '86',
    mobile: NUMBERS_IN_REPORTS['number in Tencent’s'],
    report_status: word,
    errmsg: word === 'SUCCESS' ? 'DELIVRD' : 'MK:0010',
    description: 'a text of the carrier',
    sid: id,
    ...(echoes && { ext: token }),
  };
}

const tencent = (echoes: boolean): Reporter => ({
  title: echoes ? 'Tencent, which echoes the context' : 'Tencent, which tells its own id only',
  provider: 'tencent',
  env: {
    ...ENV,
    TENCENT_CALLBACK_TOKEN: CALLBACK_TOKEN,
    TENCENT_CALLBACK_ADDRESSES: '["203.0.113.0/24", "2001:db8::/32"]',
    CALLBACK_TRUSTED_PROXIES: '1',
  },
  echoes,
  underway: [],
  delivered: 'SUCCESS',
  failed: 'FAIL',
  failure: 'unreachable',
  latest: ({ tencent: { sends, accepted } }) => ({
    id: `5000:${accepted}`,
    token: sends.at(-1)?.sessionContext ?? '',
    url: '',
  }),
  tell: (_, message, { word, via }) => postTencent(tencentItem(message, word, echoes), { via }),
  forgeries: {
    'no token in the path': (_, message, via) =>
      postTencent(tencentItem(message, 'SUCCESS', echoes), { via, path: '' }),
    'another token': (_, message, via) =>
      postTencent(tencentItem(message, 'SUCCESS', echoes), { via, path: `/${CALLBACK_TOKEN.replace('s', 'S')}` }),
    'more after the token': (_, message, via) =>
      postTencent(tencentItem(message, 'SUCCESS', echoes), { via, path: `/${CALLBACK_TOKEN}/` }),
    'another address': (_, message, via) =>
      postTencent(tencentItem(message, 'SUCCESS', echoes), { via, from: ELSEWHERE }),
    'another address that claims to be a proxy of the right one': (_, message, via) =>
      postTencent(tencentItem(message, 'SUCCESS', echoes), { via, from: `${TENCENT_ADDRESS}, ${ELSEWHERE}` }),
  },
  genuine: (request) => ({ ...request, path: `/${CALLBACK_TOKEN}`, address: TENCENT_ADDRESS }),
  misbehave: ({ tencent: fake }, behaviour) => fake.misbehave(behaviour),
});

const GATEWAY_PATH = `${new URL(PUBLIC_URL).pathname}/webhook`;

const webhook = (echoes: boolean): Reporter => {
  const item = ({ id, token }: Message, status: string) => ({
    ...(echoes ? { report_token: token } : { message_id: id }),
    status,
    ...(status === 'failed' && { category: 'blocked', error_code: 'BARRED' }),
  });
  const forged =
    (as: () => Parameters<VendorFakes['webhook']['report']>[2]): Forgery =>
    async ({ webhook: fake }, message, via) =>
      (await fake.report(`${via}${GATEWAY_PATH}`, [item(message, 'delivered')], as())).status;
  const ago = (seconds: number) => Math.floor(Date.now() / 1000) - seconds;
  return {
    title: echoes ? 'webhook, which echoes the token' : 'webhook, which tells its own id only',
    provider: 'webhook',
    env: ENV,
    echoes,
    underway: ['accepted'],
    delivered: 'delivered',
    failed: 'failed',
    failure: 'blocked',
    latest({ webhook: { requests, messages } }) {
      const bodies = requests.map(({ body }) => JSON.parse(body));
      const token = bodies.findLast(({ type }) => type === 'verification.code')?.report_token ?? '';
      return { id: messages.at(-1)?.message_id ?? 'gw-0', token, url: '' };
    },
    tell: async ({ webhook: fake }, message, { word, via }) =>
      (await fake.report(`${via}${GATEWAY_PATH}`, [item(message, word)])).status,
    forgeries: {
      'another secret': forged(() => ({ secret: 'secret of a stranger, long enough' })),
      'a signature of 10 minutes ago': forged(() => ({ at: ago(600) })),
      'a signature of the future': forged(() => ({ at: ago(-600) })),
      'no signature': forged(() => ({ headers: { 'webhook-signature': '' } })),
      'another id than was signed': forged(() => ({ headers: { 'webhook-id': 'another' } })),
      'a newer time than was signed': forged(() => ({ at: ago(600), headers: { 'webhook-timestamp': `${ago(0)}` } })),
    },
    genuine: (request) => {
      const signed = { id: 'any', timestamp: Math.floor(request.now / 1000), body: request.body };
      return { ...request, headers: signatureHeaders(webhookKey(WEBHOOK.secret), signed) };
    },
    misbehave: ({ webhook: fake }, behaviour) => fake.behave(behaviour),
  };
};

export const REPORTERS: readonly Reporter[] = [TWILIO, tencent(true), tencent(false), webhook(true), webhook(false)];
