/** Addresses a verification: each caller has one per phone and purpose. Limits on sends belong to the phone alone. */
export interface Slot {
  /** Keyed hash of the phone, with the key's id. */
  readonly phoneKey: string;
  readonly caller: string;
  readonly purpose: string;
}
