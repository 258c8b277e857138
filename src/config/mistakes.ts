import type { z } from 'zod';

/** What is wrong with the configuration: the variable or the YAML path, and the rule. Never the value. */
export interface Mistake {
  readonly at: string;
  readonly problem: string;
}

/** What a rule found. */
export interface Findings {
  readonly mistakes?: readonly Mistake[];
  /** What works, but hardly as intended. */
  readonly warnings?: readonly string[];
}

/** Without those that say the same of the same place. */
export function unique(mistakes: readonly Mistake[]): Mistake[] {
  return [...new Map(mistakes.map((mistake) => [`${mistake.at}: ${mistake.problem}`, mistake])).values()];
}

/** zod's findings in an operator's words. The value itself is never quoted: it may be a secret. */
export function wordIssue(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return `must be at least ${issue.minimum}${UNITS[issue.origin] ?? ''}`;
    case 'too_big':
      return `must be at most ${issue.maximum}${UNITS[issue.origin] ?? ''}`;
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`;
    case 'unrecognized_keys':
      return 'is not a setting';
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'is not a valid name';
    default:
      return 'is not valid';
  }
}

const TYPES: Readonly<Record<string, string>> = {
  number: 'a whole number',
  int: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

const UNITS: Readonly<Record<string, string>> = { string: ' characters long', array: ' entry' };
