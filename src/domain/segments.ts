/** How many SMS a text takes: alphabets of 3GPP TS 23.038 §6.2.1, concatenation of TS 23.040 §9.2.3.24.1. */

const BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?' +
  '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
/** Each of these is an escape and a character. */
const EXTENSION = '\f^{}\\[~]|€';

const SEPTETS: ReadonlyMap<string, number> = new Map([
  ...[...BASIC].map((character): [string, number] => [character, 1]),
  ...[...EXTENSION].map((character): [string, number] => [character, 2]),
]);

/** Units of one SMS, and of each part of a longer text: its header takes 6 of the 140 bytes. */
const ROOM = { gsm7: { alone: 160, part: 153 }, ucs2: { alone: 70, part: 67 } } as const;

export interface Segments {
  readonly encoding: 'gsm7' | 'ucs2';
  /** Septets, escapes included, or UTF-16 units. */
  readonly units: number;
  /** At least 1: an empty SMS is one. */
  readonly segments: number;
}

/** In the denser alphabet that holds every character. National alphabets of GSM-7 are not considered. */
export function segmentsOf(text: string): Segments {
  const characters = [...text];
  const encoding = characters.every((character) => SEPTETS.has(character)) ? 'gsm7' : 'ucs2';
  const sizes = characters.map((character) => SEPTETS_OR_UNITS[encoding](character));
  const units = sizes.reduce((sum, size) => sum + size, 0);
  const { alone, part } = ROOM[encoding];
  return { encoding, units, segments: units <= alone ? 1 : countParts(sizes, part) };
}

const SEPTETS_OR_UNITS: Readonly<Record<Segments['encoding'], (character: string) => number>> = {
  gsm7: (character) => SEPTETS.get(character) ?? 1,
  ucs2: (character) => character.length,
};

/** Neither an escape and its character nor a surrogate pair is divided: a part may have to end one unit early. */
function countParts(sizes: readonly number[], room: number): number {
  let parts = 1;
  let used = 0;
  for (const size of sizes) {
    if (used + size > room) {
      parts++;
      used = 0;
    }
    used += size;
  }
  return parts;
}
