/** Tencent's templates: what is wrong with them, and which variables requests must have for them. */
import { describe, expect, test } from 'vitest';
import { purposePolicies } from '../../../src/config/policies.ts';
import { missingVariables } from '../../../src/domain/message.ts';
import { BARE_TENCENT, load, mistakes, TENCENT, TWILIO } from '../../config/given.ts';

const PURPOSES = 'purposes: { login: {}, pay: {} }\n';
const inTencent = (setting: string) => `${PURPOSES}tencent: { ${setting} }`;
const rows = (...templates: string[]) => inTencent(`templates: [${templates.join(', ')}]`);

describe('a mistake is named with its place', () => {
  const NO_CODE = 'must contain `code`: the template would be sent without one';
  const LOCALE = 'must be a language tag (BCP 47), such as `en` or `zh-Hant`; leave it out for all languages';
  const TWIN = 'is for the purpose and language of another template';
  test.each<[what: string, yaml: string, expected: string[]]>([
    ['no code', inTencent('templateParameters: [minutes, brand]'), [`tencent.templateParameters: ${NO_CODE}`]],
    ['no parameter', inTencent('templateParameters: []'), [`tencent.templateParameters: ${NO_CODE}`]],
    ['no code in one', rows('{ mainland: "1", parameters: [shop] }'), [`tencent.templates[0].parameters: ${NO_CODE}`]],
    [
      'a name that no variable of a request can have',
      inTencent(`templateParameters: [code, ${'x'.repeat(33)}, Shop]`),
      [
        'tencent.templateParameters[1]: must be `code`, `minutes`, `brand` or the name of a variable',
        'tencent.templateParameters[2]: must be `code`, `minutes`, `brand` or the name of a variable',
      ],
    ],
    [
      'a purpose that there is not',
      rows('{ purpose: pay, mainland: "1" }', '{ purpose: register, mainland: "2" }'),
      ['tencent.templates[1].purpose: is not one of the purposes'],
    ],
    ...['e', 'en-', '*', 'zh_CN', 'in', '""'].map((locale): [string, string, string[]] => [
      `a language ${locale}`,
      rows(`{ locale: ${locale === '*' ? '"*"' : locale}, mainland: "1" }`),
      [`tencent.templates[0].locale: ${LOCALE}`],
    ]),
    [
      'two for a purpose and a language, however they are spelled',
      rows('{ purpose: pay, locale: zh-hant, mainland: "1" }', '{ purpose: pay, locale: zh-Hant, mainland: "2" }'),
      [`tencent.templates[1]: ${TWIN}`],
    ],
    [
      'two for everything',
      rows('{ mainland: "1" }', '{ international: "2", mainland: "3" }'),
      [`tencent.templates[1]: ${TWIN}`],
    ],
    [
      'two for everything, one of them for mainland China and the other for the rest',
      rows('{ mainland: "1", parameters: [code] }', '{ international: "2" }', '{ purpose: pay, mainland: "3" }'),
      [],
    ],
  ])('%s', (_, yaml, expected) => {
    expect(mistakes(TENCENT, yaml)).toEqual(expected);
  });

  test('more variables than a request can have, those of the text included', () => {
    const text = 'texts: { en: "{code}", "*": "{code} {a} {b} {c} {d} {e} {f}" }';
    const given = (parameters: string) =>
      `purposes: { login: { ${text} }, pay: {} }\ntencent: { templateParameters: [code, ${parameters}] }`;
    expect(mistakes(TENCENT, given('a, x, y'))).toEqual([]);
    expect(mistakes(TENCENT, given('x, y, z'))).toEqual([
      'purposes.login: asks for more than the 8 variables a request can have, with those of Tencent’s templates',
    ]);
  });
});

describe('requests must have the variables of every template that they may get', () => {
  const ABROAD = { ...BARE_TENCENT, ...TWILIO, TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: '8' };
  const [ORDER, SHOP] = ['parameters: [code, order]', 'parameters: [shop, code, minutes, brand]'];
  test.each<[what: string, env: Record<string, string>, yaml: string, login: string[], pay: string[]]>([
    ['none by default', { ...TENCENT, ...TWILIO }, PURPOSES, [], []],
    ['those of all templates', TENCENT, inTencent('templateParameters: [code, order]'), ['order'], ['order']],
    [
      'those of a purpose, and of the general ones where it has none',
      ABROAD,
      rows(`{ international: "1", ${ORDER} }`, `{ purpose: pay, locale: en, international: "2", ${SHOP} }`),
      ['order'],
      ['shop', 'order'],
    ],
    [
      'not those of general ones that its own stand for',
      ABROAD,
      rows(`{ international: "1", ${ORDER} }`, `{ purpose: pay, international: "2", ${SHOP} }`),
      ['order'],
      ['shop'],
    ],
    [
      'not those for where Tencent does not send',
      TENCENT,
      `${rows(`{ international: "1", ${ORDER} }`)}\nroutes: [{ countries: [CN], providers: [tencent] }]`,
      [],
      [],
    ],
    [
      'none where no route leads to Tencent',
      { ...TENCENT, ...TWILIO },
      `${inTencent('templateParameters: [code, order]')}\nroutes: [{ providers: [twilio] }]`,
      [],
      [],
    ],
    ['none without Tencent', TWILIO, inTencent('templateParameters: [code, order]'), [], []],
    [
      'those of a template that a route chooses',
      TENCENT,
      `${rows(`{ purpose: pay, mainland: "1", ${ORDER} }`)}\nroutes: [{ countries: [CN], providers: [{ provider: tencent, templateId: "1" }] }]`,
      ['order'],
      ['order'],
    ],
  ])('%s', (_, env, yaml, login, pay) => {
    const policies = purposePolicies(load(env, yaml));
    const required = (purpose: string) => policies.get(purpose)?.message.requiredVariables;
    expect({ login: required('login'), pay: required('pay') }).toEqual({ login, pay });
  });

  test.each<[what: string, setting: string, pay: number]>([
    ['no limit of Tencent’s by default', 'templateParameters: [code, order]', 32],
    ['that of an account of a person', 'templateParameters: [code, order], parameterCharacters: 12', 12],
    ['none where no template has variables', 'parameterCharacters: 12', 32],
  ])('of at most so many characters: %s', (_, setting, pay) => {
    expect(purposePolicies(load(TENCENT, inTencent(setting))).get('pay')?.message.variableCharacters).toBe(pay);
  });

  test('a brand that is too long for a template is a mistake', () => {
    const env = { ...TENCENT, SMS_BRAND: 'Countersigning' };
    const setting = (names: string, characters: number) =>
      inTencent(`templateParameters: [${names}], parameterCharacters: ${characters}`);
    expect(mistakes(env, setting('code, brand', 12))).toEqual([
      'SMS_BRAND: is 14 characters: Tencent’s templates take 12 (tencent.parameterCharacters)',
    ]);
    expect(mistakes(env, setting('code, brand', 14))).toEqual([]);
    expect(mistakes(env, setting('code', 12))).toEqual([]);
  });

  test('beside those of the text', () => {
    const yaml =
      'purposes: { pay: { texts: { "*": "{code} {shop}" } } }\ntencent: { templateParameters: [code, order, shop] }';
    const message = purposePolicies(load(TENCENT, yaml)).get('pay')?.message;
    expect(message && missingVariables(message, 'fr', { other: 'x' })).toEqual(['shop', 'order']);
  });
});
