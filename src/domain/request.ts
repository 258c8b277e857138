/** What each RPC accepts: all violations at once, in the order of the fields, or the values in the domain's terms. */
import {
  type ClientFields,
  type PhoneFields,
  readPhone,
  readPurpose,
  readVerificationId,
  type Violations,
  validateClient,
  validateCode,
  validateLength,
  validateRegion,
  validateRequestId,
} from './field.ts';
import { readLocale } from './locale.ts';
import { missingVariables } from './message.ts';
import type { Phone, PhonePolicy } from './phone.ts';
import type { MessagePolicy, PurposePolicy } from './policy.ts';
import type { FieldViolation } from './refusal.ts';
import { MAX_CHARACTERS, validateVariables } from './variables.ts';

/** What the operator decided. */
export interface RequestRules {
  /** By name. */
  readonly purposes: ReadonlyMap<string, PurposePolicy>;
  readonly phones: PhonePolicy;
}

export type Validated<T> =
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

/** A missing or malformed `locale` is no violation: the answer then has English. */
export function validateSendCode(
  request: SendCodeFields,
  rules: RequestRules,
): Validated<{ readonly phone: Phone; readonly purpose: PurposePolicy; readonly locale: string }> {
  const found: Violations = [];
  const phone = readPhone(request, rules.phones, found);
  const purpose = readPurpose(request.purpose, rules.purposes, found);
  validateRequestId(request.requestId, found);
  validateClient(request.client, found);
  validateLength('captcha_token', request.captchaToken, { most: 4096, found });
  const locale = readLocale(request.locale);
  validateVariables(request.variables, { codeDigits: purpose?.digits ?? 0, found });
  if (purpose) {
    refuseMissing(missingVariables(purpose.message, locale, request.variables), found);
    refuseUnfit(purpose.message, request.variables, found);
    requireVariables(purpose, request.variables, found);
  }
  return validated(phone && purpose && { phone, purpose, locale }, found);
}

/** The names are the operator's, from the text of the purpose. */
function refuseMissing(names: readonly string[], found: Violations): void {
  if (names.length > 0) found.push({ field: 'variables', rule: 'missing_variables', expected: names.join(', ') });
}

/** A code that must be checked with its variables has some. */
function requireVariables(
  { variablesRequired }: PurposePolicy,
  variables: Readonly<Record<string, string>>,
  found: Violations,
): void {
  if (variablesRequired && Object.keys(variables).length === 0) found.push({ field: 'variables', rule: 'required' });
}

/** A provider would refuse the message: its templates take no empty variables, and none that are too long. */
function refuseUnfit(
  { requiredVariables, variableCharacters }: MessagePolicy,
  variables: Readonly<Record<string, string>>,
  found: Violations,
): void {
  for (const name of requiredVariables) {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value === undefined) continue;
    const field = `variables[${name}]`;
    if (value.trim() === '') found.push({ field, rule: 'required' });
    const length = [...value].length;
    // What is too long for any variable is refused already.
    if (length > variableCharacters && length <= MAX_CHARACTERS) {
      found.push({ field, rule: 'too_long', expected: `${variableCharacters}` });
    }
  }
}

interface CheckCodeFields extends TargetFields {
  readonly purpose: string;
  readonly code: string;
  readonly requestId: string;
  readonly client?: ClientFields | undefined;
  readonly variables: Readonly<Record<string, string>>;
}

export function validateCheckCode(
  request: CheckCodeFields,
  rules: RequestRules,
): Validated<{ readonly target: Target; readonly purpose: PurposePolicy }> {
  const found: Violations = [];
  const target = readTarget(request, rules.phones, found);
  const purpose = readPurpose(request.purpose, rules.purposes, found);
  validateCode(request.code, purpose, found);
  validateRequestId(request.requestId, found);
  validateClient(request.client, found);
  validateVariables(request.variables, { codeDigits: purpose?.digits ?? 0, found });
  if (purpose) requireVariables(purpose, request.variables, found);
  return validated(target && purpose && { target, purpose }, found);
}

export function validateRateStatus(
  request: PhoneFields & { readonly purpose: string; readonly client?: ClientFields | undefined },
  rules: RequestRules,
): Validated<{ readonly phone: Phone; readonly purpose: PurposePolicy }> {
  const found: Violations = [];
  const phone = readPhone(request, rules.phones, found);
  const purpose = readPurpose(request.purpose, rules.purposes, found);
  validateClient(request.client, found);
  return validated(phone && purpose && { phone, purpose }, found);
}

export function validateGetVerification(
  request: TargetFields & { readonly purpose: string },
  rules: RequestRules,
): Validated<{ readonly target: Target; readonly purpose: PurposePolicy }> {
  const found: Violations = [];
  const target = readTarget(request, rules.phones, found);
  const purpose = readPurpose(request.purpose, rules.purposes, found);
  return validated(target && purpose && { target, purpose }, found);
}

export function validateCancelVerification(
  request: { readonly verificationId: string; readonly purpose: string },
  rules: RequestRules,
): Validated<{ readonly verificationId: string; readonly purpose: PurposePolicy }> {
  const found: Violations = [];
  const verificationId = readVerificationId(request.verificationId, found);
  const purpose = readPurpose(request.purpose, rules.purposes, found);
  return validated(verificationId !== null && purpose ? { verificationId, purpose } : null, found);
}

interface TargetFields extends PhoneFields {
  readonly verificationId: string;
}

/** Both at once is refused: with only one of them checked, a caller could take the other for verified. */
function readTarget(fields: TargetFields, policy: PhonePolicy, found: Violations): Target | null {
  if ((fields.verificationId === '') === (fields.phone === '')) {
    found.push({ field: 'verification_id', rule: 'one_of_required', expected: 'verification_id, phone' });
    validateRegion(fields.region, found);
    return null;
  }
  if (fields.phone !== '') {
    const phone = readPhone(fields, policy, found);
    return phone && { kind: 'phone', phone };
  }
  const verificationId = readVerificationId(fields.verificationId, found);
  validateRegion(fields.region, found);
  return verificationId === null ? null : { kind: 'id', verificationId };
}

/** `value` is null only if there is a violation. */
function validated<T>(value: T | null, found: Violations): Validated<T> {
  return value !== null && found.length === 0 ? { ok: true, value } : { ok: false, violations: found };
}
