--[[
  Whether this server can be the store: it takes writes, shows scripts its replication id, and lets us read our keys.

  KEYS[1]  any key under the prefix, only to see that it may be read

  Replies
    READY
    READ_ONLY   a replica, for example the old primary after a failover
]]
replication_id()
read_hash(KEYS[1])
if not string.find(redis.call('INFO', 'replication'), 'role:master') then return { 'READ_ONLY' } end
return { 'READY' }
