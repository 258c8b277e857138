/** A vendor is a folder and one line: nothing else in src/ knows which vendors there are. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { byDefaultRank, openProviders, usedVendors, VENDORS } from '../../src/sms/vendors.ts';
import { load, TENCENT, TWILIO, TWILIO_VERIFY, WEBHOOK } from '../config/given.ts';

const src = fileURLToPath(new URL('../../src/', import.meta.url));
const FOLDERS = VENDORS.map(({ name }) => `sms/${name}/`);
/** Words that name a vendor wherever they stand, comments included. */
const PROPER_NAMES = /twilio|tencent/gi;
/** Names that are also plain words: they count in code, as a text or in the path of an import. */
const PLAIN_NAMES = /(['"`])(?:webhook|console)\1|from '[^']*\/(?:webhook|console)(?:\/[^']*|\.ts)'/g;

/** The vendors that a file of src/ names although it is not theirs. */
function foreignNames(path: string, source: string): string[] {
  if (path === 'sms/vendors.ts' || path === 'sms/console.ts') return [];
  if (FOLDERS.some((folder) => path.startsWith(folder))) return [];
  return [...source.matchAll(PROPER_NAMES), ...source.matchAll(PLAIN_NAMES)].map(([name]) => name);
}

describe('no file but those of the vendors names one', () => {
  const files = globSync('**/*.{ts,lua}', { cwd: src }).filter((path) => !path.startsWith('gen/'));

  it('there are files to look at', () => {
    expect(files).toContain('sms/messaging.ts');
    expect(files).toContain('store/lua/send.lua');
  });

  it.each(files)('%s', (path) => {
    expect(foreignNames(path, readFileSync(`${src}${path}`, 'utf8'))).toEqual([]);
  });

  it.each<[path: string, source: string, names: string[]]>([
    ['app.ts', '// As Twilio does it.', ['Twilio']],
    ['config/schema.ts', "const order = ['tencent'];", ['tencent']],
    ['sms/dispatch.ts', "import { post } from './webhook/client.ts';", ["from './webhook/client.ts'"]],
    ['verification/send-code.ts', "provider === 'console'", ["'console'"]],
    ['sms/dispatch.ts', '// A webhook of the operator; see the console.', []],
    ['sms/twilio/client.ts', '// As Twilio does it.', []],
  ])('negative control: %s with %s', (path, source, names) => {
    expect(foreignNames(path, source)).toEqual(names);
  });
});

describe('a descriptor is all that is needed', () => {
  const SETTINGS = { ...TWILIO, ...TENCENT, ...TWILIO_VERIFY, ...WEBHOOK };

  test('every vendor has a section of its own name in the configuration', () => {
    const config = load(SETTINGS);
    for (const { name } of VENDORS) expect(config[name]).toMatchObject({ maxConcurrent: 200 });
  });

  test('its own files have the same names in each folder', () => {
    for (const folder of FOLDERS) {
      const files = globSync('*.ts', { cwd: `${src}${folder}` });
      expect(files).toEqual(expect.arrayContaining(['settings.ts', 'provider.ts', 'failures.ts', 'reports.ts']));
    }
  });

  test('one setting is enough to be meant, and no setting is not', () => {
    expect(usedVendors({ twilio: { authToken: 'x' }, tencent: { templates: [] }, webhook: 'malformed' })).toEqual([
      expect.objectContaining({ name: 'twilio' }),
    ]);
    expect(usedVendors({ tencent: { templates: [{}] } })).toHaveLength(1);
    expect(usedVendors({})).toEqual([]);
  });

  test('no two vendors share a place in the default routes', () => {
    for (const area of ['mainland', 'international'] as const) {
      const ranks = byDefaultRank(area).map(({ defaultRank }) => defaultRank[area]);
      expect(new Set(ranks).size).toBe(VENDORS.length);
      expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    }
  });

  test('it opens with its required settings, and is left out without one of them', async () => {
    const config = load(SETTINGS);
    const opened = await openProviders(config, { now: Date.now });
    expect(opened.map(({ provider }) => provider.name).toSorted()).toEqual(
      usedVendors(config)
        .map(({ name }) => name)
        .toSorted(),
    );
    for (const { provider } of opened) provider.close?.();
    const context = { now: Date.now, brand: 'b', failOverBlocked: false, callbackUrl: undefined };
    for (const vendor of VENDORS) {
      for (const key of vendor.required) {
        expect(await vendor.open({ ...config[vendor.name], [key]: undefined }, context)).toBeNull();
      }
    }
  });
});
