/** What the SMS says in one language. */

export interface Wording {
  readonly uses: Readonly<Record<Use, string>>;
  /**
   * `minutes` is 1 to 10. The code stands apart from letters and digits, so that phones find it and a tap selects it.
   */
  text(parts: { readonly brand: string; readonly code: string; readonly minutes: number }, use: string): string;
}

/** What a code is for; `other` is every purpose without words of its own. */
export type Use = 'register' | 'login' | 'reset_password' | 'other';
