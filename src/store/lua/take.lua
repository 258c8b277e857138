--[[
  Takes from every row of a subject, or from none.

  KEYS  l  of each row
  ARGV  of each row: 'members' or 'ring', limit, window in ms, member or amount, '1' when it refuses, else ''

  Replies
    TAKEN now row …                  of each row: when its member was there before, '' for never; 'full' when nothing is
                                     taken, because it only counts and is full
    REFUSED index retry_after_ms     of the row that is full for the longest time, from 0
]]
local ROW_FIELDS = 5
local now = clock()

local ends, rings = {}, {}
local longest, ends_at
for i, key in ipairs(KEYS) do
  local form, limit, window_ms, what, enforced = unpack(ARGV, (i - 1) * ROW_FIELDS + 1, i * ROW_FIELDS)
  limit, window_ms = tonumber(limit), tonumber(window_ms)
  if form == 'members' then
    ends[i] = members_full_until(key, limit, window_ms, what, now)
  else
    rings[i] = read_ring(key, math.floor(now / part_ms_of(window_ms)))
    ends[i] = ring_full_until(rings[i], limit, window_ms, tonumber(what))
  end
  if enforced == '1' and ends[i] > (ends_at or 0) then longest, ends_at = i, ends[i] end
end
if longest then return { 'REFUSED', longest - 1, ends_at - now } end

local reply = { 'TAKEN', now }
for i, key in ipairs(KEYS) do
  local form, _, window_ms, what = unpack(ARGV, (i - 1) * ROW_FIELDS + 1, i * ROW_FIELDS)
  window_ms = tonumber(window_ms)
  local before = ''
  if ends[i] > 0 then
    before = 'full'
  elseif form == 'members' then
    before = redis.call('ZSCORE', key, what) or ''
    redis.call('ZADD', key, now, what)
    redis.call('PEXPIRE', key, window_ms)
  else
    local ring = rings[i]
    ring[#ring] = ring[#ring] + what
    write(key, cmsgpack.pack(ring), (RING_PARTS + 1) * part_ms_of(window_ms))
  end
  reply[#reply + 1] = before
end
return reply
