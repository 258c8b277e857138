--[[
  Whether this server can be the store: it takes writes, and it shows scripts the history they write.

  No keys, no arguments.

  Replies
    READY
    READ_ONLY   a replica, for example the old primary after a failover
]]
history()
if not string.find(redis.call('INFO', 'replication'), 'role:master', 1, true) then return { 'READ_ONLY' } end
return { 'READY' }
