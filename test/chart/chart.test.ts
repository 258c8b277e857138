/**
 * helm/countersign, linted and rendered by the real helm with its default values and with each of ci/*-values.yaml. What
 * must come out is in expected.yaml, and it must configure a service that starts. Without helm the suite is skipped.
 */
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { ROOT, read } from '../support/markdown.ts';
import { findHelm, type Helm } from './helm.ts';

const CHART = 'helm/countersign';
const CONTAINER = 'Deployment.spec.template.spec.containers.countersign';
const VALUES = [null, ...globSync(`${CHART}/ci/*-values.yaml`, { cwd: ROOT }).sort()];
const NAMED = VALUES.map((file) => ({ name: file === null ? 'defaults' : basename(file), file }));

/** By path; null is absent. */
type Expected = Readonly<Record<string, unknown>>;
const { refused, ...expected }: { refused: string[] } & Record<string, Expected> = parse(
  read('test/chart/expected.yaml'),
);

/** Of the gateway that these values name: it is its owner's, while the chart's notes have Twilio's. */
const WEBHOOK_SECRETS: Readonly<Record<string, string>> = {
  'production-values.yaml': 'a secret of the gateway, 24 bytes or more',
};

/** What the shell makes of the substitutions in the chart's notes. */
const SHELL: Readonly<Record<string, string>> = {
  COUNTERSIGN_SECRET: 'c2VjcmV0IG9mIHRoaXMgdGVzdCwgMzIgYnl0ZXMgb3IgbW9yZQ==',
  COUNTERSIGN_CALLERS: `{auth: {tokens: [${'ab'.repeat(32)}]}}`,
};

function render(helm: Helm, file: string | null): Expected {
  const { code, stdout, stderr } = helm('template', 'release', CHART, ...valuesOf(file));
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const manifests = parseAllDocuments(stdout).flatMap((document) => document.toJS({ reviver: byName }) ?? []);
  return Object.fromEntries(
    manifests.map((manifest: { kind: string; metadata: { name: string } }) => {
      const { kind, metadata } = manifest;
      return [metadata.name.endsWith('-callbacks') ? `${kind}/callbacks` : kind, manifest];
    }),
  );
}

function valuesOf(file: string | null): string[] {
  return file === null ? [] : ['--values', file];
}

/** What stands at a path of expected.yaml; undefined when it is absent. */
function at(manifests: Expected, path: string): unknown {
  const keys = path.replace('$container', CONTAINER).split('.');
  return keys.reduce<unknown>((value, key) => (value as Expected | undefined)?.[key], manifests);
}

/** A list of named things as a record, so that a path does not depend on their order. */
function byName(_: unknown, value: unknown): unknown {
  const named = Array.isArray(value) && value.length > 0 && value.every((element) => element?.name !== undefined);
  return named ? Object.fromEntries(value.map((element) => [element.name, element])) : value;
}

/** What the Secret has that the chart's notes show. */
function notedSecret(): Record<string, string> {
  const literals = read(`${CHART}/templates/NOTES.txt`).matchAll(/--from-literal=(\w+)=(?:'(.*?)'|"(.*)")/g);
  const pairs = [...literals].map(([, key = '', plain = '']) => [
    key,
    SHELL[key] ?? plain.replace('AC...', `AC${'0'.repeat(32)}`).replace('+1...', '+15005550006'),
  ]);
  return Object.fromEntries(pairs);
}

const found = findHelm();
const missing = typeof found === 'string';
if (missing) process.stderr.write(`chart: NOT TESTED on this machine: ${found}\n`);
const helm = found as Helm;

describe.skipIf(missing).each(NAMED)('the chart with $name', ({ name, file }) => {
  test('passes helm lint', () => {
    const { code, stdout } = helm('lint', '--strict', CHART, ...valuesOf(file));
    expect({ code, stdout }).toMatchObject({ code: 0 });
  });

  test('renders what is expected of it', () => {
    expect(Object.keys(expected)).toContain(name);
    const manifests = render(helm, file);
    for (const [path, value] of Object.entries({ ...expected.always, ...expected[name] })) {
      expect(at(manifests, path), path).toEqual(value ?? undefined);
    }
  });

  test('configures a service that starts, with the Secret that its notes show', () => {
    const manifests = render(helm, file);
    const listed = Object.values(at(manifests, '$container.env') as Record<string, { name: string; value: string }>);
    const env = { ...notedSecret(), ...Object.fromEntries(listed.map((variable) => [variable.name, variable.value])) };
    const { 'countersign.yaml': settings = '' } = (at(manifests, 'ConfigMap.data') ?? {}) as Record<string, string>;
    const config = loadConfig({ SMS_WEBHOOK_SECRET: WEBHOOK_SECRETS[name], ...env }, () => settings);
    expect(config.mode).toBe(env.NODE_ENV);
  });
});

test.skipIf(missing).each(refused)('the schema of the values refuses %s', (value) => {
  const { code, stderr } = helm('template', 'release', CHART, '--set', value);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/schema/);
});
