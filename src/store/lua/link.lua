--[[
  Ties a vendor's message id to its send, once, and hands out the reports that came before.

  KEYS[1] m  the link of the message id: since when, the send's report token
  KEYS[2] w  reports that wait for a link, of all message ids of this bucket (list): '<since> <name> <report>'
  ARGV[1] the message id's name
  ARGV[2] the send's report token

  Replies
    LINKED report…   each as it was given to lookup.lua, oldest first
]]
local link_key, waiting_key = unpack(KEYS)
local name, token = unpack(ARGV)
local now = clock()
if linked_token(redis.call('GET', link_key), now) then return { 'LINKED' } end

write(link_key, cmsgpack.pack(now, token), 'REPORT_MS')
local reply = { 'LINKED' }
for _, waiting in ipairs(redis.call('LRANGE', waiting_key, 0, -1)) do
  local from, to = string.find(waiting, ' ' .. name .. ' ', 1, true)
  if from then
    redis.call('LREM', waiting_key, 1, waiting)
    local since = tonumber(string.sub(waiting, 1, from - 1))
    if holds(since, since + EARLY_REPORT_MS, now) then reply[#reply + 1] = string.sub(waiting, to + 1) end
  end
end
return reply
