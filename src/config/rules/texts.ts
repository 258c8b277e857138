/** Rules about what messages say, what they cost, and what they ask requests for. */
import {
  ANY_LOCALE,
  BUILT_IN,
  BUNDLED_LOCALES,
  missingVariables,
  ownText,
  placeholdersOf,
  renderMessage,
} from '../../domain/message.ts';
import { segmentsOf } from '../../domain/segments.ts';
import { isVariableName, MAX_VARIABLES } from '../../domain/variables.ts';
import { VENDORS } from '../../sms/vendors.ts';
import { messagePolicy, requiredVariables } from '../policies.ts';
import { isLanguageTag } from '../values.ts';
import { routesIn } from './routes.ts';
import { mistakeAt, type Rule } from './rule.ts';

export const TEXT_RULES: readonly Rule[] = [
  function textsCanBeSent(context) {
    const { purposes, codes, sms } = context.settings;
    if (purposes === undefined || sms === undefined) return {};
    const found = checkTexts({
      brand: sms.brand,
      purposes: Object.entries(purposes).map(([name, purpose]) => ({
        name,
        digits: purpose.digits ?? codes?.digits ?? 6,
        minutes: Math.floor((purpose.expirySeconds ?? (codes?.expiryMinutes ?? 5) * 60) / 60),
        message: purpose,
      })),
    });
    return {
      mistakes: found.mistakes.map(({ path, problem }) => mistakeAt(context, path, problem)),
      warnings: [...found.warnings],
    };
  },

  function requestsCanFillTemplates(context) {
    const { purposes = {} } = context.settings;
    const routes = routesIn(context);
    const mistakes = VENDORS.flatMap((vendor) => {
      const section = context.settings[vendor.name];
      if (section === undefined) return [];
      const excessive = Object.entries(purposes).filter(([name, purpose]) => {
        const required = vendor.variables(section, routes, name);
        const policy = messagePolicy(purpose, requiredVariables(context.settings, routes, name));
        // Any language without a text of its own, for the text of `*`.
        const locales = ['und', ...Object.keys(purpose.texts)];
        return required.length > 0 && locales.some((each) => missingVariables(policy, each, {}).length > MAX_VARIABLES);
      });
      const what = `the ${MAX_VARIABLES} variables a request can have, with those of ${vendor.title}’s templates`;
      return excessive.map(([name]) => mistakeAt(context, ['purposes', name], `asks for more than ${what}`));
    });
    return { mistakes };
  },
];

export interface PurposeTexts {
  readonly name: string;
  readonly digits: number;
  readonly minutes: number;
  /** As the operator wrote it. */
  readonly message: Parameters<typeof messagePolicy>[0];
}

export interface TextFindings {
  readonly mistakes: readonly { readonly path: readonly string[]; readonly problem: string }[];
  /** One line for each purpose with a text of more than one segment. */
  readonly warnings: readonly string[];
}

/** The most segments that vendors take as one message. */
const MAX_SEGMENTS = 10;

/** Variables count as empty, so that a text that is reported as too long is too long with any values. */
export function checkTexts(input: { brand: string; purposes: readonly PurposeTexts[] }): TextFindings {
  const found = input.purposes.map((purpose) => checkPurpose(input.brand, purpose));
  return {
    mistakes: found.flatMap(({ mistakes }) => mistakes),
    warnings: found.flatMap(({ warnings }) => warnings),
  };
}

function checkPurpose(brand: string, purpose: PurposeTexts): TextFindings {
  const { name, message } = purpose;
  const { webOtpDomain, androidAppHash, texts } = message;
  const own = Object.entries(texts).map(([locale, text]) => ({ locale, text, size: sizeOf(brand, purpose, { text }) }));
  const policy = messagePolicy(message, []);
  const bundled = BUNDLED_LOCALES.filter((locale) => ownText(policy, locale) === undefined);
  const sizes = [...own, ...bundled.map((locale) => ({ locale, size: sizeOf(brand, purpose, { locale }) }))];

  const problems: [path: string[], problem: string | undefined][] = [
    [['webOtpDomain'], webOtpDomain === undefined || isHost(webOtpDomain) ? undefined : HOST_RULE],
    [['androidAppHash'], androidAppHash === undefined || APP_HASH.test(androidAppHash) ? undefined : APP_HASH_RULE],
    ...own.map(({ locale, text, size }): [string[], string | undefined] => [
      ['texts', locale],
      localeProblem(locale, Object.keys(texts)) ?? textProblem(text) ?? sizeProblem(size),
    ]),
  ];
  return {
    mistakes: problems.flatMap(([path, problem]) =>
      problem === undefined ? [] : [{ path: ['purposes', name, ...path], problem }],
    ),
    warnings: longTexts(purpose, sizes),
  };
}

