import { describe, expect, it } from 'vitest';
import { BUNDLED_LOCALES, type MessageParts, missingVariables, renderMessage } from '../../src/domain/message.ts';
import { type MessagePolicy, PLAIN_MESSAGE } from '../../src/domain/policy.ts';
import { segmentsOf } from '../../src/domain/segments.ts';
import { LONGER_TEXTS } from './longer-texts.ts';

const parts: MessageParts = {
  code: '048213',
  minutes: 5,
  brand: 'Countersign',
  locale: 'en',
  purpose: 'login',
  policy: PLAIN_MESSAGE,
  variables: {},
};
const PURPOSES = ['register', 'login', 'reset_password', 'transfer_money'];
const EVERY_TEXT = BUNDLED_LOCALES.flatMap((locale) => PURPOSES.map((purpose) => ({ locale, purpose })));

function own(texts: Record<string, string>): MessagePolicy {
  return { ...PLAIN_MESSAGE, texts: new Map(Object.entries(texts)) };
}

describe('the bundled texts', () => {
  it.each([
    ['register', '048213 is your sign-up code.'],
    ['login', '048213 is your login code.'],
    ['reset_password', '048213 is your password reset code.'],
    ['transfer_money', '048213 is your verification code.'],
    ['constructor', '048213 is your verification code.'],
    ['other', '048213 is your verification code.'],
  ])('say what the code is for: %s', (purpose, text) => {
    expect(renderMessage({ ...parts, purpose })).toContain(text);
  });

  it('name the brand, the code, how long it lives, and say not to share it', () => {
    expect(renderMessage(parts)).toBe(
      'Countersign: 048213 is your login code. It expires in 5 minutes. Do not share it with anyone.',
    );
  });

  it.each([
    ['ar', 'رمز الدخول إلى Countersign هو 048213. صالح 5 دقائق. لا تشاركه.'],
    ['de', 'Countersign: 048213 ist Ihr Anmeldecode. Er ist 5 Minuten gültig. Geben Sie ihn an niemanden weiter.'],
    ['es', 'Countersign: 048213 es tu PIN temporal para entrar. Caduca en 5 minutos. No lo compartas con nadie.'],
    ['fr', 'Countersign : 048213 est votre code de connexion. Il expire dans 5 minutes. Ne le communiquez à personne.'],
    ['hi', 'Countersign: 048213 लॉगिन कोड है। 5 मिनट तक वैध। साझा न करें।'],
    ['id', 'Countersign: 048213 adalah kode masuk Anda. Berlaku 5 menit. Jangan berikan kepada siapa pun.'],
    ['it', 'Countersign: 048213 è il tuo codice di accesso. Scade tra 5 minuti. Non condividerlo con nessuno.'],
    ['ja', '【Countersign】ログイン用認証コードは 048213 です。5分間有効です。誰にも教えないでください。'],
    ['ko', '[Countersign] 로그인 인증번호: 048213. 5분간 유효합니다. 누구에게도 알려주지 마세요.'],
    ['pt', 'Countersign: use o PIN 048213 para entrar. Ele vale por 5 minutos. Nunca o revele a ninguém.'],
    ['pt-PT', 'Countersign: utilize o PIN 048213 para entrar. Expira dentro de 5 minutos. Nunca o revele a ninguém.'],
    ['th', 'Countersign: รหัสเข้าสู่ระบบคือ 048213 ใช้ได้ 5 นาที ห้ามบอกใคร'],
    ['tr', 'Countersign: giriş kodu: 048213. 5 dk geçerli. Paylaşmayın.'],
    ['vi', 'Countersign: mã đăng nhập 048213. Hiệu lực 5 phút. Không chia sẻ.'],
    ['zh', '【Countersign】您的登录验证码是 048213，5 分钟内有效。请勿告诉任何人。'],
    ['zh-Hant', '【Countersign】您的登入驗證碼是 048213，5 分鐘內有效。請勿告訴任何人。'],
  ])('speak %s', (locale, text) => {
    expect(renderMessage({ ...parts, locale })).toBe(text);
  });

  it.each<[bundled: string, locales: string[]]>([
    ['en', ['', 'en-GB', 'en_US', 'EN', 'ru', 'tlh', 'no locale at all', '*', '__proto__']],
    ['zh', ['zh-CN', 'zh_CN', 'zh-Hans', 'zh-Hans-CN', 'zh_Hans_CN', 'zh-SG', 'zh-MY', 'zh-x-private']],
    ['zh-Hant', ['zh-TW', 'zh-HK', 'zh-MO', 'zh_TW', 'zh-Hant-HK', 'zh-hant-tw', 'ZH-HANT']],
    ['pt', ['pt-BR', 'pt_BR', 'pt-AO']],
    ['pt-PT', ['pt_PT', 'pt-pt']],
    ['es', ['es-419', 'es-MX']],
    ['id', ['id-ID', 'in', 'in_ID']],
    ['ar', ['ar-EG', 'ar-SA-u-nu-arab']],
  ])('of %s serve its regions, scripts and spellings', (bundled, locales) => {
    const text = renderMessage({ ...parts, locale: bundled });
    expect(locales.map((locale) => renderMessage({ ...parts, locale }))).toEqual(locales.map(() => text));
  });

  it.each([
    ['ar', 'صالح دقيقة واحدة.', 'صالح دقيقتين.', 'صالح 3 دقائق.', 'صالح 10 دقائق.'],
    ['de', 'ist 1 Minute gültig', 'ist 2 Minuten gültig', 'ist 3 Minuten gültig', 'ist 10 Minuten gültig'],
    ['en', 'in 1 minute.', 'in 2 minutes.', 'in 3 minutes.', 'in 10 minutes.'],
    ['es', 'en 1 minuto.', 'en 2 minutos.', 'en 3 minutos.', 'en 10 minutos.'],
    ['fr', 'dans 1 minute.', 'dans 2 minutes.', 'dans 3 minutes.', 'dans 10 minutes.'],
    ['hi', '1 मिनट तक', '2 मिनट तक', '3 मिनट तक', '10 मिनट तक'],
    ['id', 'Berlaku 1 menit', 'Berlaku 2 menit', 'Berlaku 3 menit', 'Berlaku 10 menit'],
    ['it', 'tra 1 minuto.', 'tra 2 minuti.', 'tra 3 minuti.', 'tra 10 minuti.'],
    ['ja', '1分間', '2分間', '3分間', '10分間'],
    ['ko', '1분간', '2분간', '3분간', '10분간'],
    ['pt', 'por 1 minuto.', 'por 2 minutos.', 'por 3 minutos.', 'por 10 minutos.'],
    ['pt-pt', 'de 1 minuto.', 'de 2 minutos.', 'de 3 minutos.', 'de 10 minutos.'],
    ['th', '1 นาที', '2 นาที', '3 นาที', '10 นาที'],
    ['tr', '1 dk', '2 dk', '3 dk', '10 dk'],
    ['vi', '1 phút', '2 phút', '3 phút', '10 phút'],
    ['zh', '1 分钟内', '2 分钟内', '3 分钟内', '10 分钟内'],
    ['zh-hant', '1 分鐘內', '2 分鐘內', '3 分鐘內', '10 分鐘內'],
  ])('count minutes as %s does', (locale, ...phrases) => {
    const texts = [1, 2, 3, 10].map((minutes) => renderMessage({ ...parts, locale, minutes }));
    expect(texts.map((text, index) => text.includes(phrases[index] ?? 'none'))).toEqual([true, true, true, true]);
  });

  it.each(BUNDLED_LOCALES)('change with the count only where the plural rules of %s do', (locale) => {
    const plural = new Intl.PluralRules(locale);
    const forms = new Map<string, Set<string>>();
    for (let minutes = 1; minutes <= 10; minutes++) {
      const text = renderMessage({ ...parts, locale, minutes }).replace(/(?<!\d)\d{1,2}(?!\d)/, '#');
      const category = plural.select(minutes);
      forms.set(category, (forms.get(category) ?? new Set()).add(text));
    }
    expect([...forms.values()].map((texts) => texts.size)).toEqual([...forms].map(() => 1));
  });

  it.each(EVERY_TEXT)('let the code be found and selected: $locale, $purpose', ({ locale, purpose }) => {
    const text = renderMessage({ ...parts, locale, purpose, minutes: 10 });
    expect(text.match(/[\p{L}\p{M}\p{N}]+/gu)?.filter((word) => /\d/.test(word))).toEqual(
      expect.arrayContaining(['048213']),
    );
    expect(text.split('048213')).toHaveLength(2);
    expect(text).toContain('Countersign');
    // Nothing that a phone turns into a link, or shows as a box; letters as phones compose them; digits as they are typed.
    expect(text).not.toMatch(/:\/\/|www|\.\p{L}|[\p{C}\p{Zl}\p{Zp}]|(?![0-9])\p{Nd}/u);
    expect(text).toBe(text.normalize('NFC'));
  });

  it.each(EVERY_TEXT)('carry a brand of any characters as it is: $locale, $purpose', ({ locale, purpose }) => {
    expect(renderMessage({ ...parts, locale, purpose, brand: 'A$&$1{code}' })).toContain('A$&$1{code}');
  });

  it.each(EVERY_TEXT.filter(({ locale }) => locale !== 'ar'))('open with the brand: $locale, $purpose', (text) => {
    expect(renderMessage({ ...parts, ...text })).toMatch(/^(?:Countersign ?:|【Countersign】|\[Countersign\]) ?\S/);
  });

  it.each([
    ['tr', 'Countersign: şifre sıfırlama kodu: 048213. 5 dk geçerli. Paylaşmayın.', /yeni şifre/],
    ['es', 'Countersign: 048213 es tu PIN temporal para cambiar tu contraseña.', /clave/],
    ['pt-PT', 'Countersign: utilize o PIN 048213 para alterar a sua palavra-passe.', /senha/],
  ])('do not call the code a new password, in %s', (locale, begin, misleading) => {
    const text = renderMessage({ ...parts, locale, purpose: 'reset_password' });
    expect(text.slice(0, begin.length)).toBe(begin);
    expect(text).not.toMatch(misleading);
  });

  it.each(PURPOSES)('in Arabic run from right to left, with a word between brand and code: %s', (purpose) => {
    const text = renderMessage({ ...parts, locale: 'ar', purpose });
    expect(text.match(/\p{L}/u)?.[0]).toMatch(/\p{Script=Arabic}/u);
    expect(text).toMatch(/\p{Script=Arabic} Countersign \p{Script=Arabic}+ 048213\. \p{Script=Arabic}/u);
  });
});

