/** Places in the tree of settings, before it is known to be well-formed. */

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function get(tree: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (node, key) => (isMapping(node) && Object.hasOwn(node, key) ? node[String(key)] : undefined),
    tree,
  );
}

/** Leaves a place alone whose parent is no mapping: the schema will refuse it. */
export function set(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  if (rest.length === 0) {
    tree[key] = value;
    return;
  }
  tree[key] ??= {};
  const child = tree[key];
  if (isMapping(child)) set(child, rest, value);
}

/** A path as the operator would write it: `.redis.url`, `.routes[0]`. */
export function spell(path: readonly PropertyKey[]): string {
  return path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
}
