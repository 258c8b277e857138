-- Put before every script by the loader: the only sources of time and of history. Tests load another prelude, whose
-- clock they turn by hand.

-- Milliseconds since the epoch on Redis's own clock.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The id of the replication history this node writes: new at every promotion and restart. A code lives only on the
-- history that issued it, because a promoted replica may not know that the code was already used.
local function history()
  local id = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
  if not id then error('INFO replication shows no master_replid') end
  return id
end
