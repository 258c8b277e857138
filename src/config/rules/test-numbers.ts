/** Rules about test numbers. A message names a number by its position: numbers and codes are never repeated. */
import { parsePhone } from '../../domain/phone.ts';
import type { Mistake } from '../mistakes.ts';
import { mistakeAt, type Rule } from './rule.ts';

export const TEST_NUMBER_RULES: readonly Rule[] = [
  function testNumbersAreReal(context) {
    const { testNumbers = {}, purposes, codes } = context.settings;
    const digits = Object.values(purposes ?? {}).map((purpose) => purpose.digits ?? codes?.digits ?? 0);
    const longest = Math.max(0, ...digits);
    const mistakes: Mistake[] = [];
    for (const [phone, { code }] of Object.entries(testNumbers)) {
      const wrong = (problem: string) => mistakes.push(mistakeAt(context, ['testNumbers', phone], problem));
      const parsed = parsePhone(phone, '', { defaultRegion: 'US', refusedTypes: new Set() });
      if (typeof parsed === 'string' || parsed.e164 !== phone) {
        wrong('must be a phone number in E.164, for example "+14155550199"');
      }
      if (code.length < longest) wrong(`needs a code of ${longest} digits`);
    }
    return { mistakes };
  },

  /** Not a mistake: a server that was fine yesterday must start again tomorrow. */
  function testNumbersLast(context) {
    const warnings = Object.entries(context.settings.testNumbers ?? {}).flatMap(([phone, { until }]) => {
      if (context.now < Date.parse(until)) return [];
      return [
        `${context.sources.nameOf(['testNumbers', phone])}: ended at ${until}, so it gets real SMS like any other`,
      ];
    });
    return { warnings };
  },

  function testNumbersAreMeant(context) {
    const { testNumbers = {}, sms } = context.settings;
    const ends = Object.values(testNumbers).map(({ until }) => until);
    const last = ends.sort().at(-1);
    if (last === undefined) return {};
    if (sms?.testNumbersInProduction) {
      const count = ends.length === 1 ? '1 test number' : `${ends.length} test numbers`;
      return {
        warnings: [
          `SMS_TEST_NUMBERS_IN_PRODUCTION is on: ${count} until ${last}. Guesses of their codes are not limited over several ` +
            'codes: whoever knows or guesses the code of one signs in as that number',
        ],
      };
    }
    if (!context.production) return {};
    const problem = 'are refused in production unless SMS_TEST_NUMBERS_IN_PRODUCTION is on';
    return { mistakes: [mistakeAt(context, ['testNumbers'], problem)] };
  },
];
