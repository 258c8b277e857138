/** What each RPC accepts: all violations at once, in the order of the fields, or the values in the domain's terms. */
import {
  type ClientFields,
  checkClient,
  checkCode,
  checkLength,
  checkRegion,
  checkRequestId,
  type PhoneFields,
  readPhone,
  readPurpose,
  readVerificationId,
  type Violations,
} from './field.ts';
import { readLocale } from './locale.ts';
import { missingVariables } from './message.ts';
import type { Phone, PhonePolicy } from './phone.ts';
import type { PurposePolicy } from './policy.ts';
import type { FieldViolation } from './refusal.ts';
import { checkVariables } from './variables.ts';

/** What the operator decided. */
export interface RequestRules {
  /** By name. */
  readonly purposes: ReadonlyMap<string, PurposePolicy>;
  readonly phones: PhonePolicy;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly violations: readonly FieldViolation[] };

/** Which verification is meant. */
export type Target =
  | { readonly kind: 'id'; readonly verificationId: string }
  | { readonly kind: 'phone'; readonly phone: Phone };

interface SendCodeFields extends PhoneFields {
  readonly purpose: string;
  readonly locale: string;
  readonly requestId: string;
  readonly client?: ClientFields | undefined;
  readonly captchaToken: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** `locale` is English when the request names none or a malformed one: no reason to fail. */
export function checkSendCode(
  request: SendCodeFields,
  rules: RequestRules,
): Checked<{ readonly phone: Phone; readonly purpose: PurposePolicy; readonly locale: string }> {
  const found: Violations = [];
  const phone = readPhone(request, rules.phones, found);
  const purpose = readPurpose(request.purpose, rules.purposes, found);
  checkRequestId(request.requestId, found);
  checkClient(request.client, found);
  checkLength('captcha_token', request.captchaToken, { most: 4096, found });
  const locale = readLocale(request.locale);
  checkVariables(request.variables, found);
  if (purpose) checkMissing(missingVariables(purpose.message, locale, request.variables), found);
  return checked(phone && purpose && { phone, purpose, locale }, found);
}

/** The names are the operator's, from the text of the purpose. */
function checkMissing(names: readonly string[], found: Violations): void {
  if (names.length > 0) found.push({ field: 'variables', rule: 'missing_variables', expected: names.join(', ') });
}

interface CheckCodeFields extends TargetFields {
  readonly purpose: string;
  readonly code: string;
  readonly requestId: string;
  readonly client?: ClientFields | undefined;
}

export function checkCheckCode(
  request: CheckCodeFields,
  rules: RequestRules,
): Checked<{ readonly target: Target; readonly purpose: PurposePolicy }> {
  const found: Violations = [];
  const target = readTarget(request, rules.phones, found);
  const purpose = readPurpose(request.purpose, rules.purposes, found);
  checkCode(request.code, purpose, found);
  checkRequestId(request.requestId, found);
  checkClient(request.client, found);
  return checked(target && purpose && { target, purpose }, found);
}

export function checkRateStatus(
  request: PhoneFields & { readonly purpose: string; readonly client?: ClientFields | undefined },
  rules: RequestRules,
): Checked<{ readonly phone: Phone; readonly purpose: PurposePolicy }> {
  const found: Violations = [];
  const phone = readPhone(request, rules.phones, found);
  const purpose = readPurpose(request.purpose, rules.purposes, found);
  checkClient(request.client, found);
  return checked(phone && purpose && { phone, purpose }, found);
}

export function checkGetVerification(
  request: TargetFields & { readonly purpose: string },
  rules: RequestRules,
): Checked<{ readonly target: Target; readonly purpose: PurposePolicy }> {
  const found: Violations = [];
  const target = readTarget(request, rules.phones, found);
  const purpose = readPurpose(request.purpose, rules.purposes, found);
  return checked(target && purpose && { target, purpose }, found);
}

export function checkCancelVerification(
  request: { readonly verificationId: string; readonly purpose: string },
  rules: RequestRules,
): Checked<{ readonly verificationId: string; readonly purpose: PurposePolicy }> {
  const found: Violations = [];
  const verificationId = readVerificationId(request.verificationId, found);
  const purpose = readPurpose(request.purpose, rules.purposes, found);
  return checked(verificationId !== null && purpose ? { verificationId, purpose } : null, found);
}

interface TargetFields extends PhoneFields {
  readonly verificationId: string;
}

/** Both at once is refused: with only one of them checked, a caller could take the other for verified. */
function readTarget(fields: TargetFields, policy: PhonePolicy, found: Violations): Target | null {
  if ((fields.verificationId === '') === (fields.phone === '')) {
    found.push({ field: 'verification_id', rule: 'one_of_required', expected: 'verification_id, phone' });
    checkRegion(fields.region, found);
    return null;
  }
  if (fields.phone !== '') {
    const phone = readPhone(fields, policy, found);
    return phone && { kind: 'phone', phone };
  }
  const verificationId = readVerificationId(fields.verificationId, found);
  checkRegion(fields.region, found);
  return verificationId === null ? null : { kind: 'id', verificationId };
}

/** A value is null only where a violation says why. */
function checked<T>(value: T | null, found: Violations): Checked<T> {
  return value !== null && found.length === 0 ? { ok: true, value } : { ok: false, violations: found };
}
