/** The values a caller may put into a message: short, visible text in which no phone finds something to open. */
import { hasLink, hasNumber } from './clickable.ts';
import type { FieldRule, FieldViolation } from './refusal.ts';

/** Of one request. */
export const MAX_VARIABLES = 8;
/** Of a name, and of a value. */
export const MAX_CHARACTERS = 32;

/** lower_snake_case. */
export const VARIABLE_NAME = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;

/**
 * Control and format characters, line breaks, lone surrogates, letters and symbols without ink; but ZWNJ and ZWJ, which
 * some scripts and emoji need.
 */
const HIDDEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0\u2800]/u;

/**
 * `codeDigits`: those of the code that goes out with them. A broken rule is named under `variables[name]`: a well-formed
 * name is one that the caller's program chose. Values are never repeated.
 */
export function validateVariables(
  variables: Readonly<Record<string, string>>,
  { codeDigits, found }: { readonly codeDigits: number; readonly found: FieldViolation[] },
): void {
  const entries = Object.entries(variables);
  if (entries.length > MAX_VARIABLES) {
    found.push({ field: 'variables', rule: 'too_many', expected: `${MAX_VARIABLES}` });
    return;
  }
  if (entries.some(([name]) => !isVariableName(name))) found.push({ field: 'variables', rule: 'malformed_name' });
  for (const [name, value] of entries) {
    const rule = brokenRule(value, codeDigits);
    if (rule === null) continue;
    const field = isVariableName(name) ? `variables[${name}]` : 'variables';
    found.push({ field, rule, ...(rule === 'too_long' && { expected: `${MAX_CHARACTERS}` }) });
  }
}

/** The first of them: a text that is too long is not looked at. */
function brokenRule(value: string, codeDigits: number): FieldRule | null {
  if (value.length > 2 * MAX_CHARACTERS || [...value].length > MAX_CHARACTERS) return 'too_long';
  if (HIDDEN.test(value)) return 'not_printable';
  if (hasLink(value)) return 'contains_link';
  return hasNumber(value, codeDigits) ? 'contains_number' : null;
}

export function isVariableName(name: string): boolean {
  return name.length <= MAX_CHARACTERS && VARIABLE_NAME.test(name);
}
