/** Who may import whom, and what pure code may not touch: the table, as data, and its checker. */
import { posix } from 'node:path';

interface Layer {
  /** Paths under src/: a folder ends with a slash. */
  readonly of: readonly string[];
  /** What of src/ it may import. */
  readonly imports: readonly string[];
  /** What of src/ it may import only as types. */
  readonly types?: readonly string[];
  /** Packages: a name covers what is below it, and one that ends in `/` or `:` is a prefix. */
  readonly packages: readonly string[];
}

/** Wiring: the only files that may know everything. */
const COMPOSITION = ['app.ts', 'main.ts', 'cli/', 'sms/messaging.ts'];

const LAYERS: readonly Layer[] = [
  // Of node:net, domain/ uses `isIP`, which is pure; that it opens no socket is in PURE.
  { of: ['domain/'], imports: ['domain/'], packages: ['node:crypto', 'node:net', 'libphonenumber-js', 'tlds'] },
  { of: ['event.ts'], imports: [], types: ['domain/'], packages: [] },
  {
    of: ['verification/'],
    imports: ['domain/', 'verification/'],
    types: ['background.ts', 'event.ts', 'store/store.ts', 'sms/dispatch.ts'],
    packages: [],
  },
  {
    of: ['rpc/'],
    imports: ['domain/', 'event.ts', 'gen/', 'http-server.ts', 'rpc/'],
    types: ['verification/verifier.ts', 'verification/types.ts'],
    packages: ['node:', '@bufbuild/protobuf', '@connectrpc/', '@grpc/'],
  },
  { of: ['store/'], imports: ['domain/', 'event.ts', 'store/'], packages: ['node:', 'ioredis'] },
  {
    of: ['sms/'],
    // Vendors describe their section of the settings with the words that the other sections use.
    imports: [
      'domain/',
      'event.ts',
      'http-server.ts',
      'sms/',
      'config/values.ts',
      'config/address.ts',
      'config/mistakes.ts',
      'config/tree.ts',
    ],
    packages: ['node:', 'zod', 'tencentcloud-sdk-nodejs-sms', 'tencentcloud-sdk-nodejs-common', 'twilio', 'undici'],
  },
  {
    of: ['ops/'],
    imports: ['domain/', 'event.ts', 'http-server.ts', 'ops/'],
    packages: ['node:', 'pino', 'pino-pretty', 'prom-client'],
  },
  {
    of: ['config/'],
    imports: ['domain/', 'config/', 'sms/vendor.ts', 'sms/vendors.ts'],
    types: ['rpc/auth.ts'],
    packages: ['node:', 'zod', 'yaml', 'libphonenumber-js'],
  },
  { of: ['http-server.ts'], imports: ['domain/'], packages: ['node:'] },
  { of: ['background.ts'], imports: [], packages: [] },
];

/** Nobody else imports these, and main.ts not even they. */
const ANYTHING: Layer = { of: COMPOSITION, imports: [''], packages: [''] };

