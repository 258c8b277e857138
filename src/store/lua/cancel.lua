--[[
  Makes a pending code unusable and shows the record.

  KEYS[1] v  the current verification (hash)        KEYS[2] a  approvals (hash)
  ARGV[1] nonce of the id                           ARGV[2] <caller>:<purpose>
  ARGV[3] rules as JSON: retentionMs, approvalMs

  Replies
    RECORD json   {now, phoneVerifiedAt?, record?}
]]
local keep = cjson.decode(ARGV[3])
local at = now()
local v = hash(KEYS[1])
local view = record_view(v, ARGV[1], at, keep)
if view and view.state == 'pending' then
  redis.call('HSET', KEYS[1], 'state', 'canceled')
  redis.call('HDEL', KEYS[1], 'seed', 'mac', 'undo')
  v.state = 'canceled'
  view = record_view(v, ARGV[1], at, keep)
end
return { 'RECORD', cjson.encode({
  now = at, phoneVerifiedAt = verified_at(KEYS[2], ARGV[2], at, keep), record = view,
}) }
