import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Failure, FailureScope } from '../../../src/sms/provider.ts';
import { TENCENT_CODES } from '../../../src/sms/tencent/codes.ts';
import { explainTencent } from '../../../src/sms/tencent/failures.ts';
import { REQUEST_ID, startTencentFake, type TencentFake, VENDOR_TEXT } from '../../support/tencent-fake.ts';
import { MESSAGE, NEVER, SECRETS, tencentTo } from './fixture.ts';

/** Half an hour before midnight in China. */
const NOW = Date.UTC(2026, 10, 20, 15, 30);
const NEXT_DAY = 1_800_000;

/** The sheet of the vendor: code, kind, category, status, who acts; then how long to wait, and whether to try again. */
const SHEET = `
InvalidParameterValue.IncorrectPhoneNumber                    rejected    invalid_number INVALID_ARGUMENT    user
FailedOperation.PhoneNumberParseFail                          rejected    invalid_number INVALID_ARGUMENT    user
MissingParameter.EmptyPhoneNumberSet                          unavailable configuration  INTERNAL            operator
FailedOperation.PhoneNumberInBlacklist                        rejected    blocked        FAILED_PRECONDITION user
FailedOperation.PhoneNumberOnBlacklist                        rejected    blocked        FAILED_PRECONDITION user
LimitExceeded.PhoneNumberThirtySecondLimit                    rejected    rate_limited   RESOURCE_EXHAUSTED  user 30000
LimitExceeded.PhoneNumberOneHourLimit                         rejected    rate_limited   RESOURCE_EXHAUSTED  user 3600000
LimitExceeded.PhoneNumberDailyLimit                           rejected    rate_limited   RESOURCE_EXHAUSTED  user next_day
LimitExceeded.PhoneNumberSameContentDailyLimit                unavailable rate_limited   UNAVAILABLE         nobody 300000
LimitExceeded.DeliveryFrequencyLimit                          rejected    rate_limited   RESOURCE_EXHAUSTED  user 60000
LimitExceeded.AppDailyLimit                                   unavailable rate_limited   UNAVAILABLE         operator next_day
LimitExceeded.AppMainlandChinaDailyLimit                      unavailable rate_limited   UNAVAILABLE         operator next_day
LimitExceeded.AppGlobalDailyLimit                             unavailable rate_limited   UNAVAILABLE         operator next_day
LimitExceeded.DailyLimit                                      unavailable rate_limited   UNAVAILABLE         operator next_day
LimitExceeded.AppCountryOrRegionDailyLimit                    unavailable rate_limited   UNAVAILABLE         operator next_day
LimitExceeded.AppCountryOrRegionInBlacklist                   unavailable permission     FAILED_PRECONDITION operator
LimitExceeded.PhoneNumberCountLimit                           unavailable configuration  INTERNAL            operator
LimitExceeded.GlobalSmsSendingRateLimit                       unavailable rate_limited   UNAVAILABLE         operator 5000
FailedOperation.SignatureIncorrectOrUnapproved                unavailable signature      INTERNAL            operator
FailedOperation.SignIdNotExist                                unavailable signature      INTERNAL            operator
FailedOperation.MissingSignature                              unavailable signature      INTERNAL            operator
InvalidParameterValue.SignExistAndUnapproved                  unavailable signature      INTERNAL            operator
FailedOperation.TemplateIdNotExist                            unavailable template       INTERNAL            operator
FailedOperation.ProhibitSubAccountUse                         unavailable permission     INTERNAL            operator
FailedOperation.NotEnterpriseCertification                    unavailable permission     INTERNAL            operator
FailedOperation.TemplateIncorrectOrUnapproved                 unavailable template       INTERNAL            operator
FailedOperation.TemplateUnapprovedOrNotExist                  unavailable template       INTERNAL            operator
FailedOperation.TemplateParamSetNotMatchApprovedTemplate      unavailable template       INTERNAL            operator
InvalidParameterValue.TemplateParameterFormatError            unavailable template       INTERNAL            operator
InvalidParameterValue.TemplateParameterLengthLimit            unavailable template       INTERNAL            operator
InvalidParameterValue.ProhibitedUseUrlInTemplateParameter     unavailable content        INTERNAL            operator
InvalidParameterValue.ContentLengthLimit                      unavailable content        INTERNAL            operator
FailedOperation.ContainSensitiveWord                          unavailable content        INTERNAL            operator
InvalidParameter.DirtyWordFound                               unavailable content        INTERNAL            operator
FailedOperation.MarketingSendTimeConstraint                   unavailable template       INTERNAL            operator
UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone     unavailable template       INTERNAL            operator
UnsupportedOperation.GlobalTemplateToChineseMainlandPhone     unavailable template       INTERNAL            operator
UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber unavailable configuration INTERNAL           operator
UnsupportedOperation.ContainDomesticPhoneNumber               unavailable configuration  INTERNAL            operator
UnsupportedOperation.UnsupportedRegion                        unavailable unreachable    FAILED_PRECONDITION operator
UnsupportedOperation.UnsuportedRegion                         unavailable unreachable    FAILED_PRECONDITION operator
UnsupportedOperation                                          unavailable configuration  INTERNAL            operator
UnsupportedOperation.                                         unavailable configuration  INTERNAL            operator
InvalidParameterValue.SdkAppIdNotExist                        unavailable configuration  INTERNAL            operator
UnauthorizedOperation.SmsSdkAppIdVerifyFail                   unavailable credentials    INTERNAL            operator
UnauthorizedOperation.SmsSdkAppidVerifyFail                   unavailable credentials    INTERNAL            operator
UnauthorizedOperation.RequestPermissionDeny                   unavailable permission     INTERNAL            operator
UnauthorizedOperation.RequestIpNotInWhitelist                 unavailable permission     INTERNAL            operator
UnauthorizedOperation.SdkAppIdIsDisabled                      unavailable permission     INTERNAL            operator
UnauthorizedOperation.SdkAppidIsDisabled                      unavailable permission     INTERNAL            operator
UnauthorizedOperation.IndividualUserMarketingSmsPermissionDeny unavailable permission    INTERNAL            operator
UnauthorizedOperation.ServiceSuspendDueToArrears              unavailable balance        UNAVAILABLE         operator
UnauthorizedOperation.SerivceSuspendDueToArrears              unavailable balance        UNAVAILABLE         operator
FailedOperation.InsufficientBalanceInSmsPackage               unavailable balance        UNAVAILABLE         operator
InternalError.Timeout                                         unknown     transient      UNAVAILABLE         nobody
InternalError.SendAndRecvFail                                 unknown     transient      UNAVAILABLE         nobody
InternalError.OtherError                                      unknown     unknown        UNAVAILABLE         operator
InternalError.UnknownError                                    unknown     unknown        UNAVAILABLE         operator
InternalError.ParseBackendResponseFail                        unknown     unknown        UNAVAILABLE         operator
InternalError.RequestTimeException                            unavailable configuration  INTERNAL            operator
InternalError.SigFieldMissing                                 unavailable credentials    INTERNAL            operator
InternalError.SigVerificationFail                             unavailable credentials    INTERNAL            operator
InternalError.RestApiInterfaceNotExist                        unavailable configuration  INTERNAL            operator
InternalError.JsonParseFail                                   unavailable configuration  INTERNAL            operator
FailedOperation.FailResolvePacket                             unavailable configuration  INTERNAL            operator
FailedOperation.JsonParseFail                                 unavailable configuration  INTERNAL            operator
FailedOperation.OtherError                                    unavailable unknown        UNAVAILABLE         operator
FailedOperation.ParametersOtherError                          unavailable unknown        UNAVAILABLE         operator
AuthFailure.InvalidAuthorization                              unavailable credentials    INTERNAL            operator
AuthFailure.InvalidSecretId                                   unavailable credentials    INTERNAL            operator
AuthFailure.MFAFailure                                        unavailable credentials    INTERNAL            operator
AuthFailure.SecretIdNotFound                                  unavailable credentials    INTERNAL            operator
AuthFailure.SignatureFailure                                  unavailable credentials    INTERNAL            operator
AuthFailure.TokenFailure                                      unavailable credentials    INTERNAL            operator
AuthFailure.UnauthorizedOperation                             unavailable credentials    INTERNAL            operator
AuthFailure.SignatureExpire                                   unavailable configuration  INTERNAL            operator
UnauthorizedOperation                                         unavailable permission     INTERNAL            operator
IpInBlacklist                                                 unavailable permission     INTERNAL            operator
IpNotInWhitelist                                              unavailable permission     INTERNAL            operator
RequestLimitExceeded                                          unavailable rate_limited   UNAVAILABLE         operator 1000 again
RequestLimitExceeded.UinLimitExceeded                         unavailable rate_limited   UNAVAILABLE         operator 1000 again
RequestLimitExceeded.IPLimitExceeded                          unavailable rate_limited   UNAVAILABLE         operator 1000 again
RequestLimitExceeded.GlobalRegionUinLimitExceeded             unavailable rate_limited   UNAVAILABLE         operator 1000 again
LimitExceeded                                                 unavailable rate_limited   UNAVAILABLE         operator
InternalError                                                 unknown     transient      UNAVAILABLE         nobody
ServiceUnavailable                                            unavailable transient      UNAVAILABLE         nobody - again
ResourceUnavailable                                           unavailable transient      UNAVAILABLE         nobody - again
ResourceInsufficient                                          unavailable transient      UNAVAILABLE         nobody - again
ResourceInUse                                                 unavailable transient      UNAVAILABLE         nobody - again
${[
  'InvalidParameter InvalidParameter.AppidAndBizId InvalidParameter.InvalidParameters InvalidParameterValue',
  'MissingParameter UnknownParameter InvalidRequest RequestSizeLimitExceeded ResponseSizeLimitExceeded InvalidAction',
  'NoSuchVersion NoSuchProduct ActionOffline UnsupportedProtocol UnsupportedRegion ResourceNotFound FailedOperation',
  'DryRunOperation',
]
  .flatMap((codes) => codes.split(' '))
  .map((code) => `${code} unavailable configuration INTERNAL operator`)
  .join('\n')}`;

