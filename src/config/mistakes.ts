import type { z } from 'zod';

/** One mistake in the configuration: where it is (variable or YAML path) and which rule it breaks. Never the value. */
export interface Mistake {
  readonly at: string;
  readonly problem: string;
}

/** What a rule found. */
export interface Findings {
  readonly mistakes?: readonly Mistake[];
  /** Settings that work, but probably not as the operator intended. */
  readonly warnings?: readonly string[];
}

/** The mistakes without repetitions. */
export function unique(mistakes: readonly Mistake[]): Mistake[] {
  return [...new Map(mistakes.map((mistake) => [`${mistake.at}: ${mistake.problem}`, mistake])).values()];
}

/** Translates an issue of zod for operators. It never quotes the value, which may be a secret. */
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
