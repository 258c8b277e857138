/** A message as fields of SendSms: its template, what fills it, and as whom it is sent. */
import type { Failure, Message } from '../provider.ts';
import { ownFailure } from './failures.ts';
import { areaOf, type TemplateSettings, templateIn, tiersOf } from './templates.ts';

export interface FillSettings extends TemplateSettings {
  /** The text of an approved signature, for mainland China. One for other countries comes from the route. */
  readonly signName?: string | undefined;
  readonly brand: string;
}

/** Fields of SendSms. */
export interface Filled {
  readonly TemplateId: string;
  readonly TemplateParamSet: readonly string[];
  readonly SignName?: string;
  readonly SenderId?: string;
}

/** What verification templates take, by the text of TemplateParameterFormatError. */
const DIGITS = /^\d{1,6}$/;

/** With a failure, nothing may be sent. */
export function fill(message: Message, settings: FillSettings): Filled | Failure {
  const { sender, purpose, locale } = message;
  const area = areaOf(message.to);
  const template = templateIn(tiersOf(settings, purpose, { sender, area }), locale);
  if (template === undefined) return ownFailure('no_template');
  const SignName = sender.signName ?? (area === 'mainland' ? settings.signName : undefined);
  if (area === 'mainland' && !SignName) return ownFailure('no_signature');
  const values: string[] = [];
  for (const name of template.parameters) {
    const value = parameterOf(name, message, settings.brand);
    if (value === undefined) return ownFailure('no_variable');
    if ((name === 'code' || name === 'minutes') && !DIGITS.test(value)) return ownFailure('not_digits');
    values.push(value);
  }
  return {
    TemplateId: template.id,
    TemplateParamSet: values,
    ...(SignName !== undefined && { SignName }),
    ...(area === 'international' && sender.senderId !== undefined && { SenderId: sender.senderId }),
  };
}

function parameterOf(name: string, { code, minutes, variables }: Message, brand: string): string | undefined {
  if (name === 'code') return code;
  if (name === 'minutes') return String(minutes);
  if (name === 'brand') return brand;
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}
