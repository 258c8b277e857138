--[[
  Makes a pending code unusable and shows the record.

  KEYS[1] v  the current verification        KEYS[2] a  approvals
  ARGV[1] nonce of the id                    ARGV[2] <caller>:<purpose>

  Replies
    RECORD json   {now, phoneVerifiedAt?, record?}
]]
local record_key, approvals_key = unpack(KEYS)
local nonce, owner = ARGV[1], ARGV[2]
local now = clock()

local stored = redis.call('MGET', record_key, approvals_key)
local record = read_record(stored[1], record_key, now)
local view = record_view(record, nonce, now)
if view and view.state == 'pending' then
  end_code(record, 'canceled')
  rewrite(record_key, pack_record(record))
  view = record_view(record, nonce, now)
end
return { 'RECORD', cjson.encode({
  now = now, phoneVerifiedAt = verified_at(read_list(stored[2]), owner, now), record = view,
}) }
