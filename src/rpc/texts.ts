/** The texts of refusals, in English and Chinese. `{…}` is filled in from the refusal, never from the request. */
import { lookupLocale } from '../domain/locale.ts';
import type { FieldRule, FieldViolation, Reason, Refusal } from '../domain/refusal.ts';

export interface Texts {
  /** BCP 47, as LocalizedMessage names it. */
  readonly locale: string;
  readonly reasons: Readonly<Record<Reason, string>>;
  readonly rules: Readonly<Record<FieldRule, string>>;
}

export const ENGLISH: Texts = {
  locale: 'en',
  reasons: {
    INVALID_FIELDS: 'One or more fields are missing or malformed.',
    REQUEST_ID_REUSED: 'This request_id was already used with other content.',
    MALFORMED_REQUEST: 'The request could not be decoded.',
    SEND_UNDER_WAY: 'This code is being sent. Try again in {wait}.',
    CODE_LOST: 'This code is no longer valid. Request a new one.',
    COOLDOWN: 'A code was sent a moment ago. Try again in {wait}.',
    PHONE_LIMIT: 'This phone number has received too many codes. Try again in {wait}.',
    GUESS_BUDGET: 'Too many wrong codes were entered. Try again in {wait}.',
    NUMBER_TYPE_REFUSED: 'Codes cannot be sent to this type of phone number.',
    DESTINATION_REFUSED: 'Codes cannot be delivered to this phone number.',
    UNAUTHENTICATED: 'Valid credentials are required.',
    PURPOSE_NOT_ALLOWED: 'This caller may not use this purpose.',
    VERIFICATION_NOT_FOUND: 'There is no such verification.',
    STORE_UNAVAILABLE: 'The service is unavailable for a moment. Try again in {wait}.',
    DELIVERY_UNAVAILABLE: 'The code could not be sent. Try again in {wait}.',
    PROVIDER_LIMIT: 'The SMS network accepts no more codes for this phone number. Try again in {wait}.',
    OVERLOADED: 'The service is busy. Try again in {wait}.',
    DELIVERY_MISCONFIGURED: 'Something went wrong on our side.',
    DEADLINE: 'The request took too long.',
    CANCELED: 'The request was canceled.',
    INTERNAL: 'Something went wrong on our side.',
  },
  rules: {
    required: 'This field is required.',
    one_of_required: 'Exactly one of these fields is required: {expected}.',
    too_long: 'At most {expected} characters are allowed.',
    not_printable: 'Contains characters that are not allowed.',
    not_a_phone: 'This is not a phone number.',
    impossible_phone: 'No such phone number exists.',
    extension_not_allowed: 'Phone numbers with an extension are not accepted.',
    unknown_region: 'This is not an ISO 3166-1 region code.',
    unknown_purpose: 'This purpose is unknown. Known purposes: {expected}.',
    not_n_digits: 'Exactly {expected} digits are required.',
    malformed_id: 'This is not a verification id.',
    malformed_ip: 'This is not an IP address.',
    too_many: 'At most {expected} entries are allowed.',
    malformed_name: 'Names must be lower_snake_case.',
    contains_link: 'Links and addresses are not allowed.',
    contains_number: 'Phone numbers and numbers that look like a code are not allowed.',
    refused_number: 'This phone number cannot receive SMS.',
    missing_variables: 'These entries are required: {expected}.',
  },
};

const CHINESE: Texts = {
  locale: 'zh-CN',
  reasons: {
    INVALID_FIELDS: '一个或多个字段缺失或格式有误。',
    REQUEST_ID_REUSED: '该 request_id 已用于其他内容的请求。',
    MALFORMED_REQUEST: '无法解析该请求。',
    SEND_UNDER_WAY: '验证码正在发送，请在{wait}后重试。',
    CODE_LOST: '该验证码已失效，请重新获取。',
    COOLDOWN: '验证码刚刚发送过，请在{wait}后重试。',
    PHONE_LIMIT: '该手机号接收的验证码过多，请在{wait}后重试。',
    GUESS_BUDGET: '验证码错误次数过多，请在{wait}后重试。',
    NUMBER_TYPE_REFUSED: '不支持向该类型的号码发送验证码。',
    DESTINATION_REFUSED: '验证码无法送达该手机号。',
    UNAUTHENTICATED: '需要有效的身份凭证。',
    PURPOSE_NOT_ALLOWED: '当前调用方无权使用该用途。',
    VERIFICATION_NOT_FOUND: '未找到对应的验证记录。',
    STORE_UNAVAILABLE: '服务暂时不可用，请在{wait}后重试。',
    DELIVERY_UNAVAILABLE: '验证码发送失败，请在{wait}后重试。',
    PROVIDER_LIMIT: '短信网络暂不接受向该手机号发送更多验证码，请在{wait}后重试。',
    OVERLOADED: '服务繁忙，请在{wait}后重试。',
    DELIVERY_MISCONFIGURED: '服务内部错误。',
    DEADLINE: '请求处理超时。',
    CANCELED: '请求已取消。',
    INTERNAL: '服务内部错误。',
  },
  rules: {
    required: '该字段为必填项。',
    one_of_required: '以下字段必须且只能填写一个：{expected}。',
    too_long: '最多允许 {expected} 个字符。',
    not_printable: '包含不允许的字符。',
    not_a_phone: '这不是电话号码。',
    impossible_phone: '该电话号码不存在。',
    extension_not_allowed: '不支持带分机号的电话号码。',
    unknown_region: '这不是有效的 ISO 3166-1 地区代码。',
    unknown_purpose: '未知的用途。可用的用途：{expected}。',
    not_n_digits: '必须是 {expected} 位数字。',
    malformed_id: '这不是有效的验证 ID。',
    malformed_ip: '这不是有效的 IP 地址。',
    too_many: '最多允许 {expected} 项。',
    malformed_name: '名称必须使用小写字母、数字和下划线。',
    contains_link: '不允许包含链接或地址。',
    contains_number: '不允许包含电话号码或类似验证码的数字。',
    refused_number: '该手机号无法接收短信。',
    missing_variables: '缺少以下项：{expected}。',
  },
};

const TRANSLATIONS = new Map([['zh', CHINESE]]);

/** The texts for a BCP 47 tag; English when it has no translation. */
export function textsFor(locale: string): Texts {
  return lookupLocale(locale, TRANSLATIONS, ENGLISH);
}

/** The first language of an `Accept-Language` header, for refusals of requests whose `locale` was not read. */
export function firstLanguage(acceptLanguage: string | undefined): string {
  return /^[^,;]*/.exec(acceptLanguage ?? '')?.[0].trim() ?? '';
}

export function reasonText(texts: Texts, refusal: Refusal): string {
  const text = texts.reasons[refusal.reason];
  return 'retryAfterMs' in refusal ? text.replace('{wait}', formatWait(refusal.retryAfterMs, texts.locale)) : text;
}

export function ruleText(texts: Texts, { rule, expected }: FieldViolation): string {
  return texts.rules[rule].replace('{expected}', expected ?? '');
}

/** Rounded up, in the unit that people would use: `42 seconds`, `5 minutes`, `3 hours`. */
function formatWait(ms: number, locale: string): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  if (seconds < 120) return formatUnit(seconds, 'second', locale);
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? formatUnit(minutes, 'minute', locale) : formatUnit(Math.ceil(minutes / 60), 'hour', locale);
}

function formatUnit(count: number, unit: 'second' | 'minute' | 'hour', locale: string): string {
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(count);
}
