import { readFileSync } from 'node:fs';

/** Each script with its number of keys: one atomic transition, one round trip. */
export const SCRIPTS = {
  send: 5,
  settle: 4,
  check: 4,
  cancel: 2,
  status: 4,
  report: 1,
  link: 1,
  lookup: 1,
  ready: 1,
} as const;

export type ScriptName = keyof typeof SCRIPTS;

const read = (name: string) => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');

/** `override` is Lua put after the prelude, where it can shadow `now` and `history`: tests turn the clock with it. */
export function loadScripts(override = ''): Record<ScriptName, string> {
  const shared = [read('lib/prelude'), override, read('lib/record')].join('\n');
  const load = (...names: readonly string[]) => [shared, ...names.map(read)].join('\n');
  return {
    send: load('send'),
    settle: load('lib/reports', 'settle'),
    check: load('check'),
    cancel: load('cancel'),
    status: load('status'),
    report: load('lib/reports', 'report'),
    link: load('link'),
    lookup: load('lookup'),
    ready: load('ready'),
  };
}