/** The segments of the operator's text, or of the bundled text of a locale, with the lines that follow it. */
function sizeOf(
  brand: string,
  { name, digits, minutes, message }: PurposeTexts,
  { locale = ANY_LOCALE, text }: { locale?: string; text?: string },
): number {
  const texts = text === undefined ? {} : { [ANY_LOCALE]: text };
  const policy = messagePolicy({ ...message, texts }, []);
  const code = '0'.repeat(digits);
  return segmentsOf(renderMessage({ code, minutes, brand, locale, purpose: name, policy, variables: {} })).segments;
}

function longTexts(
  { name, message }: PurposeTexts,
  sizes: readonly { readonly locale: string; readonly size: number }[],
): string[] {
  const long = sizes.filter(({ size }) => size > 1).map(({ locale, size }) => `${locale} (${size})`);
  if (long.length === 0) return [];
  // 140 bytes are one segment in both encodings.
  const unread =
    message.androidAppHash === undefined ? '' : '; Android’s SMS Retriever takes at most 140 bytes, which is one';
  return [`purposes.${name}: the SMS takes more than one segment in ${long.sort().join(', ')}${unread}`];
}

function localeProblem(locale: string, all: readonly string[]): string | undefined {
  if (locale === ANY_LOCALE) return undefined;
  if (!isLanguageTag(locale)) return 'is no language tag (BCP 47), such as `en`, `pt-BR` or `zh-Hant`, nor `*`';
  const twins = all.filter((other) => other.toLowerCase() === locale.toLowerCase());
  return twins.length > 1 ? 'is the same language as another text' : undefined;
}

function textProblem(text: string): string | undefined {
  const names = placeholdersOf(text);
  const variables = names.filter((name) => !BUILT_IN.has(name));
  if (!names.includes('code')) return 'does not contain `{code}`';
  if (!variables.every(isVariableName)) return PLACEHOLDER_RULE;
  if (/[{}]/.test(text.replaceAll(/\{[^{}]*\}/g, ''))) return 'has a brace that is not part of a placeholder';
  if (variables.length > MAX_VARIABLES) return `asks for more than the ${MAX_VARIABLES} variables a request can have`;
  if (HIDDEN.test(text)) return 'contains control characters';
  return text.trim() === text ? undefined : 'starts or ends with white space';
}

function sizeProblem(segments: number): string | undefined {
  return segments > MAX_SEGMENTS ? `takes ${segments} segments; at most ${MAX_SEGMENTS} are allowed` : undefined;
}

const PLACEHOLDER_RULE =
  'has a placeholder that is none of `{code}`, `{minutes}`, `{brand}` and lower_snake_case variables';

/** Control characters. Line feeds are allowed, and so are joiners and marks of writing direction. */
const HIDDEN = /(?!\n)[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

const APP_HASH = /^[A-Za-z0-9+/]{11}$/;
const APP_HASH_RULE = 'must be 11 characters of A-Z, a-z, 0-9, + and /';

const HOST_RULE = 'must be a host name without scheme, port or path, international ones in their xn-- spelling';
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** Whether a browser can have it as the host of a page that WebOTP binds to: a name or `localhost`, not an IP address. */
function isHost(host: string): boolean {
  const labels = host.split('.');
  if (host.length > 253 || !labels.every((label) => LABEL.test(label))) return false;
  return labels.length === 1 ? host === 'localhost' : /^[a-z]/i.test(labels.at(-1) ?? '');
}