const EVERYWHERE: readonly (readonly [RegExp, string])[] = [
  [/\bexport\s+default\b|\bas\s+default\b/, 'exports a default'],
  [/[:<,|&(=]\s*any\b(?!\s*[(:])|\bas\s+any\b/, 'uses any'],
];

const PURE: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew\s+Date\b(?!\s*\(\s*[^\s)])|(?<!new\s+)\bDate\(|\bperformance\b|\bhrtime\b/, 'reads a clock'],
  [/\bMath\.random\b|\brandom(?:Bytes|Int|UUID|Fill)|\bgetRandomValues\b|\bgenerate(?:Key|Prime)/, 'draws randomness'],
  [/\bwebcrypto\b|\bglobalThis\b|\bcrypto\./, 'reaches for globals'],
  [/\bprocess\b/, 'touches the process'],
  [/\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|\basync\b|\bawait\b|\bPromise\b/, 'is not synchronous'],
  [/\bfetch\(|\bconsole\b|\b(?:createConnection|createServer|Socket|BlockList)\b/, 'does I/O'],
];

/** What `source`, the TypeScript of src/`path`, does that the table forbids. */
export function violations(path: string, source: string): string[] {
  const layer = [ANYTHING, ...LAYERS].find(({ of }) => covers(of, path));
  if (layer === undefined) return [`${path} belongs to no layer`];
  const code = codeOf(source);
  const banned = path.startsWith('domain/') ? [...EVERYWHERE, ...PURE] : EVERYWHERE;
  const found = banned.filter(([pattern]) => pattern.test(code)).map(([, what]) => `${path} ${what}`);
  if (path !== 'main.ts' && /\bprocess\.exit\b(?!Code)/.test(code)) found.push(`${path} ends the process`);
  for (const { target, typeOnly } of importsOf(source)) {
    const inside = /^\.\.?\//.test(target) ? posix.normalize(posix.join(posix.dirname(path), target)) : null;
    if (allows(layer, { target, inside, typeOnly })) continue;
    found.push(`${path} imports ${typeOnly ? 'types of ' : ''}${inside ?? target}`);
  }
  return found;
}

function allows(
  layer: Layer,
  { target, inside, typeOnly }: { target: string; inside: string | null; typeOnly: boolean },
): boolean {
  if (inside === null) return layer.packages.some((name) => coversPackage(name, target));
  if (inside === 'main.ts') return false;
  return covers(layer.imports, inside) || (typeOnly && covers(layer.types ?? [], inside));
}

function covers(paths: readonly string[], path: string): boolean {
  return paths.some((each) => (each === '' || each.endsWith('/') ? path.startsWith(each) : path === each));
}

function coversPackage(name: string, target: string): boolean {
  if (name === '' || /[/:]$/.test(name)) return target.startsWith(name);
  return target === name || target.startsWith(`${name}/`);
}

const COMMENT_OR_TEXT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;

/** The source without comments and without the text of strings; what a template interpolates is code. */
function codeOf(source: string): string {
  return source.replace(COMMENT_OR_TEXT, (token) => {
    if (token.startsWith('/')) return ' ';
    if (!token.startsWith('`')) return "''";
    return [...token.matchAll(/\$\{([^}]*)\}/g)].map(([, code]) => `(${code})`).join(' ');
  });
}

/** Circles of imports among the given files of src/, each once, beginning with its first name. Types count, too. */
export function circles(sources: ReadonlyMap<string, string>): string[][] {
  const targets = new Map(
    [...sources].map(([path, source]) => [
      path,
      importsOf(source)
        .filter(({ target }) => /^\.\.?\//.test(target))
        .map(({ target }) => posix.normalize(posix.join(posix.dirname(path), target)))
        .filter((target) => sources.has(target)),
    ]),
  );
  const reachable = (from: string): Set<string> => {
    const seen = new Set<string>();
    const queue = [...(targets.get(from) ?? [])];
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      queue.push(...(targets.get(path) ?? []));
    }
    return seen;
  };
  const reach = new Map([...sources.keys()].map((path) => [path, reachable(path)]));
  const found = new Map<string, string[]>();
  for (const path of [...sources.keys()].sort()) {
    // Files that reach each other are one circle.
    const circle = [...(reach.get(path) ?? [])].filter((other) => reach.get(other)?.has(path)).sort();
    if (circle.length > 0) found.set(circle.join(), circle);
  }
  return [...found.values()];
}

/** `import { type A }` is no type import: the module is loaded. */
function importsOf(source: string): { target: string; typeOnly: boolean }[] {
  const code = source.replace(COMMENT_OR_TEXT, (token) => (token.startsWith('/') ? ' ' : token));
  const declared = code.matchAll(/\b(?:im|ex)port\s+(type\s+(?!from\b))?(?:[\w$*{}\s,]+?\bfrom\s*)?['"]([^'"]+)['"]/g);
  const called = code.matchAll(/\b(?:import|require)\s*\(\s*['"`]([^'"`]+)['"`]/g);
  return [
    ...[...declared].map(([, type, target = '']) => ({ target, typeOnly: type !== undefined })),
    ...[...called].map(([, target = '']) => ({ target, typeOnly: false })),
  ];
}
