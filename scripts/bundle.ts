/**
 * Builds dist/: the whole service as files that plain `node` runs, beside the few that it reads at run time.
 *
 *   countersign.mjs            the entry, which says so when Node is too old for the rest
 *   main.mjs                   what it imports then
 *   <name>-<hash>.mjs          what is imported on demand, with its libraries: a vendor's SDK, the Redis client, a command.
 *                              What is not used is not even read.
 *   probe-worker.mjs           the thread that answers probes
 *   lua/                       the Redis scripts, which src/store reads relative to `import.meta.url`
 *   packages/<name>/...        .proto files that the official gRPC packages read relative to `__dirname`
 *   THIRD_PARTY_LICENSES.txt   what the bundled libraries ask to be shipped with
 */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '..');
const MODULES = join(ROOT, 'node_modules');

/** The major version that development and tests run on: the bundle is tested with no other. */
export const NODE = Number.parseInt(manifest().devDependencies.node.replace(/^\D+/, ''), 10);

/** In words that every Node since 14 understands. It imports nothing: an older Node would fail to parse that first. */
const ENTRY = `if (parseInt(process.versions.node, 10) < ${NODE}) {
  process.stderr.write(
    'countersign: this needs Node ${NODE} or later. It was started with Node ' + process.versions.node + ', ' + process.execPath + '\\n'
  );
  process.exitCode = 1;
} else {
  import('./main.mjs');
}
`;

/** Packages that read files of their own at run time, and the folder they read. */
const CARRIED: Readonly<Record<string, string>> = {
  '@grpc/reflection': 'build/proto/grpc',
};

/**
 * Packages that mention `__dirname` only where this service never goes: channelz and ORCA services, friendly error
 * stacks, worker-thread transports. A package outside both lists fails the build, so that an upgrade cannot smuggle in
 * a file that is missing from the image.
 */
const UNREACHED: ReadonlySet<string> = new Set(['@grpc/grpc-js', 'ioredis', 'pino', 'thread-stream']);

/** CommonJS libraries expect `require` and `__dirname`, which an ES module does not have. */
const BANNER = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
  'const __bundleDir = import.meta.dirname;',
  'const __dirname = __bundleDir;',
].join('\n');

/** Makes `__dirname` of a carried package point at its folder under dist/packages. */
const carriedFiles: Plugin = {
  name: 'carried-files',
  setup(context) {
    context.onLoad({ filter: /node_modules[\\/].*\.c?js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      if (!/\b__(dirname|filename)\b/.test(source)) return null;
      const name = packageOf(path);
      if (UNREACHED.has(name)) return null;
      if (!(name in CARRIED))
        return { errors: [{ text: `${name} reads files at run time: list it in scripts/bundle.ts` }] };
      const folder = ['packages', name, dirname(path.slice(join(MODULES, name).length + 1))].join('/');
      return {
        contents: source.replaceAll('__dirname', `(__bundleDir + ${JSON.stringify(`/${folder}`)})`),
        loader: 'js',
      };
    });
  },
};

/** A CommonJS package that is imported on demand shows only its default export then, unlike in plain node. */
const ownChunks: Plugin = {
  name: 'own-chunks',
  setup(context) {
    context.onResolve({ filter: /^[^.]/ }, ({ kind, importer, path }) => {
      if (kind !== 'dynamic-import' || path.startsWith('node:') || !importer.startsWith(join(ROOT, 'src'))) return null;
      return { errors: [{ text: `${path} is imported on demand: import it in a file of ours, and that on demand` }] };
    });
  },
};

/** The package a file belongs to: the last `node_modules/<name>` of its path. */
function packageOf(path: string): string {
  const [scope = '', name = ''] = path.slice(path.lastIndexOf('node_modules') + 'node_modules/'.length).split(/[\\/]/);
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}

/** Builds into `outdir`, which is emptied first. Rejects when anything the service reads would be missing. */
export async function bundle(outdir: string): Promise<void> {
  rmSync(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { main: 'src/main.ts', 'probe-worker': 'src/ops/probe-worker.ts' },
    outdir,
    // Flat: modules find the files beside them relative to themselves.
    chunkNames: '[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: `node${NODE}`,
    banner: { js: BANNER },
    // node-fetch 2, which Tencent's SDK brings along, asks for this package only to have the URL that Node has by itself. It is
    // 350 KB, and makes Node warn of `punycode`.
    alias: { 'whatwg-url': 'node:url' },
    plugins: [carriedFiles, ownChunks],
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
  });
  writeFileSync(join(outdir, 'countersign.mjs'), ENTRY);
  copyScripts(outdir);
  for (const [name, folder] of Object.entries(CARRIED)) {
    cpSync(join(MODULES, name, folder), join(outdir, 'packages', name, folder), { recursive: true });
  }
  writeFileSync(join(outdir, 'THIRD_PARTY_LICENSES.txt'), licences(Object.keys(metafile.inputs)));
}

function manifest(): { readonly devDependencies: { readonly node: string } } {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
}

/** The bundle is flat, so `./lua/send.lua` of any module means dist/lua/send.lua. */
function copyScripts(outdir: string): void {
  cpSync(join(ROOT, 'src/store/lua'), join(outdir, 'lua'), { recursive: true });
}

/** The licence texts of every package that went into the bundle. */
function licences(inputs: readonly string[]): string {
  const folders = new Set(
    inputs.flatMap((path) => {
      const at = path.lastIndexOf('node_modules/');
      return at < 0 ? [] : [join(path.slice(0, at), 'node_modules', packageOf(path))];
    }),
  );
  return [...folders]
    .sort()
    .map((folder) => licenceOf(join(ROOT, folder)))
    .join('\n');
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(folder, file), 'utf8').trim() : 'The package ships no licence text.';
  return `== ${name} ${version} (${license})\n\n${text}\n`;
}

if (import.meta.main) {
  await bundle(join(ROOT, 'dist'));
  process.stdout.write('dist/ built: node dist/countersign.mjs\n');
}
