/** What the scripts store, by the names that they have for it: to look at it, and to change it behind their backs. */
import type { Redis } from 'ioredis';
import { readScript } from '../../src/store/redis-scripts.ts';

/** Lua that has `unpack_value` and `pack_value`, with the functions of the scripts where they have some. */
const KINDS = {
  record: `${readScript('lib/record')}\nlocal unpack_value, pack_value = unpack_record, pack_record`,
  answer: `${readScript('lib/answer')}\nlocal unpack_value, pack_value = unpack_answer, pack_answer`,
  verdict: `
local function unpack_value(text)
  local fingerprint, at, verdict, nonce, value, tag = cmsgpack.unpack(text)
  return { fingerprint = fingerprint, at = at, verdict = verdict, nonce = nonce, value = value, tag = tag }
end
local function pack_value(it)
  return cmsgpack.pack(it.fingerprint, it.at, it.verdict, it.nonce, it.value, it.tag)
end`,
} as const;

type Kind = keyof typeof KINDS;

const READ = `
local text = redis.call('GET', KEYS[1])
local fields = {}
for name, value in pairs(text and unpack_value(text) or {}) do
  fields[#fields + 1] = name
  fields[#fields + 1] = tostring(value)
end
return fields`;

const CHANGE = `
local fields = unpack_value(redis.call('GET', KEYS[1]))
for i = 1, #ARGV, 2 do
  local name, value = ARGV[i], ARGV[i + 1]
  fields[name] = type(fields[name]) == 'number' and tonumber(value) or value
end
redis.call('SET', KEYS[1], pack_value(fields), 'KEEPTTL')`;

/** Everything in a packed value, as texts; nothing when it is not packed. */
const VALUES = `
local values = {}
local function add(value)
  if type(value) ~= 'table' then
    values[#values + 1] = tostring(value)
  else
    for i = 1, #value do add(value[i]) end
  end
end
local text = redis.call('GET', KEYS[1])
local unpacked = text and { pcall(cmsgpack.unpack, text) } or {}
if unpacked[1] then
  for i = 2, table.maxn(unpacked) do add(unpacked[i]) end
end
return values`;

export async function valuesOf(redis: Redis, key: string): Promise<string[]> {
  return (await redis.eval(VALUES, 1, key)) as string[];
}

/** The fields that are there, as texts. */
export async function readPacked(redis: Redis, key: string, kind: Kind): Promise<Record<string, string>> {
  const flat = (await redis.eval(`${KINDS[kind]}\n${READ}`, 1, key)) as string[];
  return Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])));
}

export async function changePacked(
  redis: Redis,
  key: string,
  kind: Kind,
  changes: Readonly<Record<string, string | number>>,
): Promise<void> {
  await redis.eval(`${KINDS[kind]}\n${CHANGE}`, 1, key, ...Object.entries(changes).flat());
}

/** A list, as that of approvals, sends or failures. */
export async function writeList(redis: Redis, key: string, list: readonly (string | number)[]): Promise<void> {
  const lua = `redis.call('SET', KEYS[1], cmsgpack.pack(cjson.decode(ARGV[1])), 'KEEPTTL')`;
  await redis.eval(lua, 1, key, JSON.stringify(list));
}