/** Codes that no table lists, and what they are taken for. */
const UNLISTED = `
AuthFailure.SomethingNew           unavailable credentials  UNAVAILABLE operator
UnauthorizedOperation.SomethingNew unavailable credentials  UNAVAILABLE operator
RequestLimitExceeded.SomethingNew  unavailable rate_limited UNAVAILABLE operator
LimitExceeded.SomethingNew         unavailable rate_limited UNAVAILABLE operator
InternalError.SomethingNew         unknown     transient    UNAVAILABLE operator
FailedOperation.SomethingNew       unavailable unknown      UNAVAILABLE operator
SomethingNew                       unavailable unknown      UNAVAILABLE operator`;

/** What is about one country, or one code, must not take Tencent from all others. */
const SCOPES: Readonly<Record<string, string>> = {
  'LimitExceeded.DailyLimit': 'country',
  'LimitExceeded.AppMainlandChinaDailyLimit': 'country',
  'LimitExceeded.AppGlobalDailyLimit': 'country',
  'LimitExceeded.AppCountryOrRegionDailyLimit': 'country',
  'LimitExceeded.GlobalSmsSendingRateLimit': 'country',
  'FailedOperation.InsufficientBalanceInSmsPackage': 'country',
  'LimitExceeded.PhoneNumberSameContentDailyLimit': 'message',
};

