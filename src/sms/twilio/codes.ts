/**
 * Twilio's error codes as data (https://www.twilio.com/docs/api/errors). A code counts, not the HTTP status beside it.
 * One table serves refusals of a message and failures after Twilio accepted it, because Twilio reports some refusals
 * late.
 */
import type { ReportedStatus } from '../../domain/delivery.ts';
import { type CodeRow, rows, type Verdict } from '../code-table.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** For daily caps whose end is not known: soon enough to notice a raised cap, and not too often. */
const LATER = 60 * MINUTE;

const OPERATORS = { kind: 'unavailable', status: 'INTERNAL', actor: 'operator' } as const;
const CREDENTIALS: Verdict = { category: 'credentials', ...OPERATORS };
const PERMISSION: Verdict = { category: 'permission', ...OPERATORS };
const CONFIGURATION: Verdict = { category: 'configuration', ...OPERATORS };
const SENDER: Verdict = { category: 'sender', ...OPERATORS };
const CONTENT: Verdict = { category: 'content', ...OPERATORS };
/** About one sender, or one carrier: all others go on. */
const OF_MESSAGE = { scope: 'message' } as const;
/** About all messages to a country: A2P 10DLC is of the USA. */
const OF_COUNTRY = { scope: 'country' } as const;
const RATE: Verdict = { category: 'rate_limited', kind: 'unavailable', status: 'UNAVAILABLE', actor: 'operator' };
const TRANSIENT: Verdict = { category: 'transient', kind: 'unavailable', status: 'UNAVAILABLE', actor: 'nobody' };
/** Twilio failed while it had the message. */
const DOUBT: Verdict = { ...TRANSIENT, kind: 'unknown' };
const NUMBER: Verdict = { category: 'invalid_number', kind: 'rejected', status: 'INVALID_ARGUMENT', actor: 'user' };
const BLOCKED: Verdict = { category: 'blocked', kind: 'blocked', status: 'FAILED_PRECONDITION', actor: 'user' };
const UNREACHABLE: Verdict = {
  category: 'unreachable',
  kind: 'unavailable',
  status: 'FAILED_PRECONDITION',
  actor: 'operator',
};

