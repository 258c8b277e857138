/** A map that holds at most `capacity` entries: beyond it the least recently used one is dropped. */
export interface LruMap<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  clear(): void;
}

export function createLruMap<V>(capacity: number): LruMap<V> {
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
