--[[
  Makes a pending code unusable and shows the record.

  KEYS[1] v  the current verification (hash)        KEYS[2] a  approvals (hash)
  ARGV[1] nonce of the id                           ARGV[2] <caller>:<purpose>
  ARGV[3] rules as JSON: retentionMs, approvalMs

  Replies
    RECORD json   {now, phoneVerifiedAt?, record?}
]]
local record_key, approvals_key = unpack(KEYS)
local nonce, owner, retention = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local now = clock()

local record = read_record(record_key, now)
local view = record_view(record, nonce, now, retention)
if view and view.state == 'pending' then
  redis.call('HSET', record_key, 'state', 'canceled')
  redis.call('HDEL', record_key, 'seed', 'mac', 'undo')
  record.state = 'canceled'
  view = record_view(record, nonce, now, retention)
end
return { 'RECORD', cjson.encode({
  now = now, phoneVerifiedAt = verified_at(approvals_key, owner, now, retention), record = view,
}) }
