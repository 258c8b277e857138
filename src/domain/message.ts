/**
 * The text of the SMS, for providers that take text. One row per language, one word per purpose; purposes without a
 * word of their own are just "verification". English is plain ASCII and fits one GSM-7 segment (160 characters).
 */
import { lookupLocale } from './locale.ts';

export interface MessageParts {
  readonly code: string;
  /** How long the code lives. */
  readonly minutes: number;
  /** Who is asking. */
  readonly brand: string;
  /** BCP 47. */
  readonly locale: string;
  readonly purpose: string;
}

interface Wording {
  /** What the code is for, by purpose. */
  readonly uses: ReadonlyMap<string, string>;
  readonly otherUse: string;
  text(parts: MessageParts, use: string): string;
}

const ENGLISH: Wording = {
  uses: new Map([
    ['register', 'sign-up'],
    ['login', 'login'],
    ['reset_password', 'password reset'],
  ]),
  otherUse: 'verification',
  text: ({ brand, code, minutes }, use) =>
    `${brand}: ${code} is your ${use} code. It expires in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}. ` +
    'Do not share it with anyone.',
};

const CHINESE: Wording = {
  uses: new Map([
    ['register', '注册'],
    ['login', '登录'],
    ['reset_password', '重置密码'],
  ]),
  otherUse: '',
  text: ({ brand, code, minutes }, use) =>
    `【${brand}】您的${use}验证码是 ${code}，${minutes} 分钟内有效。请勿告诉任何人。`,
};

/** By tag in lower case. `zh` is simplified Chinese. */
const WORDINGS: ReadonlyMap<string, Wording> = new Map([
  ['en', ENGLISH],
  ['zh', CHINESE],
]);

export function renderMessage(input: MessageParts): string {
  const wording = lookupLocale(input.locale, WORDINGS, ENGLISH);
  return wording.text(input, wording.uses.get(input.purpose) ?? wording.otherUse);
}