describe('what the bundled texts cost', () => {
  it.each(['register', 'login', 'reset_password', 'other'])(
    'one segment in English, whatever the brand: %s',
    (purpose) => {
      const longest = { ...parts, code: '12345678', minutes: 10, brand: 'B'.repeat(32), purpose };
      expect(segmentsOf(renderMessage(longest))).toMatchObject({ encoding: 'gsm7', segments: 1 });
    },
  );

  it('GSM-7 where its alphabet spells the language', () => {
    const gsm7 = ['de', 'en', 'es', 'fr', 'id', 'it', 'pt', 'pt-pt'];
    for (const { locale, purpose } of EVERY_TEXT) {
      const { encoding } = segmentsOf(renderMessage({ ...parts, locale, purpose }));
      expect([locale, purpose, encoding]).toEqual([locale, purpose, gsm7.includes(locale) ? 'gsm7' : 'ucs2']);
    }
  });

  it.each(LONGER_TEXTS)('one segment, but for the listed: $ending', ({ ending, locales, reason }) => {
    const policy = { ...PLAIN_MESSAGE, ...ending };
    const long = EVERY_TEXT.filter(({ locale, purpose }) => {
      const text = renderMessage({ ...parts, locale, purpose, minutes: 10, policy });
      return segmentsOf(text).segments > 1;
    });
    expect([...new Set(long.map(({ locale }) => locale))], reason).toEqual(locales);
  });

  it('every ending is looked at', () => {
    expect(LONGER_TEXTS.map(({ ending }) => Object.keys(ending))).toEqual([
      [],
      ['androidAppHash'],
      ['webOtpDomain'],
      ['androidAppHash', 'webOtpDomain'],
    ]);
  });
});

