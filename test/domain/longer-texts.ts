/**
 * Bundled texts that take more than one segment with the brand Countersign, 6 digits and 10 minutes, by what follows the text.
 * The test holds the list to be exact: whoever words a new language shortens the text or adds it here.
 */
export interface LongerTexts {
  readonly ending: Partial<Record<'androidAppHash' | 'webOtpDomain', string>>;
  readonly locales: readonly string[];
  readonly reason: string;
}

const ANDROID = { androidAppHash: 'FA+9qCX9VSu' };
const BROWSER = { webOtpDomain: 'example.com' };

export const LONGER_TEXTS: readonly LongerTexts[] = [
  { ending: {}, locales: [], reason: 'Nothing follows the text: every language fits.' },
  {
    ending: ANDROID,
    locales: ['ar', 'hi', 'ja', 'ko', 'th', 'tr', 'vi'],
    reason: 'UCS-2 has 70 characters a segment, and the line of the hash takes 12 of them.',
  },
  {
    ending: BROWSER,
    locales: ['ar', 'hi', 'ja', 'ko', 'th', 'tr', 'vi'],
    reason: 'UCS-2 has 70 characters a segment, and `@example.com #123456` takes 21 of them.',
  },
  {
    ending: { ...ANDROID, ...BROWSER },
    locales: ['ar', 'hi', 'ja', 'ko', 'th', 'tr', 'vi', 'zh', 'zh-hant'],
    reason: 'UCS-2 has 70 characters a segment, and both lines take 33 of them.',
  },
];
