--[[
  Ties a vendor's message id to the send behind it, once, and hands out the reports that came before.

  KEYS[1] m  what is known of the message id (hash)
  ARGV[1] the send's report token
  ARGV[2] how long the link is kept, ms

  Replies
    LINKED report…   each as it was given to lookup.lua, oldest first
]]
local at = now()
local m = hash(KEYS[1])
if m.expires and at >= tonumber(m.expires) then m = {} end
if m.token then return { 'LINKED' } end

redis.call('DEL', KEYS[1])
write(KEYS[1], { token = ARGV[1], expires = whole(at + ARGV[2]) })
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { 'LINKED', unpack(m.waiting and cjson.decode(m.waiting) or {}) }