describe('an operator’s texts', () => {
  it('are filled with code, minutes, brand and the variables of the request', () => {
    const policy = own({ en: 'Hi {first_name}, {code} signs you in to {brand}. {minutes} min. {code}' });
    expect(renderMessage({ ...parts, policy, variables: { first_name: 'Ada' } })).toBe(
      'Hi Ada, 048213 signs you in to Countersign. 5 min. 048213',
    );
  });

  it.each<[locale: string, text: string]>([
    ['zh-CN', 'simplified'],
    ['zh-Hans-CN', 'simplified'],
    ['zh-HK', 'traditional'],
    ['zh-Hant-MO', 'traditional'],
    ['en-GB', 'English'],
    ['', 'English'],
    ['pt-BR', 'Brazilian'],
  ])('serve %j before the bundled ones', (locale, text) => {
    const texts = { 'zh-cn': 'simplified', 'zh-hant': 'traditional', en: 'English', 'pt-br': 'Brazilian' };
    expect(renderMessage({ ...parts, locale, policy: own(texts) })).toBe(text);
  });

  it('leave a language without one to the bundled text', () => {
    const policy = own({ en: 'English', 'pt-br': 'Brazilian' });
    for (const locale of ['de', 'pt-AO', 'zh-TW']) {
      expect(renderMessage({ ...parts, locale, policy })).toBe(renderMessage({ ...parts, locale }));
    }
  });

  it('in English serve what nobody worded; without them the bundled English does', () => {
    expect(renderMessage({ ...parts, locale: 'ru', policy: own({ en: 'English' }) })).toBe('English');
    expect(renderMessage({ ...parts, locale: 'ru', policy: own({ de: 'Deutsch' }) })).toBe(renderMessage(parts));
  });

  it('under * serve every language without one of its own', () => {
    const policy = own({ '*': 'any', de: 'Deutsch' });
    const texts = ['de-AT', 'zh-TW', 'ru', 'en', '', '*'].map((locale) => renderMessage({ ...parts, locale, policy }));
    expect(texts).toEqual(['Deutsch', 'any', 'any', 'any', 'any', 'any']);
  });

  it('take values as they are: no value is filled in again, none replaces what is ours', () => {
    const policy = own({ en: '{code} {name} {brand} {other}' });
    const variables = { name: '{code}$&', code: '111111', brand: 'Mallory', other: '$1' };
    expect(renderMessage({ ...parts, policy, variables })).toBe('048213 {code}$& Countersign $1');
  });
});

