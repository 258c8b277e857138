import { describe, expect, it } from 'vitest';
import { renderMessage } from '../../src/domain/message.ts';

const parts = { code: '048213', minutes: 5, brand: 'Countersign', locale: 'en', purpose: 'login' };

/** 3GPP TS 23.038: characters that take one septet, of ASCII. */
const GSM_7 = /^[A-Za-z0-9 @$_!"#%&'()*+,\-./:;<=>?\n\r]*$/;

describe('the text of the SMS', () => {
  it.each([
    ['register', '048213 is your sign-up code.'],
    ['login', '048213 is your login code.'],
    ['reset_password', '048213 is your password reset code.'],
    ['transfer_money', '048213 is your verification code.'],
    ['constructor', '048213 is your verification code.'],
  ])('says what the code is for: %s', (purpose, text) => {
    expect(renderMessage({ ...parts, purpose })).toContain(text);
  });

  it('names the brand, the code, how long it lives, and says not to share it', () => {
    expect(renderMessage(parts)).toBe(
      'Countersign: 048213 is your login code. It expires in 5 minutes. Do not share it with anyone.',
    );
    expect(renderMessage({ ...parts, minutes: 1 })).toContain('in 1 minute.');
  });

  it.each(['zh', 'zh-CN', 'zh_Hans_CN', 'zh-TW'])('speaks Chinese to %s', (locale) => {
    expect(renderMessage({ ...parts, locale })).toBe(
      '【Countersign】您的登录验证码是 048213，5 分钟内有效。请勿告诉任何人。',
    );
    expect(renderMessage({ ...parts, locale, purpose: 'transfer_money' })).toContain('您的验证码是 048213');
  });

  it.each(['', 'en', 'en-GB', 'fr', 'no locale at all'])('speaks English to %j', (locale) => {
    expect(renderMessage({ ...parts, locale })).toBe(renderMessage(parts));
  });

  it.each(['register', 'login', 'reset_password', 'other'])('is one segment, with the longest brand: %s', (purpose) => {
    const longest = { code: '12345678', minutes: 10, brand: 'B'.repeat(32), purpose };
    const english = renderMessage({ ...longest, locale: 'en' });
    expect(english).toMatch(GSM_7);
    expect(english.length).toBeLessThanOrEqual(160);
    // Chinese text is UCS-2, 70 characters a segment.
    expect(renderMessage({ ...longest, brand: 'Countersign', locale: 'zh' }).length).toBeLessThanOrEqual(70);
  });

  it('carries a brand or code of regular-expression characters as it is', () => {
    expect(renderMessage({ ...parts, brand: 'A$&$1' })).toMatch(/^A\$&\$1: /);
  });
});
