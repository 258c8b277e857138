--[[
  Finds the send behind a vendor's message id, or keeps the report until the two are linked.

  KEYS[1] m  what is known of the message id (hash)
  ARGV[1] the report as JSON
  ARGV[2] how long a report waits, ms
  ARGV[3] how many wait; beyond it the oldest is forgotten

  Replies
    FOUND token
    KEPT
]]
local at = now()
local m = hash(KEYS[1])
if m.expires and at >= tonumber(m.expires) then m = {} end
if m.token then return { 'FOUND', m.token } end

local waiting = m.waiting and cjson.decode(m.waiting) or {}
waiting[#waiting + 1] = ARGV[1]
if #waiting > tonumber(ARGV[3]) then table.remove(waiting, 1) end
redis.call('DEL', KEYS[1])
write(KEYS[1], { waiting = cjson.encode(waiting), expires = whole(at + ARGV[2]) })
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { 'KEPT' }