describe('variables that a text asks for', () => {
  const policy = own({
    en: '{code} {first_name} {city} {first_name} {brand} {minutes}',
    de: '{code}',
    '*': '{code} {x}',
  });

  it.each<[locale: string, variables: Record<string, string>, missing: string[]]>([
    ['en', {}, ['first_name', 'city']],
    ['en', { first_name: 'Ada' }, ['city']],
    ['en', { first_name: 'Ada', city: '', more: 'x' }, []],
    ['de-CH', {}, []],
    ['fr', {}, ['x']],
    ['', { first_name: 'Ada', city: 'London' }, []],
  ])('are missed when the request does not give them: %s %j', (locale, variables, missing) => {
    expect(missingVariables(policy, locale, variables)).toEqual(missing);
  });

  it('are never inherited', () => {
    const odd = own({ en: '{code}{constructor}' });
    expect(missingVariables(odd, 'en', {})).toEqual(['constructor']);
    expect(renderMessage({ ...parts, policy: odd })).toBe('048213');
  });

  it('are those of providers’ templates too, in every language and without a text, each once', () => {
    const strict = { ...policy, requiredVariables: ['order', 'city'] };
    expect(missingVariables(strict, 'en', {})).toEqual(['first_name', 'city', 'order']);
    expect(missingVariables(strict, 'de', { order: '' })).toEqual(['city']);
    expect(missingVariables({ ...PLAIN_MESSAGE, requiredVariables: ['order'] }, 'en', {})).toEqual(['order']);
  });

  it('are none in bundled texts', () => {
    for (const locale of BUNDLED_LOCALES) expect(missingVariables(PLAIN_MESSAGE, locale, {})).toEqual([]);
  });
});
