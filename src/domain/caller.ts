/** Who is calling, and what that caller may do. Every verification belongs to its caller. */
export interface Caller {
  /** `[a-z][a-z0-9_-]{0,31}`: part of storage keys, log lines and metric labels. */
  readonly name: string;
  /** Purposes it may use. */
  readonly purposes: ReadonlySet<string> | 'all';
}

/** The caller of a development server without configured callers. */
export const ANONYMOUS: Caller = { name: 'anonymous', purposes: 'all' };
