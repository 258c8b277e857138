--[[
  Finds the send of a vendor's message id, or keeps the report until the two are linked.

  KEYS[1] m  what is known of the message id (hash): token, or waiting reports until there is one; since; expires
  ARGV[1] the report as JSON
  ARGV[2] how long a report waits, ms
  ARGV[3] how many wait; beyond it the oldest is forgotten

  Replies
    FOUND token
    KEPT
]]
local message_key, report, wait_ms, most = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local now = clock()
local message = read_hash(message_key)
if message.since and not holds(message.since, message.expires, now) then message = {} end
if message.token then return { 'FOUND', message.token } end

local waiting = message.waiting and cjson.decode(message.waiting) or {}
waiting[#waiting + 1] = report
if #waiting > most then table.remove(waiting, 1) end
-- An expired token must not come back with it.
redis.call('DEL', message_key)
write_hash(message_key, {
  waiting = cjson.encode(waiting), since = decimal(now), expires = decimal(now + wait_ms),
}, wait_ms)
return { 'KEPT' }
