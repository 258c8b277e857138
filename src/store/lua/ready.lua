--[[
  Whether this server can be the store: a primary that shows scripts its replication id, lets us read our keys and takes
  writes. Leaves nothing.

  KEYS[1]  any key under the prefix that nothing else uses

  Replies
    READY
]]
read_hash(KEYS[1])
write_hash(KEYS[1], { at = decimal(clock()) }, 60000)
redis.call('DEL', KEYS[1])
return { 'READY' }
