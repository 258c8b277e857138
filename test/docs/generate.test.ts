import { expect, test } from 'vitest';
import { configTable, withTable } from '../../scripts/generate-docs.ts';
import { SETTINGS } from '../../src/config/settings.ts';

const rows = configTable().split('\n');

test('the reference has one row for every variable, with a meaning', () => {
  for (const { env, path, secret, fromFile } of SETTINGS) {
    const names = fromFile ? `\`${env}\`, \`${env}_FILE\`` : `\`${env}\``;
    const found = rows.filter((row) => row.startsWith(`| ${names} |`));
    expect(found, env).toHaveLength(1);
    expect(found[0]).toMatch(/ \| [A-Z`][^|]{5,} \|$/);
    expect(found[0]?.includes(`\`${path.join('.')}\``)).toBe(!secret);
  }
});

test('it names what only the file can say, and defaults that production changes', () => {
  const text = rows.join('\n');
  expect(text).toContain('| `purposes.<name>.resend` | `same` |');
  expect(text).toContain('| `callers.<name>.purposes` |');
  expect(text).toContain('`127.0.0.1:8080`, in production `0.0.0.0:8080`');
});

test.each([
  ['`TENCENT_SMS_TEMPLATE_PARAMETERS` | `tencent.templateParameters`', '`code`, `minutes`'],
  ['`SMS_ROUTES` | `routes`', ''],
  [' | `purposes`', '`register`, `login`, `reset_password`'],
])('a default that is a list shows what is in it, one that is an object its keys: %s', (setting, value) => {
  const [row] = rows.filter((line) => line.startsWith(`| ${setting} |`));
  expect(row?.split(' | ')[2]).toBe(value);
});

test('it goes between the markers and nowhere else', () => {
  const page = 'before\n<!-- config:begin -->\nold\n<!-- config:end -->\nafter\n';
  const written = withTable(page);
  expect(written).toBe(`before\n<!-- config:begin -->\n${configTable()}\n<!-- config:end -->\nafter\n`);
  expect(withTable(written)).toBe(written);
  expect(() => withTable('no markers')).toThrow('docs/configuration.md lacks');
});
