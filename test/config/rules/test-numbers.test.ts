/** Test numbers: when they count, and that a mistake in one never shows it. */
import { describe, expect, test } from 'vitest';
import { testCodes } from '../../../src/config/policies.ts';
import { described, load, mistakes, PRODUCTION, TWILIO } from '../given.ts';

const YAML = 'testNumbers: { "+14155550123": { code: "12345678", until: 2027-01-01 } }';
const TWO = `testNumbers:
  "+14155550123": { code: "12345678", until: 2027-02-01 }
  "+14155550124": { code: "12345678", until: 2027-01-01 }`;
const ON = { ...PRODUCTION, ...TWILIO, SMS_TEST_NUMBERS_IN_PRODUCTION: 'on' };

test('have their code until the day on which they end, UTC', () => {
  const codeOf = testCodes(load(TWILIO, YAML));
  const end = Date.parse('2027-01-01T00:00:00Z');
  expect(codeOf('+14155550123', end - 1)).toBe('12345678');
  expect(codeOf('+14155550123', end)).toBeNull();
  expect(codeOf('+14155550124', end - 1)).toBeNull();
});

test('are refused in production unless switched on', () => {
  expect(mistakes({ ...PRODUCTION, ...TWILIO }, YAML)).toEqual([
    'testNumbers: are refused in production unless SMS_TEST_NUMBERS_IN_PRODUCTION is on',
  ]);
  expect(load(ON, YAML).testNumbers).toHaveProperty('+14155550123');
});

test('are warned of where they are switched on, with their count and their last day', () => {
  const risk =
    'Guesses of their codes are not limited over several codes: whoever knows or guesses the code of one signs in as that number';
  const warning = (numbers: string) => [`SMS_TEST_NUMBERS_IN_PRODUCTION is on: ${numbers}. ${risk}`];
  expect(load(ON, YAML).warnings).toEqual(warning('1 test number until 2027-01-01'));
  expect(load(ON, TWO).warnings).toEqual(warning('2 test numbers until 2027-02-01'));
  expect(load(ON).warnings).toEqual([]);
  expect(load(TWILIO, TWO).warnings).toEqual([]);
});

test('are warned of once they have ended, by their place: the number gets real SMS then', () => {
  const ended = (place: string) => [`${place}: number 2: ended at 2027-01-01, so it gets real SMS like any other`];
  expect(load(TWILIO, TWO, Date.parse('2027-01-01') - 1).warnings).toEqual([]);
  expect(load(TWILIO, TWO, Date.parse('2027-01-01')).warnings).toEqual(ended('testNumbers'));
});

test('have their codes masked where the configuration is shown', () => {
  expect(described(TWILIO, YAML)).not.toContain('12345678');
});

describe('a mistake names the number by its place, and repeats neither it nor its code', () => {
  const GOOD = '"+14155550122": { code: "123456", until: 2027-01-01 }';
  const cases: [what: string, numbers: string, mistakes: string[]][] = [
    [
      'national spelling',
      `{ ${GOOD}, "(415) 555-0123": { code: "123456", until: 2027-01-01 } }`,
      ['number 2: must be a phone number in E.164, for example "+14155550199"'],
    ],
    [
      'a code shorter than those that are sent',
      `{ "+14155550123": { code: "1234", until: 2027-01-01 }, ${GOOD} }`,
      ['number 1: needs a code of 6 digits'],
    ],
    [
      'a code that is none',
      `{ ${GOOD}, "+14155550123": { code: "98765432109", until: 2027-01-01 } }`,
      ['number 2: code: must be 4 to 8 digits, in quotes'],
    ],
    ['no end', `{ "+14155550123": { code: "123456" } }`, ['number 1: until: must be a day such as 2027-01-31']],
    ['nothing', `{ ${GOOD}, "+14155550123": }`, ['number 2: must be a mapping']],
    ['only a code', `{ ${GOOD}, "+14155550123": "987654" }`, ['number 2: must be a mapping']],
    [
      'more than there is',
      `{ "+14155550123": { code: "123456", until: 2027-01-01, name: x } }`,
      ['number 1: name: is not a setting'],
    ],
    [
      'one number below another',
      `{ "+14155550122": { code: "123456", until: 2027-01-01, "+14155550123": { code: "987654" } } }`,
      ['number 1: is not a setting'],
    ],
  ];

  test.each(cases)('%s', (_, numbers, expected) => {
    const inFile = mistakes(TWILIO, `testNumbers: ${numbers}`);
    expect(inFile).toEqual(expected.map((mistake) => `testNumbers: ${mistake}`));
    const inEnvironment = mistakes({ ...TWILIO, SMS_TEST_NUMBERS: numbers });
    expect(inEnvironment).toEqual(expected.map((mistake) => `SMS_TEST_NUMBERS: ${mistake}`));
    expect([...inFile, ...inEnvironment].join()).not.toMatch(/5550122|555-?0123|98765/);
  });
});
