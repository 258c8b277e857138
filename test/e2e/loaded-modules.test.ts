/** A deployment does not pay for the vendors that it does not use: no file of theirs is loaded. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServer } from '../support/server.ts';
import { figure } from './stage.ts';
import { TENCENT, TWILIO, TWILIO_VERIFY, WEBHOOK } from './vendor-settings.ts';

const VENDORS = ['twilio', 'tencent', 'twilio-verify', 'webhook'] as const;
type Vendor = (typeof VENDORS)[number];

/** What only some vendors need: packages as they lie in node_modules, and files of ours. Descriptors are loaded always. */
const ONLY: readonly (readonly [RegExp, ...Vendor[]])[] = [
  // One SDK, one client and one judgement for both products of Twilio's.
  [/^twilio\/(?!lib\/rest\/)/, 'twilio', 'twilio-verify'],
  [/^axios\//, 'twilio', 'twilio-verify'],
  [/^jsonwebtoken\//, 'twilio', 'twilio-verify'],
  [/^src\/sms\/twilio\/(?:client|codes|failures)/, 'twilio', 'twilio-verify'],
  [/^src\/sms\/twilio\/(?:provider|reports)/, 'twilio'],
  [/^twilio\/lib\/rest\/(?:ApiBase|api\/)/, 'twilio'],
  [/^src\/sms\/twilio-verify\/(?!settings)/, 'twilio-verify'],
  [/^twilio\/lib\/rest\/(?:VerifyBase|verify\/)/, 'twilio-verify'],
  [/^tencentcloud-sdk-/, 'tencent'],
  [/^node-fetch\//, 'tencent'],
  [/^src\/sms\/tencent\/(?!settings|schema|rules|templates)/, 'tencent'],
  [/^src\/sms\/webhook\/(?!settings|signature)/, 'webhook'],
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-modules-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** By their places: `twilio/lib/…` for packages, `src/…` for ours. */
async function modulesOf(name: string, env: Readonly<Record<string, string>>): Promise<string[]> {
  const list = join(folder, name);
  const recorder = `--import=${new URL('record-modules.ts', import.meta.url)}`;
  const server = await startServer({ ...env, NODE_OPTIONS: recorder, MODULES: list });
  expect(await server.stop()).toBe(0);
  const root = join(import.meta.dirname, '../..');
  return (await readFile(list, 'utf8')).split('\n').map((file) => {
    return file.includes('/node_modules/') ? file.replace(/^.*\/node_modules\//, '') : file.slice(root.length + 1);
  });
}

it.each<[name: string, env: Readonly<Record<string, string>>, vendors: readonly Vendor[]]>([
  ['no vendor', {}, []],
  ['the webhook only', WEBHOOK, ['webhook']],
  ['Twilio only', TWILIO, ['twilio']],
  ['Tencent only', TENCENT, ['tencent']],
  ['Twilio Verify only', TWILIO_VERIFY, ['twilio-verify']],
  ['both', { ...TWILIO, ...TENCENT }, ['twilio', 'tencent']],
])('with %s, modules of the others are not loaded', async (name, env, vendors) => {
  const modules = await modulesOf(name, env);
  expect(modules).toContain('src/app.ts');
  for (const [own, ...needed] of ONLY) {
    const loaded = modules.filter((file) => own.test(file));
    if (!needed.some((vendor) => vendors.includes(vendor))) expect(loaded).toEqual([]);
    // Otherwise the names would be wrong, and nothing were tested.
    else expect(loaded.length, `${own}`).toBeGreaterThan(0);
  }
  const packages = new Set(modules.filter((file) => !file.startsWith('src/')).map(packageOf));
  figure(`${name}: ${modules.length} modules, ${packages.size} packages`);
});

function packageOf(file: string): string {
  return file.split('/', file.startsWith('@') ? 2 : 1).join('/');
}
