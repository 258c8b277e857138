/**
 * Tencent Cloud's error codes as data: those listed for SendSms, older spellings of them, and those of the API gateway
 * (documents 382/55981, 382/59177 and 382/52075). The same code may come for the call or for the number, and means the
 * same.
 */
import type { FailureCategory } from '../../domain/delivery.ts';
import { type CodeRow, rows, type Verdict } from '../code-table.ts';

/** Some limits end at midnight in China. */
type Wait = number | 'next_day';
export type TencentRow = CodeRow<Wait>;

type Meanings = Readonly<Record<string, string>>;

function table(verdict: Verdict<Wait>, meanings: Meanings): [string, TencentRow][] {
  return rows(verdict, meanings);
}

/** A limit on one number: another provider would only help those who bomb it with messages. */
function perNumber(retryAfterMs: Wait, meanings: Meanings): [string, TencentRow][] {
  const limit = { kind: 'rejected', category: 'rate_limited', status: 'RESOURCE_EXHAUSTED', actor: 'user' } as const;
  return table({ ...limit, retryAfterMs }, meanings);
}

/** What only the operator can repair. */
function fault(category: FailureCategory, meanings: Meanings): [string, TencentRow][] {
  return table({ kind: 'unavailable', category, status: 'INTERNAL', actor: 'operator' }, meanings);
}

/** A code is sent again in the first half of its life, which is at most 10 minutes; then a new one is made. */
const NEW_CODE_MS = 300_000;

export const UNAVAILABLE = { kind: 'unavailable', status: 'UNAVAILABLE' } as const;
export const MAYBE_SENT = { kind: 'unknown', status: 'UNAVAILABLE' } as const;

