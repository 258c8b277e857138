/**
 * Numbers of one handset that libphonenumber takes for different ones. Each row needs a public source that old and new
 * spelling reach the same subscriber. A spelling is replaced only where the result is a valid number.
 *
 * libphonenumber refuses by itself what was given up for good: Brazil's mobiles without the ninth digit, Benin's 8 digits
 * (2024), Côte d'Ivoire's 8 (2021), Cameroon's 8 (2014), Vietnam's 11 (2018), Kosovo's old +377 44. Not unified, because
 * the number does not show it: ported and forwarded numbers.
 */

export type Spelling = readonly [pattern: RegExp, replacement: string];

/** The old spelling and the one to use: dialled, kept and limited under the second. */
export const REPLACED: readonly Spelling[] = [
  // Mexico dropped the mobile 1 (044 and 045 at home) in August 2019 (IFT, numbering plan of 3 August 2019).
  [/^\+52(?:0?1|04[45])(\d{10})$/, '+52$1'],
  // Argentina's mobiles carry a 9 abroad, and gateways also take them without. Mobiles and landlines share one number
  // space there and SMS reach only mobiles, so the 9 is always added; an Argentine landline counts as a mobile.
  [/^\+54(\d{10})$/, '+549$1'],
  // San Marino's landlines can also be reached through Italy.
  [/^\+390549(\d+)$/, '+3780549$1'],
  // Gabon put the operator's digit first in November 2019 and switched the old numbers off in April 2024 (ANINF,
  // communiqué of 29 February 2024): 02, 05, 06 became 062, 065, 066, 04 and 07 became 074 and 077, 01 became 011.
  [/^\+2410?([256]\d{6})$/, '+2416$1'],
  [/^\+2410?([47]\d{6})$/, '+2417$1'],
  [/^\+2410(1\d{6})$/, '+2411$1'],
];

/** Both can be dialled, and one counts: what the caller gave is sent to, limits and codes are kept by the second. */
export const ALSO_REACHED: readonly Spelling[] = [
  // Palestinian mobiles (Jawwal 059, Ooredoo 056) answer under Israel's code as well: +970 came in 1999, beside +972.
  [/^\+972(5[69]\d{7})$/, '+970$1'],
];
