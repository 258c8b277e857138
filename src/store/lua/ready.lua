--[[
  Whether this server can be the store: a primary that shows scripts its replication id and lets us read our keys.

  KEYS[1]  any key under the prefix, only to see that it may be read

  Replies
    READY
]]
read_hash(KEYS[1])
return { 'READY' }