const listed = expectedIn(SHEET, (code) => ({
  vendorCode: code,
  ...(SCOPES[code] !== undefined && { scope: SCOPES[code] as FailureScope }),
}));
/** What is surely not sent may be about one number only; what is in doubt always counts. */
const unlisted = expectedIn(UNLISTED, (code, kind) => ({
  vendorCode: 'unlisted',
  unlistedCode: code,
  ...(kind === 'unavailable' && { scope: 'message' }),
}));
const everything = { ...listed, ...unlisted };

let fake: TencentFake;

beforeAll(async () => {
  fake = await startTencentFake(SECRETS);
});
afterAll(() => fake.server.stop());

test.each(['refuse_call', 'refuse_number'] as const)(
  'every code of the sheet means what it says there: %s',
  async (how) => {
    const provider = tencentTo(fake.url, { now: () => NOW });
    const results: Record<string, unknown> = {};
    for (const code of Object.keys(everything)) {
      fake.answer({ how, code });
      const result = await provider.send(MESSAGE, NEVER);
      results[code] = result;
      for (const shown of [JSON.stringify(result), inspect(result, { depth: null })]) {
        expect(shown).not.toMatch(new RegExp([VENDOR_TEXT, MESSAGE.to.slice(1), MESSAGE.code].join('|')));
      }
    }
    expect(results).toEqual(everything);
    expect(fake.accepted).toBe(0);
  },
);

