/**
 * What phones make out of the text of an SMS: links, mail addresses, numbers to call, codes to fill in. Detectors differ
 * from phone to phone, so the rules take more than any one of them: who is refused can word it differently, but a link
 * under the operator's name cannot be called back. All functions are linear for the short texts that variables are.
 */
import tlds from 'tlds' with { type: 'json' };

/** Every top-level domain that IANA lists, those of other scripts as they are written. */
const TOP_LEVEL: ReadonlySet<string> = new Set(tlds);

/** Zero-width characters, variation selectors, keycaps, blanks: whoever looks for links skips them. */
const UNSEEN = /\p{Default_Ignorable_Code_Point}|\u20e3|\u2800/gu;

/** Schemes that phones open without `//`: those that Android and iOS list for their own apps, and those of chats. */
const SCHEMES =
  'tel|callto|sms|smsto|mms|mmsto|mailto|sips?|facetime(?:-audio)?|geo|maps|market|intent|whatsapp|tg|skype|xmpp|im|' +
  'webcal|itms(?:-apps)?|wtai|magnet|bitcoin|javascript|data';
const ADDRESS = new RegExp(
  String.raw`\/\/|www\.|[^\s@]@[^\s@]|(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)|(?<![\p{L}\p{N}])(?:${SCHEMES}):(?=\S)`,
  'iu',
);

/** What follows a dot inside of a word; browsers take the ideographic full stop for a dot. */
const BEHIND_DOT = /(?<=[^\s.])[.\u3002](xn--|[\p{L}\p{M}\p{N}]+)/giu;

/** A web or mail address, or what opens an app: `bit.ly`, `a@b`, `tel:…`, an IPv4 address. */
export function hasLink(value: string): boolean {
  const text = readable(value);
  return ADDRESS.test(text) || [...text.matchAll(BEHIND_DOT)].some(([, label = '']) => isTopLevel(label));
}

/** Also where another script follows without a space: phones see a link in `evil.com您好`. */
function isTopLevel(label: string): boolean {
  const name = label.toLowerCase();
  const ascii = /^[a-z0-9]+/.exec(name)?.[0] ?? '';
  return name === 'xn--' || TOP_LEVEL.has(name) || TOP_LEVEL.has(ascii);
}

/** Numbers from this length on are offered to call. */
const CALLABLE_DIGITS = 7;

/** What stands between the digits of one number. Commas and colons end it. */
const GAP = String.raw`[\p{Zs}\p{Pd}\u2212.\u3002/()\[\]]{0,3}`;
const NUMBER = new RegExp(String.raw`\p{Nd}(?:${GAP}\p{Nd})*`, 'gu');
const BEGIN = String.raw`(?<![\p{Nd}+]${GAP})`;
const END = String.raw`(?!${GAP}\p{Nd})`;

/** ISO 4217, signs, and what people write for those that have none. */
const CURRENCY =
  String.raw`(?<!\p{L})(?:\p{Sc}|(?:${Intl.supportedValuesOf('currency').join('|')}|` +
  String.raw`kr|zł|Kč|Ft|Rp|RM|Rs|lei|din|лв|руб|тг|元|円|원|ریال)(?!\p{L}))`;
/** Below ten million, so that it is not as long as a phone number that one would dial; thousands may stand apart. */
const WHOLE = String.raw`(?:\d{1,6}|(?:\d[ .'’])?\d{1,3}[ .'’]\d{3})(?!\d)`;
const AMOUNT = String.raw`${WHOLE}(?:[.,]\d{1,2})?`;

const DAY = String.raw`(?:0?[1-9]|[12]\d|3[01])`;
const YEAR = String.raw`(?:19|20)\d\d`;
/** `2026-11-21`, `21.11.2026`, `11/21/26`. A time may follow. */
const DATE = String.raw`(?:${YEAR}([-./])${DAY}\1${DAY}|${DAY}([-./])${DAY}\2${YEAR}|${DAY}([./])${DAY}\3\d\d)(?!\d)`;
const NO_TIME = String.raw`(?!${GAP}\p{Nd}(?!\d?:\d\d))`;

/** Numbers that say what they are. */
const PLAIN = new RegExp(
  [
    `${BEGIN}${DATE}${NO_TIME}`,
    `${BEGIN}${CURRENCY} ?${AMOUNT}${END}`,
    `${BEGIN}${AMOUNT} ?${CURRENCY}`,
    String.raw`${BEGIN}${WHOLE}[.,]\d\d${END}`,
  ].join('|'),
  'gu',
);

/**
 * A number that phones offer to call, or that could be taken for a code of `codeDigits` digits, in whatever script and
 * however spaced. Dates and amounts of money are neither.
 */
export function hasNumber(value: string, codeDigits: number): boolean {
  return [...readable(value).replace(PLAIN, '¤').matchAll(NUMBER)].some(([number]) => {
    const digits = number.match(/\p{Nd}/gu)?.length ?? 0;
    return digits >= CALLABLE_DIGITS || digits === codeDigits;
  });
}

function readable(value: string): string {
  return value.normalize('NFKC').replace(UNSEEN, '');
}
