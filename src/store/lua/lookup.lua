--[[
  Finds the send of a vendor's message id, or keeps the report until the two are linked.

  KEYS[1] m  the link of the message id (hash): token, since, expires
  KEYS[2] w  reports that wait for a link, of all message ids of this bucket (list): '<since> <name> <report>'
  ARGV[1] the message id's name
  ARGV[2] the report as JSON
  ARGV[3] how long a report waits, ms
  ARGV[4] how many wait in a bucket; beyond it the oldest is forgotten, whichever message it is of

  Replies
    FOUND token
    KEPT
]]
local link_key, waiting_key = unpack(KEYS)
local name, report, wait_ms, most = unpack(ARGV)
local now = clock()
local link = read_hash(link_key)
if link.token and holds(link.since, link.expires, now) then return { 'FOUND', link.token } end

redis.call('RPUSH', waiting_key, decimal(now) .. ' ' .. name .. ' ' .. report)
redis.call('PEXPIRE', waiting_key, wait_ms)
redis.call('LTRIM', waiting_key, -most, -1)
return { 'KEPT' }
