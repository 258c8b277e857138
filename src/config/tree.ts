/** Access to the tree of settings before it is validated. */

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function get(tree: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (node, key) => (isMapping(node) && Object.hasOwn(node, key) ? node[String(key)] : undefined),
    tree,
  );
}

/** Does nothing where the parent is not a mapping: the schema will refuse that. */
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