export const TENCENT_CODES: ReadonlyMap<string, TencentRow> = new Map([
  ...table(
    { kind: 'rejected', category: 'invalid_number', status: 'INVALID_ARGUMENT', actor: 'user' },
    {
      'InvalidParameterValue.IncorrectPhoneNumber': 'the phone number is not valid',
      'FailedOperation.PhoneNumberParseFail': 'the phone number cannot be read',
    },
  ),
  ...table(
    { kind: 'blocked', category: 'blocked', status: 'FAILED_PRECONDITION', actor: 'user' },
    {
      'FailedOperation.PhoneNumberInBlacklist': 'the recipient opted out, or a carrier bars the number',
      'FailedOperation.PhoneNumberOnBlacklist': 'the recipient opted out, or a carrier bars the number',
    },
  ),

  ...perNumber(30_000, {
    'LimitExceeded.PhoneNumberThirtySecondLimit': 'more than one message to the number within 30 seconds',
  }),
  ...perNumber(3_600_000, {
    'LimitExceeded.PhoneNumberOneHourLimit': 'too many messages to the number within an hour',
  }),
  ...perNumber('next_day', {
    'LimitExceeded.PhoneNumberDailyLimit': 'too many messages to the number today',
  }),
  // A limit of one code, which another vendor can carry: a new code goes at once.
  ...table(
    { ...UNAVAILABLE, category: 'rate_limited', actor: 'nobody', retryAfterMs: NEW_CODE_MS, scope: 'message' },
    {
      'LimitExceeded.PhoneNumberSameContentDailyLimit':
        'this code went to the number too often today; a new code may go',
    },
  ),
  ...perNumber(60_000, {
    'LimitExceeded.DeliveryFrequencyLimit': 'a frequency rule of the console was hit; see it there if this is frequent',
  }),

  ...table(
    { ...UNAVAILABLE, category: 'rate_limited', actor: 'operator', retryAfterMs: 'next_day' },
    { 'LimitExceeded.AppDailyLimit': 'the application’s daily limit is used up; raise it in the console' },
  ),
  ...table(
    { ...UNAVAILABLE, category: 'rate_limited', actor: 'operator', retryAfterMs: 'next_day', scope: 'country' },
    {
      'LimitExceeded.DailyLimit': 'the account’s daily limit for other countries than China is used up',
      'LimitExceeded.AppMainlandChinaDailyLimit': 'the application’s daily limit for mainland China is used up',
      'LimitExceeded.AppGlobalDailyLimit': 'the application’s daily limit for other countries is used up',
      'LimitExceeded.AppCountryOrRegionDailyLimit': 'the application’s daily limit for this country is used up',
    },
  ),
  ...table(
    { ...UNAVAILABLE, category: 'rate_limited', actor: 'operator', retryAfterMs: 1_000, retrySame: true },
    {
      RequestLimitExceeded: 'more requests a second than the account may make',
      'RequestLimitExceeded.UinLimitExceeded': 'more requests a second than the account may make',
      'RequestLimitExceeded.IPLimitExceeded': 'more requests a second than this address may make',
      'RequestLimitExceeded.GlobalRegionUinLimitExceeded': 'more requests a second than the account may make anywhere',
    },
  ),
  ...table(
    { ...UNAVAILABLE, category: 'rate_limited', actor: 'operator' },
    { LimitExceeded: 'a quota of the account is used up' },
  ),
  // Not in Tencent's documents: known from another program, which waits 1 to 5 seconds.
  ...table(
    { ...UNAVAILABLE, category: 'rate_limited', actor: 'operator', retryAfterMs: 5_000, scope: 'country' },
    { 'LimitExceeded.GlobalSmsSendingRateLimit': 'messages to other countries are sent too fast' },
  ),
  ...table(
    { ...UNAVAILABLE, category: 'balance', actor: 'operator' },
    {
      'UnauthorizedOperation.ServiceSuspendDueToArrears': 'the account is in arrears and suspended; top it up',
      'UnauthorizedOperation.SerivceSuspendDueToArrears': 'the account is in arrears and suspended; top it up',
    },
  ),
  // Packages are sold for mainland China and for other countries apart.
  ...table(
    { ...UNAVAILABLE, category: 'balance', actor: 'operator', scope: 'country' },
    { 'FailedOperation.InsufficientBalanceInSmsPackage': 'the message package is used up; buy another' },
  ),

  ...table(
    { kind: 'unavailable', category: 'permission', status: 'FAILED_PRECONDITION', actor: 'operator' },
    { 'LimitExceeded.AppCountryOrRegionInBlacklist': 'the country is not enabled for the application' },
  ),
  ...table(
    { kind: 'unavailable', category: 'unreachable', status: 'FAILED_PRECONDITION', actor: 'operator' },
    {
      'UnsupportedOperation.UnsupportedRegion': 'Tencent does not send to this country',
      'UnsupportedOperation.UnsuportedRegion': 'Tencent does not send to this country',
    },
  ),
  ...fault('signature', {
    'FailedOperation.SignatureIncorrectOrUnapproved': 'the signature is not approved, or not spelled as approved',
    'FailedOperation.SignIdNotExist': 'there is no such signature',
    'FailedOperation.MissingSignature': 'the account has no signature yet; apply for one',
    'InvalidParameterValue.SignExistAndUnapproved': 'the signature is still under review',
  }),
  ...fault('template', {
    'FailedOperation.TemplateIncorrectOrUnapproved': 'the template is not approved, or its id is wrong',
    'FailedOperation.TemplateUnapprovedOrNotExist': 'the template is not approved, or does not exist',
    'FailedOperation.TemplateIdNotExist': 'there is no such template',
    'FailedOperation.TemplateParamSetNotMatchApprovedTemplate': 'the template has another number of variables',
    'FailedOperation.MarketingSendTimeConstraint': 'the template is one for marketing, which sends from 8 to 22 only',
    'InvalidParameterValue.TemplateParameterFormatError': 'verification templates take up to 6 digits per variable',
    'InvalidParameterValue.TemplateParameterLengthLimit':
      'a variable of the template is too long: accounts of persons set tencent.parameterCharacters to 12',
    'UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone': 'a mainland template for a number abroad',
    'UnsupportedOperation.GlobalTemplateToChineseMainlandPhone': 'an international template for a mainland number',
  }),
  ...fault('content', {
    'InvalidParameterValue.ProhibitedUseUrlInTemplateParameter': 'a variable of the template holds a link',
    'InvalidParameterValue.ContentLengthLimit': 'the message is too long',
    'FailedOperation.ContainSensitiveWord': 'the message holds a forbidden word',
    'InvalidParameter.DirtyWordFound': 'the message holds a forbidden word',
  }),
  ...fault('credentials', {
    'UnauthorizedOperation.SmsSdkAppIdVerifyFail': 'the application does not belong to the account of this key',
    'UnauthorizedOperation.SmsSdkAppidVerifyFail': 'the application does not belong to the account of this key',
    'InternalError.SigFieldMissing': 'the request was not signed',
    'InternalError.SigVerificationFail': 'the signature of the request is wrong',
    'AuthFailure.InvalidAuthorization': 'the authorization header is not understood',
    'AuthFailure.InvalidSecretId': 'the key is not one for the cloud API',
    'AuthFailure.MFAFailure': 'the key demands multi-factor authentication',
    'AuthFailure.SecretIdNotFound': 'there is no such key, or it is disabled',
    'AuthFailure.SignatureFailure': 'the secret does not belong to the key',
    'AuthFailure.TokenFailure': 'the token of temporary credentials is wrong',
    'AuthFailure.UnauthorizedOperation': 'the key may not send SMS; grant it in access management',
  }),
  ...fault('permission', {
    'UnauthorizedOperation.RequestPermissionDeny': 'the account may not make this request',
    'FailedOperation.ProhibitSubAccountUse': 'only the main account may do this: use a key of it',
    'FailedOperation.NotEnterpriseCertification': 'only accounts of companies may do this: have the account certified',
    'UnauthorizedOperation.RequestIpNotInWhitelist': 'this address is not on the application’s allow-list',
    'UnauthorizedOperation.SdkAppIdIsDisabled': 'the application is disabled',
    'UnauthorizedOperation.SdkAppidIsDisabled': 'the application is disabled',
    'UnauthorizedOperation.IndividualUserMarketingSmsPermissionDeny':
      'personal accounts may not send marketing messages',
    UnauthorizedOperation: 'the account may not do this',
    IpInBlacklist: 'this address is on the account’s deny-list',
    IpNotInWhitelist: 'this address is not on the account’s allow-list',
  }),
  ...fault('configuration', {
    'MissingParameter.EmptyPhoneNumberSet': 'the request names no phone number',
    'LimitExceeded.PhoneNumberCountLimit': 'the request names too many phone numbers',
    'UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber': 'mainland and other numbers in one request',
    'UnsupportedOperation.ContainDomesticPhoneNumber': 'a mainland number where none is allowed',
    'UnsupportedOperation.': 'the operation is not supported',
    'InvalidParameterValue.SdkAppIdNotExist': 'there is no such application',
    'InternalError.RequestTimeException': 'the clock of this machine is off by more than 10 minutes',
    'AuthFailure.SignatureExpire': 'the clock of this machine is off by more than 5 minutes',
    'InternalError.RestApiInterfaceNotExist': 'the API is not known',
    'FailedOperation.FailResolvePacket': 'the request was not understood',
    'FailedOperation.JsonParseFail': 'the request was not understood',
    'InternalError.JsonParseFail': 'the request was not understood',
    InvalidParameter: 'a parameter is wrong',
    'InvalidParameter.AppidAndBizId': 'the application is wrong',
    'InvalidParameter.InvalidParameters': 'a parameter is wrong',
    InvalidParameterValue: 'the value of a parameter is wrong',
    MissingParameter: 'a parameter is missing',
    UnknownParameter: 'a parameter is not known',
    InvalidRequest: 'the request was not understood',
    RequestSizeLimitExceeded: 'the request is too large',
    ResponseSizeLimitExceeded: 'the answer is too large',
    InvalidAction: 'the action is not known',
    NoSuchVersion: 'the version of the API is not known',
    NoSuchProduct: 'the product is not known',
    ActionOffline: 'the action is no longer there',
    UnsupportedProtocol: 'the protocol is not supported',
    UnsupportedRegion: 'the region of the API is not one for SMS',
    UnsupportedOperation: 'the operation is not supported',
    ResourceNotFound: 'something that the request names does not exist',
    FailedOperation: 'the operation failed',
    DryRunOperation: 'the request was a dry run',
  }),

  ...table(
    { ...UNAVAILABLE, category: 'transient', actor: 'nobody', retrySame: true },
    {
      ServiceUnavailable: 'the service is unavailable for the moment',
      ResourceUnavailable: 'the service is unavailable for the moment',
      ResourceInsufficient: 'the service is short of resources for the moment',
      ResourceInUse: 'the service is busy for the moment',
    },
  ),
  ...table(
    { ...UNAVAILABLE, category: 'unknown', actor: 'operator' },
    {
      'FailedOperation.OtherError': 'Tencent failed and does not say why',
      'FailedOperation.ParametersOtherError': 'Tencent failed over the parameters and does not say why',
    },
  ),
  ...table(
    { ...MAYBE_SENT, category: 'transient', actor: 'nobody' },
    {
      InternalError: 'Tencent failed inside; the message may have been sent',
      'InternalError.Timeout': 'Tencent took too long inside; the message may have been sent',
      'InternalError.SendAndRecvFail': 'Tencent lost a connection inside; the message may have been sent',
    },
  ),
  ...table(
    { ...MAYBE_SENT, category: 'unknown', actor: 'operator' },
    {
      'InternalError.OtherError': 'Tencent failed inside; the message may have been sent',
      'InternalError.UnknownError': 'Tencent failed inside; the message may have been sent',
      'InternalError.ParseBackendResponseFail': 'Tencent did not understand itself; the message may have been sent',
    },
  ),
]);
