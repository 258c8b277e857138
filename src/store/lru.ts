/** A map that holds at most `capacity` entries: beyond it the one that was used longest ago is forgotten. */
export interface Recent<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  clear(): void;
}

export function recent<V>(capacity: number): Recent<V> {
  // A Map keeps its keys in the order in which they were set.
  const entries = new Map<string, V>();
  function set(key: string, value: V): void {
    entries.delete(key);
    entries.set(key, value);
    if (entries.size > capacity) entries.delete(entries.keys().next().value as string);
  }
  return {
    get(key) {
      const value = entries.get(key);
      if (value !== undefined) set(key, value);
      return value;
    },
    set,
    clear: () => entries.clear(),
  };
}
