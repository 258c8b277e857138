/** Which approved template carries a message, and what fills it. Tencent sends nothing but templates. */
import { lookupLocale, readLocale } from '../../domain/locale.ts';
import type { Failure, Message } from '../provider.ts';
import { faulty } from './failures.ts';

export interface TemplateOptions {
  /** The text of an approved signature. Mainland China only: a signature of its own for abroad comes from the route. */
  readonly signName?: string | undefined;
  readonly templateId?: string | undefined;
  readonly internationalTemplateId?: string | undefined;
  /** `code`, `minutes`, `brand`, or the name of a variable of the request. */
  readonly templateParameters: readonly string[];
  readonly brand: string;
  readonly templates: readonly TemplateRow[];
}

export interface TemplateRow {
  /** Any when left out. */
  readonly purpose?: string | undefined;
  readonly locale?: string | undefined;
  /** Template ids by destination. */
  readonly mainland?: string | undefined;
  readonly international?: string | undefined;
  /** `templateParameters` when left out. */
  readonly parameters?: readonly string[] | undefined;
}

/** Fields of SendSms. */
export interface Filled {
  readonly TemplateId: string;
  readonly TemplateParamSet: readonly string[];
  readonly SignName?: string;
  readonly SenderId?: string;
}

type Destination = 'mainland' | 'international';
/** By locale in lower case, `''` for any. */
type ByLocale = ReadonlyMap<string, TemplateRow>;

/** A failure means that nothing may be sent. */
export function createTemplates(options: TemplateOptions): (message: Message) => Filled | Failure {
  const { signName, templates, templateParameters, brand } = options;
  const ids = { mainland: options.templateId, international: options.internationalTemplateId };
  const rows = { mainland: byPurpose(templates, 'mainland'), international: byPurpose(templates, 'international') };

  function chosen(
    { sender, purpose, locale }: Message,
    to: Destination,
  ): { id: string; parameters: readonly string[] } {
    const routed = to === 'mainland' ? sender.templateId : sender.internationalTemplateId;
    const row =
      routed === undefined
        ? (rowFor(rows[to].get(purpose), locale) ?? rowFor(rows[to].get(''), locale))
        : templates.find((each) => each[to] === routed);
    return { id: routed ?? row?.[to] ?? ids[to] ?? '', parameters: row?.parameters ?? templateParameters };
  }

  return (message) => {
    const { sender } = message;
    const to = message.to.startsWith('+86') ? 'mainland' : 'international';
    const { id, parameters } = chosen(message, to);
    if (id === '') return faulty('no_template', false);
    const signature = sender.signName ?? (to === 'mainland' ? (signName ?? '') : undefined);
    if (to === 'mainland' && signature === '') return faulty('no_signature', false);
    const values: string[] = [];
    for (const name of parameters) {
      const value = parameterOf(name, message, brand);
      if (value === undefined) return faulty('no_variable', false);
      if ((name === 'code' || name === 'minutes') && !DIGITS.test(value)) return faulty('not_digits', false);
      values.push(value);
    }
    return {
      TemplateId: id,
      TemplateParamSet: values,
      ...(signature !== undefined && { SignName: signature }),
      ...(to === 'international' && sender.senderId !== undefined && { SenderId: sender.senderId }),
    };
  };
}

/** What verification templates take, by the text of TemplateParameterFormatError. */
const DIGITS = /^\d{1,6}$/;

function parameterOf(name: string, { code, minutes, variables }: Message, brand: string): string | undefined {
  if (name === 'code') return code;
  if (name === 'minutes') return String(minutes);
  if (name === 'brand') return brand;
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}

function byPurpose(templates: readonly TemplateRow[], to: Destination): ReadonlyMap<string, ByLocale> {
  const purposes = new Map<string, Map<string, TemplateRow>>();
  for (const row of templates) {
    if (row[to] === undefined) continue;
    const { purpose = '', locale } = row;
    const locales = purposes.get(purpose) ?? new Map<string, TemplateRow>();
    purposes.set(purpose, locales);
    const tag = locale === undefined ? '' : readLocale(locale).toLowerCase();
    // Of two alike the first counts.
    if (!locales.has(tag)) locales.set(tag, row);
  }
  return purposes;
}

function rowFor(locales: ByLocale | undefined, locale: string): TemplateRow | undefined {
  return locales && lookupLocale(locale, locales, locales.get(''));
}
