/** Tencent Cloud SMS on loopback: checks requests as Tencent does, signature included, and keeps what it was asked. */
import { createHash, createHmac } from 'node:crypto';
import { type Behaviour, json, startVendorServer, type VendorRequest, type VendorServer } from './vendor-server.ts';

export interface TencentFake {
  /** To misbehave with, and to count requests and connections. */
  readonly server: VendorServer;
  readonly url: string;
  /** SendSms requests that were signed well, oldest first, whatever was answered. */
  readonly sends: readonly TencentSend[];
  /** How many SMS Tencent would have sent. */
  readonly accepted: number;
  /** ReportConversion requests. */
  readonly conversions: readonly TencentConversion[];
  /** Limits of the PullSmsSendStatus requests. */
  readonly pulls: readonly unknown[];
  /** Statuses to be pulled; each is handed out once. */
  readonly statuses: object[];
  /** How SendSms is answered from now on; the other actions fail with it only when it is a refusal of the call. */
  answer(how: TencentAnswer): void;
  /** Requests that are read are kept, and count as sent, but what happens is `behaviour`. */
  misbehave(behaviour: Behaviour | null): void;
}

export type TencentAnswer =
  | { readonly how: 'ok' }
  /** `SendStatusSet[0].Code`. */
  | { readonly how: 'refuse_number'; readonly code: string }
  /** `Response.Error`. */
  | { readonly how: 'refuse_call'; readonly code: string }
  /** Fields of the one status replaced. */
  | { readonly how: 'ok_but'; readonly status: Readonly<Record<string, unknown>> }
  /** The content of `Response`. */
  | { readonly how: 'response'; readonly response: unknown };

export interface TencentSend {
  readonly phone: string;
  readonly appId: string;
  readonly templateId: string;
  readonly parameters: readonly string[];
  readonly signName: string | undefined;
  readonly senderId: string | undefined;
  readonly sessionContext: string;
  readonly region: string;
  /** The names of the fields that were there. */
  readonly fields: readonly string[];
}

export interface TencentConversion {
  readonly SmsSdkAppId: string;
  readonly SerialNo: string;
  readonly ConversionTime: number;
}

export const REQUEST_ID = '9f0e1d2c-3b4a-4958-8776-a5b4c3d2e1f0';
/** In every refusal: what must show nowhere. */
export const VENDOR_TEXT = 'vendor text about';

interface Credentials {
  readonly secretId: string;
  readonly secretKey: string;
}

export async function startTencentFake(credentials: Credentials): Promise<TencentFake> {
  const sends: TencentSend[] = [];
  const conversions: TencentConversion[] = [];
  const pulls: unknown[] = [];
  const statuses: object[] = [];
  let accepted = 0;
  let answer: TencentAnswer = { how: 'ok' };

  function perform(request: VendorRequest): Behaviour {
    const mistake = mistakeIn(request, credentials);
    if (mistake !== null) return refused(mistake);
    const body = JSON.parse(request.body);
    switch (request.headers['x-tc-action']) {
      case 'SendSms': {
        sends.push(sendIn(body, request));
        if (answer.how === 'ok' || answer.how === 'ok_but') accepted += 1;
        return sendAnswer(body, answer, accepted);
      }
      case 'PullSmsSendStatus':
        pulls.push(body.Limit);
        if (answer.how === 'refuse_call') return refused(answer.code);
        return responded({ PullSmsSendStatusSet: statuses.splice(0, body.Limit) });
      case 'ReportConversion':
        conversions.push(body);
        if (answer.how === 'refuse_call') return refused(answer.code);
        return responded({
          ReportConversionStatus:
            answer.how === 'refuse_number'
              ? { Code: answer.code, Message: `${VENDOR_TEXT} ${body.SerialNo}` }
              : { Code: 'ok', Message: 'report success' },
        });
      default:
        return refused('InvalidAction');
    }
  }

  const server = await startVendorServer(perform);
  return {
    server,
    url: server.url,
    sends,
    get accepted() {
      return accepted;
    },
    conversions,
    pulls,
    statuses,
    answer: (how) => {
      answer = how;
    },
    misbehave: (behaviour) => {
      // Those two answer as usual, or read nothing.
      if (behaviour === null || behaviour.do === 'reset_before' || behaviour.do === 'hold')
        return server.behave(behaviour);
      server.behave((request) => {
        perform(request);
        return behaviour;
      });
    },
  };
}

