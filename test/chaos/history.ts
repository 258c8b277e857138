/** What callers saw of each verification, and whether that could have been one code, used at most once. */

export interface Guess {
  readonly verificationId: string;
  readonly requestId: string;
  readonly right: boolean;
  /** Monotonic milliseconds. */
  readonly invoked: number;
  readonly returned: number;
  /** `unknown` may or may not have happened, and proves nothing. */
  readonly result: 'APPROVED' | 'WRONG_CODE' | 'EXHAUSTED' | 'NOT_FOUND' | 'unknown';
  /** With WRONG_CODE, how many guesses were left. */
  readonly remaining: number;
}

export const GUESSES = 5;

/** Every promise that is broken, with the guesses that show it. */
export function violations(history: readonly Guess[]): string[] {
  const byId = Map.groupBy(history, ({ verificationId }) => verificationId);
  return [...byId.values()].flatMap((guesses) =>
    RULES.filter(({ broken }) => broken(guesses)).map(({ rule }) => `${rule}:\n${guesses.map(line).join('\n')}`),
  );
}

interface Rule {
  readonly rule: string;
  /** The guesses of one verification. */
  broken(guesses: readonly Guess[]): boolean;
}

const isCompared = ({ result }: Guess) => result === 'APPROVED' || result === 'WRONG_CODE';

/** Guesses that were compared, and those of them that a request id asked for again only once. */
function compared(guesses: readonly Guess[]): Guess[] {
  return [...Map.groupBy(guesses.filter(isCompared), ({ requestId }) => requestId).values()].flatMap(
    ([first]) => first ?? [],
  );
}

/** Whether some guess of another request was compared although it began after `ended` had been told. */
function comparedAfter(guesses: readonly Guess[], ended: Guess['result']): boolean {
  return guesses.some(
    (end) =>
      end.result === ended &&
      compared(guesses).some(({ requestId, invoked }) => requestId !== end.requestId && invoked > end.returned),
  );
}

const RULES: readonly Rule[] = [
  {
    rule: 'approved more than once',
    broken: (guesses) => compared(guesses).filter(({ result }) => result === 'APPROVED').length > 1,
  },
  { rule: 'more guesses compared than a code allows', broken: (guesses) => compared(guesses).length > GUESSES },
  {
    rule: 'a right guess called wrong, or a wrong one right',
    broken: (guesses) => guesses.filter(isCompared).some(({ right, result }) => right !== (result === 'APPROVED')),
  },
  { rule: 'compared after it was approved', broken: (guesses) => comparedAfter(guesses, 'APPROVED') },
  { rule: 'compared after it was exhausted', broken: (guesses) => comparedAfter(guesses, 'EXHAUSTED') },
  {
    rule: 'guesses came back',
    broken: (guesses) => {
      const wrong = compared(guesses).filter(({ result }) => result === 'WRONG_CODE');
      return wrong.some((one) =>
        wrong.some((other) => one !== other && one.returned <= other.invoked && one.remaining <= other.remaining),
      );
    },
  },
  {
    rule: 'two guesses were told the same number of guesses left',
    broken: (guesses) => {
      const wrong = compared(guesses).filter(({ result }) => result === 'WRONG_CODE');
      return new Set(wrong.map(({ remaining }) => remaining)).size < wrong.length;
    },
  },
];

function line({ requestId, right, invoked, returned, result, remaining }: Guess): string {
  return `  ${invoked.toFixed(1)}-${returned.toFixed(1)} ${requestId} ${right ? 'right' : 'wrong'}: ${result} ${remaining}`;
}
