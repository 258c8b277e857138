-- Put before every script by the loader: no script runs on a replica; the only sources of time and of the replication
-- id; how hashes are read and written. Tests put functions of their own after it: a clock that they turn by hand,
-- another replication id.

-- A replica may be behind, and shares its replication id with its primary: a code would be approved on both of them. It
-- is refused as Redis refuses writes there, so the client connects anew: the address may lead to the primary by now.
local role, history = string.match(redis.call('INFO', 'replication'), 'role:(%a+).-master_replid:(%x+)')
if not history then error('INFO replication shows no role and master_replid') end
if role ~= 'master' then return redis.error_reply('READONLY this Redis is a replica') end

-- The time of this call: milliseconds since the epoch, on Redis's own clock.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The id of the replication history that this node writes: new at every promotion and restart. A code lives only under
-- the id that issued it, because a promoted replica may not know that the code was already used.
local function replication_id()
  return history
end

-- Whether something holds now that was written at `from` and ends at `to`. What comes from the future does not: the
-- clock was set back since, nobody knows how long ago, so it would hold for too long.
local function holds(from, to, now)
  return tonumber(from) <= now and now < tonumber(to)
end

-- All fields of a hash by name; empty when there is no such key.
local function read_hash(key)
  local flat = redis.call('HGETALL', key)
  local fields = {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end

-- Some fields of a hash by name; a field that is not there is nil.
local function read_fields(key, ...)
  local values = redis.call('HMGET', key, ...)
  local fields = {}
  for i, name in ipairs({ ... }) do fields[name] = values[i] or nil end
  return fields
end

-- A whole number as a decimal: Lua would write large ones with an exponent.
local function decimal(number)
  return string.format('%.0f', number)
end

-- No key is without a TTL for longer than one command.
local function write_hash(key, fields, ttl_ms)
  local flat = {}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  redis.call('HSET', key, unpack(flat))
  redis.call('PEXPIRE', key, decimal(ttl_ms))
end

-- Adds a time to a sorted set of times, which forgets those older than `ttl_ms`.
local function add_time(key, time, member, ttl_ms)
  redis.call('ZADD', key, time, member)
  redis.call('PEXPIRE', key, decimal(ttl_ms))
  redis.call('ZREMRANGEBYSCORE', key, '-inf', decimal(time - ttl_ms))
end

-- What is stored of a secret that only the service can compute, bound to what it stands for: who can write to Redis, but
-- does not know the secret, cannot make it stand for anything else.
local function bound(secret, ...)
  return redis.sha1hex(table.concat({ secret, ... }, ':'))
end

-- What is stored of a code: its keyed MAC, bound to the verification, its session, its variables and its end.
local function bound_mac(mac, record)
  return bound(mac, record.nonce, record.session, record.content, record.expires)
end
