/** What the scripts store, by the names that they have for it: to look at it, and to change it behind their backs. */
import type { Redis } from 'ioredis';
import { readScript } from '../../src/store/redis-scripts.ts';

type Kind = 'record' | 'answer' | 'verdict';

/** In the order in which they are packed. */
const FIELDS: Readonly<Record<Kind, readonly string[]>> = {
  record: packed('record'),
  answer: packed('answer'),
  verdict: ['fingerprint', 'at', 'verdict', 'nonce', 'value', 'tag'],
};

function packed(what: 'record' | 'answer'): string[] {
  const [, list = ''] = readScript(`lib/${what}`).split('cmsgpack.pack(');
  return Array.from(list.matchAll(new RegExp(`\\b${what}\\.(\\w+)`, 'g')), ([, name = '']) => name);
}

const READ = `
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
  for i = 2, math.max(tonumber(ARGV[1]) + 1, #unpacked) do add(unpacked[i]) end
end
return values`;

const CHANGE = `
local values = { cmsgpack.unpack(redis.call('GET', KEYS[1])) }
for i = 2, #ARGV, 2 do
  local field, value = tonumber(ARGV[i]), ARGV[i + 1]
  if type(values[field]) == 'number' then value = tonumber(value) end
  values[field] = value
end
redis.call('SET', KEYS[1], cmsgpack.pack(unpack(values, 1, tonumber(ARGV[1]))), 'KEEPTTL')`;

/** Everything in a packed value, as texts; nothing when it is not packed. */
export async function valuesOf(redis: Redis, key: string, fields = 0): Promise<string[]> {
  return (await redis.eval(READ, 1, key, fields)) as string[];
}

/** The fields that are there. */
export async function readPacked(redis: Redis, key: string, kind: Kind) {
  const names = FIELDS[kind];
  const values = await valuesOf(redis, key, names.length);
  const there = names.map((name, i) => [name, values[i]] as const).filter(([, value]) => value !== 'nil');
  return Object.fromEntries(values.length === 0 ? [] : there) as Record<string, string>;
}

export async function changePacked(
  redis: Redis,
  key: string,
  kind: Kind,
  changes: Readonly<Record<string, string | number>>,
): Promise<void> {
  const names = FIELDS[kind];
  const pairs = Object.entries(changes).flatMap(([name, value]) => {
    if (!names.includes(name)) throw new Error(`a ${kind} has no field ${name}`);
    return [names.indexOf(name) + 1, value];
  });
  await redis.eval(CHANGE, 1, key, names.length, ...pairs);
}

/** A list, as that of approvals, sends or failures. */
export async function writeList(redis: Redis, key: string, list: readonly (string | number)[]): Promise<void> {
  const lua = `redis.call('SET', KEYS[1], cmsgpack.pack(cjson.decode(ARGV[1])), 'KEEPTTL')`;
  await redis.eval(lua, 1, key, JSON.stringify(list));
}