test('the table has no rows that the sheet does not have', () => {
  expect([...TENCENT_CODES.keys()].sort()).toEqual(Object.keys(listed).sort());
});

test.each(['FailedOperation.PhoneNumberInBlacklist', 'FailedOperation.PhoneNumberOnBlacklist'])(
  'another provider may try a blocked number where the operator says so: %s',
  async (code) => {
    fake.answer({ how: 'refuse_number', code });
    const result = await tencentTo(fake.url, { failOverBlocked: true }).send(MESSAGE, NEVER);
    expect(result).toMatchObject({ kind: 'unavailable', category: 'blocked', status: 'FAILED_PRECONDITION' });
  },
);

test.each([
  ['just after midnight in China', Date.UTC(2026, 10, 20, 16), 86_400_000],
  ['at noon in China', Date.UTC(2026, 10, 20, 4), 43_200_000],
  ['a millisecond before midnight in China, or a second', Date.UTC(2026, 10, 20, 16) - 1, 1_000],
])('a daily limit ends with the day: %s', async (_, at, retryAfterMs) => {
  fake.answer({ how: 'refuse_number', code: 'LimitExceeded.PhoneNumberDailyLimit' });
  expect(await tencentTo(fake.url, { now: () => at }).send(MESSAGE, NEVER)).toMatchObject({ retryAfterMs });
});

test.each(['', 'ECONNRESET', 'not a code', '<b>x</b>', `A${'b'.repeat(200)}`, '138.0013'])(
  'what is no code is not repeated, and counts as maybe sent: %j',
  async (code) => {
    for (const how of ['refuse_call', 'refuse_number'] as const) {
      fake.answer({ how, code });
      const result = await tencentTo(fake.url).send(MESSAGE, NEVER);
      expect(result).toMatchObject({ kind: 'unknown', vendorCode: 'malformed' });
      expect(result).not.toHaveProperty('unlistedCode');
    }
  },
);

test('the operator reads what a code means', () => {
  const texts = Object.keys(everything).map(explainTencent);
  for (const text of texts) expect(text).toMatch(/^[A-Z].+\.$/);
  expect(explainTencent('FailedOperation.InsufficientBalanceInSmsPackage')).toBe(
    'The message package is used up; buy another.',
  );
  expect(explainTencent('no_signature')).toBe('Mainland China needs a signature.');
});

function expectedIn(
  sheet: string,
  codes: (code: string, kind: string) => Partial<Failure>,
): Readonly<Record<string, object>> {
  const rows = sheet
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ +/));
  return Object.fromEntries(
    rows.map(([code = '', kind = '', category, status, actor, wait = '-', again]) => [
      code,
      {
        kind,
        category,
        ...codes(code, kind),
        status,
        actor,
        ...(wait !== '-' && { retryAfterMs: wait === 'next_day' ? NEXT_DAY : Number(wait) }),
        ...(again && { retrySame: true }),
        requestId: REQUEST_ID,
      },
    ]),
  );
}
