import { readFileSync } from 'node:fs';

/** Each script with its number of keys: one atomic transition, one round trip. */
export const SCRIPTS = { send: 5, settle: 4, check: 4, cancel: 2, status: 4, ready: 1 } as const;

export type ScriptName = keyof typeof SCRIPTS;

const read = (name: string) => readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');

/** `override` is Lua put after the prelude, where it can shadow `now` and `history`: tests turn the clock with it. */
export function loadScripts(override = ''): Record<ScriptName, string> {
  const shared = [read('prelude'), override, read('slot')].join('\n');
  const load = (name: ScriptName) => `${shared}\n${read(name)}`;
  return {
    send: load('send'),
    settle: load('settle'),
    check: load('check'),
    cancel: load('cancel'),
    status: load('status'),
    ready: load('ready'),
  };
}
