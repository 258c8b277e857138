/** The values a caller may put into a message: short, visible text that no phone turns into a link. */
import type { FieldRule, FieldViolation } from './refusal.ts';

/** Of one request. */
export const MAX_VARIABLES = 8;
/** Of a name, and of a value. */
export const MAX_CHARACTERS = 32;

/** lower_snake_case. */
export const VARIABLE_NAME = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;

/** Control and format characters, line breaks, lone surrogates; but ZWNJ and ZWJ, which some scripts and emoji need. */
const HIDDEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * After NFKC, joiners aside: a scheme, `www.`, a dotted name (`bit.ly`, also with the ideographic full stop that
 * browsers accept) or a dotted IPv4 address. It also refuses some harmless text ("Dr.No"): better than a link in a
 * message that carries the operator's name.
 */
const LINK = /:\/\/|www\.|[\p{L}\p{N}]\.\p{L}{2}|[a-z0-9]\u3002[a-z]{2}|[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]/iu;

/** Every broken rule once, all under `variables`: neither names nor values are repeated. */
export function validateVariables(variables: Readonly<Record<string, string>>, found: FieldViolation[]): void {
  const entries = Object.entries(variables);
  const refuse = (rule: FieldRule, expected?: number): void => {
    found.push({ field: 'variables', rule, ...(expected !== undefined && { expected: `${expected}` }) });
  };
  if (entries.length > MAX_VARIABLES) refuse('too_many', MAX_VARIABLES);
  if (entries.some(([name]) => !isVariableName(name))) refuse('malformed_name');
  if (entries.some(([, value]) => [...value].length > MAX_CHARACTERS)) refuse('too_long', MAX_CHARACTERS);
  if (entries.some(([, value]) => HIDDEN.test(value))) refuse('not_printable');
  if (entries.some(([, value]) => LINK.test(value.replace(/[\u200c\u200d]/g, '').normalize('NFKC'))))
    refuse('contains_link');
}

export function isVariableName(name: string): boolean {
  return name.length <= MAX_CHARACTERS && VARIABLE_NAME.test(name);
}
