--[[
  Finds the send of a vendor's message id, or keeps the report until the two are linked.

  KEYS[1] m  the link of the message id: since when, the send's report token
  KEYS[2] w  reports that wait for a link, of all message ids of this bucket (list): '<since> <name> <report>'
  ARGV[1] the message id's name
  ARGV[2] the report as JSON

  Replies
    FOUND token
    KEPT
]]
local link_key, waiting_key = unpack(KEYS)
local name, report = unpack(ARGV)
local now = clock()
local token = linked_token(redis.call('GET', link_key), now)
if token then return { 'FOUND', token } end

redis.call('RPUSH', waiting_key, now .. ' ' .. name .. ' ' .. report)
redis.call('PEXPIRE', waiting_key, 'EARLY_REPORT_MS')
-- Beyond it the oldest is forgotten, whichever message it is of.
redis.call('LTRIM', waiting_key, -WAITING_REPORTS, -1)
return { 'KEPT' }
