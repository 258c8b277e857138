--[[
  Ties a vendor's message id to its send, once, and hands out the reports that came before.

  KEYS[1] m  the link of the message id (hash): token, since, expires
  KEYS[2] w  reports that wait for a link, of all message ids of this bucket (list): '<since> <name> <report>'
  ARGV[1] the message id's name
  ARGV[2] the send's report token
  ARGV[3] how long the link is kept, ms
  ARGV[4] how long a report waits, ms

  Replies
    LINKED report…   each as it was given to lookup.lua, oldest first
]]
local link_key, waiting_key = unpack(KEYS)
local name, token, keep_ms, wait_ms = unpack(ARGV)
local now = clock()
local link = read_hash(link_key)
if link.token and holds(link.since, link.expires, now) then return { 'LINKED' } end

write_hash(link_key, { token = token, since = decimal(now), expires = decimal(now + keep_ms) }, keep_ms)
local reply = { 'LINKED' }
for _, waiting in ipairs(redis.call('LRANGE', waiting_key, 0, -1)) do
  local from, to = string.find(waiting, ' ' .. name .. ' ', 1, true)
  if from then
    redis.call('LREM', waiting_key, 1, waiting)
    local since = string.sub(waiting, 1, from - 1)
    if holds(since, since + wait_ms, now) then reply[#reply + 1] = string.sub(waiting, to + 1) end
  end
end
return reply
