/**
 * Error codes of Twilio Verify as data (https://www.twilio.com/docs/verify/api/error-codes). Codes below 60000 are
 * those of Twilio's messages: some come when a verification is started, those from 30001 on say later why its SMS did
 * not arrive.
 */
import { type CodeRow, rows, type Verdict } from '../code-table.ts';
import { TWILIO_CODES } from '../twilio/codes.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** A verification ends this long after it began, unless Twilio's support set another time for the service. */
const LIFETIME = 10 * MINUTE;

const OPERATORS = { kind: 'unavailable', status: 'INTERNAL', actor: 'operator' } as const;
const CONFIGURATION: Verdict = { category: 'configuration', ...OPERATORS };
const TEMPLATE: Verdict = { category: 'template', ...OPERATORS };
const SENDER: Verdict = { category: 'sender', ...OPERATORS };
const PERMISSION: Verdict = { category: 'permission', ...OPERATORS };
/** Not allowed at this destination. */
const PERMISSION_THERE: Verdict = { ...PERMISSION, status: 'FAILED_PRECONDITION' };
const NUMBER: Verdict = { category: 'invalid_number', kind: 'rejected', status: 'INVALID_ARGUMENT', actor: 'user' };
/** A limit of one number. Another provider would only help those who bomb it with messages. */
const TOO_MUCH: Verdict = { category: 'rate_limited', kind: 'rejected', status: 'RESOURCE_EXHAUSTED', actor: 'user' };
/** Twilio suspects fraud. Another provider would send it, and so pay the fraudster. */
const FRAUD: Verdict = { ...TOO_MUCH, actor: 'operator' };
const RATE: Verdict = { category: 'rate_limited', kind: 'unavailable', status: 'UNAVAILABLE', actor: 'operator' };
const DOUBT: Verdict = { category: 'transient', kind: 'unknown', status: 'UNAVAILABLE', actor: 'nobody' };

/** The codes of Twilio's messages that Verify passes on. */
const PASSED_ON =
  /^(?:10001|14107|20001|20003|20005|20006|20010|20403|20422|20500|20503|21211|21214|21217|21401|21408|21421|21608|21610|21612|21614|21635|30\d{3})$/;

/** By code, as Twilio writes it. */
export const TWILIO_VERIFY_CODES: ReadonlyMap<string, CodeRow> = new Map([
  ...[...TWILIO_CODES].filter(([code]) => PASSED_ON.test(code)),
  ...rows(CONFIGURATION, {
    20404: 'The Verify service does not exist in this account, or its template does not exist in the language.',
    60004: 'The account may not use this address: look at the account SID, and ask Twilio.',
    60206: 'The service demands amount and payee (PSD2): turn that off in its settings.',
    60217: 'The settings of the Verify service are not valid.',
    60223: 'SMS is turned off in the settings of the Verify service.',
    60226: 'The service has no friendly name, which messages to China must have.',
    60440: 'Verify does not support this kind of content.',
  }),
  // About a number when its text names `To`: see INVALID_TO.
  ...rows(
    { ...CONFIGURATION, scope: 'message' },
    { 60200: 'A parameter is not valid: look at the template and at the app hash.' },
  ),
  ...rows(TEMPLATE, {
    60201: 'The translation of the template is not approved.',
    60224: 'The template has variables that were not filled.',
    60227: 'The template is not meant for SMS.',
    60228: 'There is no such template in this account.',
    60229: 'The template does not exist in this language.',
    60230: 'The template must name the company here, or must not: ask Twilio for the other version of it.',
    60240: 'The account may not use templates.',
    60247: 'The message is too long.',
    60252: 'None of the templates could be used.',
  }),
  ...rows(PERMISSION, {
    60204:
      'The Verify service takes no codes of ours: turn on "Enable Custom Verification Code" in its general settings.',
  }),
  ...rows(PERMISSION_THERE, {
    60220: 'Messages to China need a use case that Twilio has vetted.',
    60238: 'Twilio blocks this: the account is under review, or the country is one that it does not serve.',
    60250: 'Messages to Australia need a registration.',
    60605: 'The country is not enabled: Verify, Settings, Geo permissions in the console.',
  }),
  ...rows(NUMBER, {
    60006: 'A carrier says that the number is not valid.',
    60205: 'The number is a landline.',
  }),
  ...rows(
    { ...TOO_MUCH, retryAfterMs: LIFETIME },
    {
      60202: 'The verification of this number has no guesses left; it ends 10 minutes after it began.',
      60203:
        'Five SMS went to this number for one verification; it ends 10 minutes after it began, or when it is approved.',
    },
  ),
  ...rows({ ...TOO_MUCH, retryAfterMs: 30 * SECOND }, { 60212: 'Too many requests at once for this number.' }),
  ...rows(
    { ...FRAUD, retryAfterMs: HOUR },
    {
      60410:
        'Fraud Guard blocks all numbers that begin like this one, for up to 12 hours, and again while the abuse lasts.',
    },
  ),
  ...rows(
    { category: 'blocked', kind: 'rejected', status: 'FAILED_PRECONDITION', actor: 'operator' },
    {
      60412: 'Twilio takes this for a fraudulent sign-up. Numbers on the safe list of Verify are let through.',
      60413: 'Twilio’s device rules block this.',
    },
  ),
  ...rows(
    { ...RATE, retrySame: true },
    {
      20429: 'Too many requests at once. Raise the concurrency of the account, or lower the limit on messages at once.',
      25109: 'Too many requests to Verify.',
    },
  ),
  ...rows({ ...RATE, retryAfterMs: HOUR }, { 60245: 'The messaging limit of the account is reached.' }),
  ...rows(DOUBT, { 60441: 'Verify failed inside.' }),
  // Text and senders are Twilio's own here: what the operator can do differs from messages of ours.
  ...rows({ category: 'content', ...OPERATORS }, { 30007: 'Twilio or a carrier filtered the message: ask Twilio.' }),
  ...rows(SENDER, {
    30018: 'The sender of Verify is not registered in this country: register one of your own, or ask Twilio.',
    30024: 'The sender of Verify is not provisioned with the carrier: ask Twilio.',
    30032: 'The sender of Verify is not verified: ask Twilio.',
    30033: 'The campaign of Verify is suspended: ask Twilio.',
    30034: 'The sender of Verify is not registered for A2P 10DLC: ask Twilio.',
    30035: 'The sender of Verify is not registered as this route requires: ask Twilio.',
    30042: 'The sender id is blocked as generic: register one of your own for Verify.',
  }),
]);

/** The verdict on 60200 when its text names the parameter `To`. */
export const INVALID_TO: Verdict = NUMBER;