/** By code, as Twilio writes it. */
export const TWILIO_CODES: ReadonlyMap<string, CodeRow> = new Map([
  ...rows(CREDENTIALS, {
    20003:
      'The account SID, auth token or API key is wrong, the account is suspended, or the key is of another region.',
  }),
  ...rows(PERMISSION, {
    10001: 'The account is not active: out of funds, suspended, or under review.',
    20005: 'The account is not active: out of funds, or not yet activated.',
    20006: 'Access is denied: the credentials may not use this resource.',
    20010: 'The account is not in a state that may send.',
    20403: 'Forbidden: the account or API key may not do this.',
    21608: 'A trial account sends only to numbers that were verified in the console.',
  }),
  ...rows(
    { ...PERMISSION, status: 'FAILED_PRECONDITION' },
    { 21408: 'The country is not enabled: Messaging, Settings, Geo permissions in the console.' },
  ),
  ...rows(CONFIGURATION, {
    20001: 'A parameter is unknown or invalid.',
    20404: 'The path or the account does not exist: look at the account SID and the base URL.',
    20422: 'A parameter is invalid.',
    21602: 'The message has no body.',
    21603: 'The message has no sender.',
    21604: 'The message has no recipient.',
    21609: 'The status callback URL is not valid: it must be public, and its host must have no underscore.',
    21620: 'A media URL is invalid.',
    21624: 'The validity period is invalid.',
    21654: 'A content SID is required.',
    21655: 'The content SID is invalid.',
    21656: 'The content variables are invalid.',
    30010: 'The price is above a maximum that was set.',
    30011: 'MMS is not supported there.',
    30019: 'The content is larger than the carrier takes.',
  }),
  ...rows(
    { ...RATE, retrySame: true },
    { 20429: 'Too many requests at once. Raise the concurrency of the account, or lower twilio.maxConcurrent.' },
  ),
  // A 5xx is "maybe sent" as long as no document says otherwise; that of 20503 only says to back off.
  ...rows(DOUBT, {
    20500: 'Twilio failed or timed out inside; the message may have been sent.',
    20503: 'Twilio is unavailable for the moment.',
  }),
  ...rows(
    { ...DOUBT, ...OF_MESSAGE },
    { 30410: 'A carrier of Twilio timed out; Twilio does not try again lest the message arrive twice.' },
  ),
  ...rows(NUMBER, {
    21211: 'The number is not valid.',
    21217: 'The number does not appear to be valid.',
    21401: 'The number is not valid.',
    21421: 'The number is not valid.',
    21614: 'The number is not a mobile number.',
    21635: 'The number is a landline.',
    30005: 'The handset is unknown, or its number no longer exists.',
    30006: 'The number is a landline, or its carrier cannot be reached.',
  }),
  ...rows(UNREACHABLE, {
    21214: 'The number cannot be reached with this account.',
    21612: 'The number cannot be reached from this sender: see the SMS guidelines of its country.',
  }),
  ...rows({ ...UNREACHABLE, actor: 'user' }, { 30003: 'The handset is off, out of reach, or does not take SMS.' }),
  ...rows(BLOCKED, {
    21610: 'The recipient replied STOP to this sender, and has to text START to it.',
    30004: 'The recipient opted out or is barred, or the carrier blocks the message.',
  }),
  ...rows(SENDER, {
    21212: 'The sender is not valid.',
    21266: 'Sender and recipient are the same number.',
    21601: 'The sender is no number of this account that can send SMS.',
    21606: 'The sender is not owned by this account, or cannot send SMS there.',
    21607: 'The sender may not be used by this account.',
    21616: 'The sender matches numbers of several countries: write it in E.164.',
    21657: 'The sender id is not supported in this country.',
    21659: 'The sender is no number or short code of this account.',
    21660: 'The sender belongs to another account.',
    21661: 'The sender cannot send SMS.',
    21701: 'The Messaging Service does not exist in this account.',
    21702: 'The Messaging Service is misconfigured.',
    21703: 'The Messaging Service is misconfigured.',
    21704: 'The Messaging Service has no sender that fits.',
    21705: 'The Messaging Service SID is not valid.',
    21708: 'The sender of the Messaging Service is misconfigured.',
    21709: 'The sender of the Messaging Service is misconfigured.',
    21711: 'The sender of the Messaging Service is misconfigured.',
    21910: 'Sender and recipient are not of one channel.',
    30018: 'The sender id must be registered in this country.',
    30024: 'The numeric sender id is not provisioned with the carrier.',
    30032: 'The toll-free number is not verified.',
    30033: 'The A2P 10DLC campaign is suspended.',
    30034: 'The number is not registered for A2P 10DLC, which the USA require.',
    30035: 'The sender is not registered as this route requires.',
    30042: 'The sender id is blocked as generic, or has characters that are not allowed.',
  }),
  ...rows(CONTENT, {
    21605: 'The text is too long.',
    21617: 'The text is longer than 1,600 characters.',
    21618: 'The text cannot be sent.',
    21619: 'The text cannot be sent.',
    30007: 'Twilio or a carrier filtered the message: look at its text, and at the registration of its sender.',
  }),
  ...rows({ ...RATE, ...OF_MESSAGE }, { 30001: 'The queue of the sender is full.' }),
  ...rows(
    { ...RATE, ...OF_COUNTRY },
    {
      30022: 'The A2P 10DLC rate of the campaign is exceeded.',
      30027: 'T-Mobile’s daily cap for the brand is reached.',
    },
  ),
  ...rows(
    { ...RATE, ...OF_MESSAGE, retryAfterMs: 30 * SECOND },
    { 14107: 'Too many messages between the same two numbers.' },
  ),
  ...rows(
    { ...RATE, ...OF_MESSAGE, retryAfterMs: MINUTE },
    { 21611: 'The queue of the sender holds hours of messages: use more senders.' },
  ),
  ...rows(
    { ...RATE, ...OF_COUNTRY, retryAfterMs: LATER },
    { 30023: 'The daily A2P 10DLC cap is reached; it starts anew at midnight, US Pacific.' },
  ),
  ...rows(
    { ...RATE, retryAfterMs: LATER },
    { 63038: 'The daily cap of the account is reached: ask Twilio to raise it.' },
  ),
  ...rows(PERMISSION, { 30002: 'The account was suspended.' }),
  ...rows({ ...TRANSIENT, ...OF_MESSAGE }, { 30017: 'The carrier is congested.' }),
  ...rows(TRANSIENT, { 30500: 'Twilio failed inside.' }),
  ...rows(
    { ...TRANSIENT, category: 'unknown' },
    { 30008: 'Delivery failed for a reason that the carrier does not tell.' },
  ),
  ...rows(
    { ...TRANSIENT, ...OF_MESSAGE, actor: 'user' },
    { 30036: 'The code outlived its validity in the queue: ask for a new one.' },
  ),
  // Another provider would send it, and so pay the fraudster.
  ...rows(
    {
      category: 'rate_limited',
      kind: 'rejected',
      status: 'RESOURCE_EXHAUSTED',
      actor: 'operator',
      retryAfterMs: 30 * MINUTE,
    },
    {
      30450:
        'Twilio blocks this destination for 15 to 30 minutes because of SMS pumping; it repeats while the abuse lasts.',
    },
  ),
]);

/**
 * Twilio's words for the state of a message. `partially_delivered`: one of several segments; the code may be in another
 * one.
 */
export const MESSAGE_STATUSES: ReadonlyMap<string, ReportedStatus> = new Map([
  ['queued', 'accepted'],
  ['accepted', 'accepted'],
  ['scheduled', 'accepted'],
  ['sending', 'accepted'],
  ['sent', 'accepted'],
  ['partially_delivered', 'accepted'],
  ['delivered', 'delivered'],
  ['read', 'delivered'],
  ['undelivered', 'failed'],
  ['failed', 'failed'],
  ['canceled', 'failed'],
]);
