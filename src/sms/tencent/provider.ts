/** Tencent Cloud SMS (SendSms of 2021-01-11) through Tencent's own SDK. */
import { faultFailure } from '../faults.ts';
import type { ConversionBatch, ConversionResult, Failure, Message, Provider, SendResult } from '../provider.ts';
import { type ConnectionOptions, connectTencent, isRecord } from './client.ts';
import { explainTencent, isTencentCode, ownFailure, type RefusalPolicy, refusal } from './failures.ts';
import { type FillSettings, fill } from './fill.ts';
import { createReports, type ReportOptions, serialIn } from './reports.ts';

export interface TencentOptions extends ConnectionOptions, FillSettings, RefusalPolicy, ReportOptions {
  /** Whether Tencent is to learn of approvals; it has to enable this for the account. */
  readonly feedback: boolean;
}

/** Throws when an address of `callback` is not one. */
export function createTencentProvider(options: TencentOptions): Provider {
  const { sdkAppId, feedback } = options;
  const connection = connectTencent(options);
  const reports = createReports(options, connection);

  async function send(message: Message, signal: AbortSignal): Promise<SendResult> {
    const filled = fill(message, options);
    if ('kind' in filled) return filled;
    const { to, reportToken } = message;
    const request = { PhoneNumberSet: [to], SmsSdkAppId: sdkAppId, ...filled, SessionContext: reportToken };
    const outcome = await connection.call('SendSms', request, signal);
    if (outcome.kind === 'refused') return refusal(outcome.code, outcome.requestId, options);
    if (outcome.kind === 'failed') return outcome.failure;
    return resultIn(outcome.response, { to, requestId: outcome.requestId, policy: options });
  }

  async function converted([{ messageId, at }]: ConversionBatch, signal: AbortSignal): Promise<ConversionResult> {
    const conversion = { SmsSdkAppId: sdkAppId, SerialNo: messageId, ConversionTime: Math.floor(at / 1000) };
    const outcome = await connection.call('ReportConversion', conversion, signal);
    if (outcome.kind === 'failed') return { ok: false, vendorCode: outcome.failure.vendorCode };
    const status = outcome.kind === 'answered' ? outcome.response.ReportConversionStatus : undefined;
    const code = outcome.kind === 'refused' ? outcome.code : isRecord(status) ? status.Code : undefined;
    // Tencent's examples have `ok` and `OK`.
    if (typeof code === 'string' && code.toLowerCase() === 'ok') return { ok: true };
    const vendorCode = isTencentCode(code) ? refusal(code, '', options).vendorCode : 'malformed';
    return { ok: false, vendorCode };
  }

  return {
    name: 'tencent',
    send,
    explain: explainTencent,
    ...(feedback && { converted }),
    ...(reports !== null && { reports }),
    close: () => connection.close(),
  };
}

interface Sent {
  readonly to: string;
  readonly requestId: string;
  readonly policy: RefusalPolicy;
}

/**
 * Most refusals come in an answer that is a success for HTTP and the SDK. Only `Ok` with an id and for this number is
 * one.
 */
function resultIn(response: Readonly<Record<string, unknown>>, { to, requestId, policy }: Sent): SendResult {
  const { SendStatusSet: set } = response;
  const status: unknown = Array.isArray(set) && set.length === 1 ? set[0] : null;
  const inDoubt = (failure: Failure): Failure => ({ ...failure, ...(requestId !== '' && { requestId }) });
  if (!isRecord(status)) return inDoubt(faultFailure('malformed', true));
  const { Code: code, SerialNo: serial, PhoneNumber: number, Fee: fee } = status;
  if (code !== 'Ok') {
    return isTencentCode(code) ? refusal(code, requestId, policy) : inDoubt(faultFailure('malformed', true));
  }
  const messageId = serialIn(serial);
  if (messageId === null) return inDoubt(faultFailure('no_message_id', true));
  if (!isSameNumber(number, to)) return inDoubt(ownFailure('other_number'));
  // Tencent bills by segments.
  const segments = typeof fee === 'number' && Number.isSafeInteger(fee) && fee > 0 ? fee : null;
  return { kind: 'accepted', messageId, segments };
}

/** Country codes have one to three digits. */
const COUNTRY_CODE = /^\+(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})/;
const TELLING_DIGITS = 8;

/**
 * All spellings of a number end in the same digits. Before them Tencent may add or leave out a country code, a trunk
 * zero, Argentina's 9, Mexico's 1. Without this, such an answer would count as unknown and cause a second SMS.
 */
function isSameNumber(number: unknown, to: string): boolean {
  const telling = to.replace(COUNTRY_CODE, '').slice(-TELLING_DIGITS);
  return typeof number === 'string' && number.replace(/\D/g, '').endsWith(telling);
}
