-- Put before every script by the loader: no script runs on a replica; the only sources of time and of the replication
-- id; how values are packed. Tests put functions of their own after it: a clock that they turn by hand, another
-- replication id.
--
-- What is stored is MessagePack, written and read whole: one command, and no state in between. Names in capitals are rules
-- of src/domain/, written in by the loader; as a TTL in quotes, because Redis takes its time to format a number.

-- Searched, and not matched: every script does it, and a pattern over this text costs as much as INFO itself.
local info = redis.call('INFO', 'replication')
local _, before_id = string.find(info, 'master_replid:', 1, true)
if not before_id or not string.find(info, 'role:', 1, true) then
  error('INFO replication shows no role and master_replid')
end

-- A replica may be behind, and shares its replication id with its primary: a code would be approved on both of them. It
-- is refused as Redis refuses writes there, so the client connects anew: the address may lead to the primary by now.
local is_primary = string.find(info, 'role:master', 1, true)
if not is_primary then return redis.error_reply('READONLY this Redis is a replica') end

-- 64 random bits, new at every promotion and restart.
local history = string.sub(info, before_id + 1, before_id + 16)

-- The time of this call: milliseconds since the epoch, on Redis's own clock.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The id of the replication history that this node writes. A code lives only under the id that issued it, because a
-- promoted replica may not know that the code was already used.
local function replication_id()
  return history
end

-- Whether something holds now that was written at `from` and ends at `to`. What comes from the future does not: the
-- clock was set back since, nobody knows how long ago, so it would hold for too long.
local function holds(from, to, now)
  return from <= now and now < to
end

-- No key is ever without a TTL.
local function write(key, value, ttl_ms)
  redis.call('SET', key, value, 'PX', ttl_ms)
end

-- A key that is there keeps the TTL that it has.
local function rewrite(key, value)
  redis.call('SET', key, value, 'XX', 'KEEPTTL')
end

-- Lists as they are stored: under f the times of failed guesses; under s the sends of all callers: time, SMS that it is
-- charged for, <caller>:<send id>, time, …; under a the last approvals: <caller>:<purpose>, time, …

-- A list; empty when there is no such key.
local function read_list(text)
  return text and cmsgpack.unpack(text) or {}
end

-- A list of records of `width` values, the time first; without what came at `oldest` or before.
local function without_old(list, width, oldest)
  local kept = {}
  for i = 1, #list, width do
    if list[i] > oldest then
      for field = i, i + width - 1 do kept[#kept + 1] = list[field] end
    end
  end
  return kept
end

-- What is stored of a text that begins with a secret which only the service can compute, and goes on with what it stands
-- for: who can write to Redis, but does not know the secret, cannot make it stand for anything else. 128 bits, as many as
-- the secret has.
local function bound(text)
  return string.sub(redis.sha1hex(text), 1, 32)
end