function sendIn(body: Record<string, unknown>, { headers }: VendorRequest): TencentSend {
  const [phone] = body.PhoneNumberSet as string[];
  return {
    phone: phone ?? '',
    appId: body.SmsSdkAppId as string,
    templateId: body.TemplateId as string,
    parameters: body.TemplateParamSet as string[],
    signName: body.SignName as string | undefined,
    senderId: body.SenderId as string | undefined,
    sessionContext: body.SessionContext as string,
    region: String(headers['x-tc-region']),
    fields: Object.keys(body),
  };
}

function sendAnswer(body: Record<string, unknown>, answer: TencentAnswer, serial: number): Behaviour {
  const [PhoneNumber = ''] = body.PhoneNumberSet as string[];
  const { SessionContext } = body;
  const ok = {
    SerialNo: `5000:${serial}`,
    PhoneNumber,
    Fee: 1,
    SessionContext,
    Code: 'Ok',
    Message: 'send success',
    IsoCode: 'CN',
  };
  switch (answer.how) {
    case 'ok':
      return responded({ SendStatusSet: [ok] });
    case 'ok_but':
      return responded({ SendStatusSet: [{ ...ok, ...answer.status }] });
    case 'refuse_number': {
      const Message = `${VENDOR_TEXT} ${PhoneNumber} ${body.TemplateParamSet}`;
      return responded({ SendStatusSet: [{ ...ok, SerialNo: '', Fee: 0, Code: answer.code, Message }] });
    }
    case 'refuse_call':
      return refused(answer.code, `${PhoneNumber} ${body.TemplateParamSet}`);
    case 'response':
      return json(200, { Response: answer.response });
  }
}

function responded(fields: object): Behaviour {
  return json(200, { Response: { ...fields, RequestId: REQUEST_ID } });
}

function refused(Code: string, about = ''): Behaviour {
  return responded({ Error: { Code, Message: `${VENDOR_TEXT} ${about}` } });
}

/** Tencent's code for what is wrong with a request, null when nothing is. */
function mistakeIn({ method, path, headers, body }: VendorRequest, credentials: Credentials): string | null {
  if (method !== 'POST' || path !== '/' || headers['content-type'] !== 'application/json') return 'InvalidRequest';
  if (headers['x-tc-version'] !== '2021-01-11') return 'NoSuchVersion';
  if (!headers['x-tc-region']) return 'MissingParameter';
  const timestamp = String(headers['x-tc-timestamp']);
  if (Math.abs(Number(timestamp) - Date.now() / 1000) > 300) return 'AuthFailure.SignatureExpire';
  const given =
    /^TC3-HMAC-SHA256 Credential=([^/]+)\/([\d-]+)\/([\w:]+)\/tc3_request, SignedHeaders=(\S+), Signature=(\w+)$/;
  const [, id, date, scope = '', signed, signature] = given.exec(headers.authorization ?? '') ?? [];
  if (id === undefined) return 'AuthFailure.InvalidAuthorization';
  if (id !== credentials.secretId) return 'AuthFailure.SecretIdNotFound';
  const day = new Date(Number(timestamp) * 1000).toISOString().slice(0, 10);
  const [host, service] = expectedIn(headers.host ?? '');
  if (signed !== 'content-type;host' || scope !== service || date !== day) return 'AuthFailure.SignatureFailure';
  const canonical = `POST\n/\n\ncontent-type:application/json\nhost:${host}\n\n${signed}\n${sha256(body)}`;
  const toSign = `TC3-HMAC-SHA256\n${timestamp}\n${day}/${scope}/tc3_request\n${sha256(canonical)}`;
  const key = hmac(hmac(hmac(`TC3${credentials.secretKey}`, day), scope), 'tc3_request');
  return hmac(key, toSign).toString('hex') === signature ? null : 'AuthFailure.SignatureFailure';
}

/**
 * Host and service that a request must be signed for: the whole Host header, and `sms`. For this machine, what the SDK
 * makes of the address: it signs no port, but takes one for a part of the service when the name has no dot.
 */
function expectedIn(host: string): [host: string, service: string | undefined] {
  const own = /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(host);
  return own ? [host.replace(/:\d+$/, ''), host.split('.')[0]] : [host, 'sms'];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
