--[[
  Ties a vendor's message id to its send, once, and hands out the reports that came before.

  KEYS[1] m  what is known of the message id (hash): token, or waiting reports until there is one; since; expires
  ARGV[1] the send's report token
  ARGV[2] how long the link is kept, ms

  Replies
    LINKED report…   each as it was given to lookup.lua, oldest first
]]
local message_key, token, keep_ms = KEYS[1], ARGV[1], ARGV[2]
local now = clock()
local message = read_hash(message_key)
if message.since and not holds(message.since, message.expires, now) then message = {} end
if message.token then return { 'LINKED' } end

redis.call('DEL', message_key)
write_hash(message_key, { token = token, since = decimal(now), expires = decimal(now + keep_ms) }, keep_ms)
return { 'LINKED', unpack(message.waiting and cjson.decode(message.waiting) or {}) }
