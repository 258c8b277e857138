/**
 * Fails unless package-lock.json installs everywhere: it names no registry, and it has an entry for the packages of
 * every platform. npm leaves out those it could not fetch or had no use for, and then `npm ci` of npm 11 refuses the
 * file; `--mend` writes the missing ones, whose platform their name tells.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './run.ts';

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly license?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const FILE = join(ROOT, 'package-lock.json');
const PLATFORM = /-(android|darwin|freebsd|linux|win32)-(arm64|armv7|ia32|x64)(?:-(musl))?$/;

const lock: { packages: Record<string, Entry> } = JSON.parse(readFileSync(FILE, 'utf8'));
const entries = Object.entries(lock.packages);

const registries = entries.flatMap(([path, { resolved }]) => (resolved?.startsWith('http') ? [path] : []));
const missing = entries.flatMap(([path, parent]) =>
  Object.entries(parent.optionalDependencies ?? {})
    .filter(
      ([name]) => !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
    )
    .map(([name, version]) => ({ path: `node_modules/${name}`, version, parent })),
);

function entryOf({ path, version, parent }: (typeof missing)[number]): [string, Entry] {
  const [, os, cpu, libc] = PLATFORM.exec(path) ?? [];
  if (os === undefined || cpu === undefined) throw new Error(`${path} is for no platform: run npm install`);
  const entry = { version, cpu: [cpu === 'armv7' ? 'arm' : cpu], ...(parent.dev && { dev: true }) };
  return [path, { ...entry, ...(libc && { libc: [libc] }), optional: true, os: [os] } as Entry];
}

if (process.argv.includes('--mend')) {
  const mended = [...entries, ...missing.map(entryOf)].map(
    ([path, { resolved: _, ...entry }]) => [path, entry] as const,
  );
  mended.sort(([a], [b]) => a.localeCompare(b, 'en'));
  writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(mended) }, null, 2)}\n`);
} else {
  for (const path of registries) process.stdout.write(`${path} names a registry\n`);
  for (const { path } of missing) process.stdout.write(`${path} is missing\n`);
  process.exitCode = registries.length + missing.length === 0 ? 0 : 1;
}
