/** Twilio's Messages API on loopback: checks what the real one checks, and answers as captured from it. */
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import { type Behaviour, json, startVendorServer, type VendorRequest, type VendorServer } from './vendor-server.ts';

export interface TwilioFake extends VendorServer {
  /** Every message that arrived here, whatever the answer was. */
  readonly sends: readonly TwilioSend[];
  /** Outcomes reported for messages. */
  readonly feedback: readonly { readonly messageSid: string; readonly outcome: string }[];
  /**
   * Posts a status callback as Twilio does, signed over `url` and every parameter, and answers the HTTP status. `via`: origin
   * that it is sent to in place of the public one. `signature` replaces the right one; null sends none.
   */
  postCallback(url: string, parameters: Form, options?: CallbackOptions): Promise<number>;
}

export interface TwilioSend {
  readonly to: string;
  readonly body: string;
  readonly from: string | null;
  readonly messagingServiceSid: string | null;
  readonly validityPeriod: number;
  readonly statusCallback: string | null;
  readonly messageIntent: string | null;
  readonly provideFeedback: boolean;
  /** The whole form. */
  readonly form: Form;
  /** Account or API key that signed in. */
  readonly username: string;
}

export interface TwilioFakeOptions {
  readonly accountSid: string;
  readonly authToken: string;
  readonly apiKey?: { readonly sid: string; readonly secret: string };
}

export interface CallbackOptions {
  readonly via?: string;
  readonly signature?: string | null;
}

type Form = Readonly<Record<string, string>>;

export async function startTwilioFake(options: TwilioFakeOptions): Promise<TwilioFake> {
  const { accountSid, authToken, apiKey } = options;
  const messages = `/2010-04-01/Accounts/${accountSid}/Messages`;
  const logins = new Set([`${accountSid}:${authToken}`, ...(apiKey ? [`${apiKey.sid}:${apiKey.secret}`] : [])]);
  let created = 0;

  function usual(request: VendorRequest): Behaviour {
    if (!logins.has(loginOf(request))) return twilioError(401, 20003);
    if (request.method !== 'POST' || !request.path.startsWith(messages)) return twilioError(404, 20404);
    if (request.headers['content-type'] !== 'application/x-www-form-urlencoded') return twilioError(415, 20001);
    if (request.path === `${messages}.json`) return create(sendOf(request));
    const outcome = feedbackOf(request);
    if (outcome === null) return twilioError(404, 20404);
    return json(201, { account_sid: accountSid, message_sid: outcome.messageSid, outcome: outcome.outcome });
  }

  function create(send: TwilioSend): Behaviour {
    if (!/^\+[1-9]\d{1,14}$/.test(send.to)) return twilioError(400, 21211);
    if (send.from === null && send.messagingServiceSid === null) return twilioError(400, 21603);
    if (send.body === '') return twilioError(400, 21602);
    if (!(send.validityPeriod >= 1 && send.validityPeriod <= 36_000)) return twilioError(400, 21624);
    if (send.statusCallback !== null && !URL.canParse(send.statusCallback)) return twilioError(400, 21609);
    created += 1;
    const pooled = send.messagingServiceSid !== null;
    return created201({
      sid: `SM${created.toString(16).padStart(32, '0')}`,
      status: pooled ? 'accepted' : 'queued',
      to: send.to,
      from: send.from,
      num_segments: pooled ? '0' : '1',
    });
  }

  function feedbackOf({ path, body }: VendorRequest): { messageSid: string; outcome: string } | null {
    const messageSid = path.startsWith(`${messages}/`) ? /\/(\w+)\/Feedback\.json$/.exec(path)?.[1] : undefined;
    return messageSid === undefined ? null : { messageSid, outcome: formOf(body).Outcome ?? 'confirmed' };
  }

  const server = await startVendorServer(usual);
  return Object.defineProperties(server as TwilioFake, {
    sends: { get: () => server.requests.filter(({ path }) => path === `${messages}.json`).map(sendOf) },
    feedback: { get: () => server.requests.map(feedbackOf).filter((each) => each !== null) },
    postCallback: {
      value: async (url: string, parameters: Form, { via, signature }: CallbackOptions = {}) => {
        const { pathname, search, origin } = new URL(url);
        const signed = signature === undefined ? getExpectedTwilioSignature(authToken, url, parameters) : signature;
        const response = await fetch(`${via ?? origin}${pathname}${search}`, {
          method: 'POST',
          body: new URLSearchParams(parameters),
          headers: signed === null ? {} : { 'x-twilio-signature': signed },
        });
        await response.arrayBuffer();
        return response.status;
      },
    },
  });
}

/** An error in the body that the 2010 API has always used. */
export function twilioError(status: number, code: number, headers: Readonly<Record<string, string>> = {}): Behaviour {
  const more_info = `https://www.twilio.com/docs/errors/${code}`;
  return json(status, { code, message: `vendor text about ${code}`, more_info, status }, headers);
}

/** An error in the body of RFC 9457, as newer versions answer. */
export function twilioProblem(status: number, code: number, headers: Readonly<Record<string, string>> = {}): Behaviour {
  const type = `https://www.twilio.com/docs/errors/${code}`;
  return json(status, { type, title: 'vendor title', status, code, detail: `vendor text about ${code}` }, headers);
}

/** 201 for a message, with what is given on top of Twilio's defaults. */
export function created201(message: Readonly<Record<string, unknown>>): Behaviour {
  const date_created = 'Thu, 24 Aug 2023 05:01:45 +0000';
  const defaults = { num_segments: '1', price: null, error_code: null, error_message: null, date_created };
  return json(201, { ...defaults, ...message }, { 'twilio-request-id': 'RQ00000000000000000000000000000001' });
}

function sendOf(request: VendorRequest): TwilioSend {
  const form = formOf(request.body);
  return {
    to: form.To ?? '',
    body: form.Body ?? '',
    from: form.From ?? null,
    messagingServiceSid: form.MessagingServiceSid ?? null,
    validityPeriod: Number(form.ValidityPeriod ?? 36_000),
    statusCallback: form.StatusCallback ?? null,
    messageIntent: form.MessageIntent ?? null,
    provideFeedback: form.ProvideFeedback === 'true',
    form,
    username: loginOf(request).split(':')[0] ?? '',
  };
}

function formOf(body: string): Form {
  return Object.fromEntries(new URLSearchParams(body));
}

function loginOf({ headers }: VendorRequest): string {
  return Buffer.from((headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString();
}
