--[[
  Whether this server can be the store: a primary that shows scripts its replication id, lets us read our keys and takes
  writes. Leaves nothing.

  KEYS[1]  any key under the prefix that nothing else uses

  Replies
    READY
]]
redis.call('GET', KEYS[1])
write(KEYS[1], clock(), '60000')
redis.call('DEL', KEYS[1])
return { 'READY' }
