--[[
  Gives back what one take took, as far as it still counts. Rows that a later take of the same member holds are left alone.

  KEYS     l  of each row
  ARGV[1]  when it was taken
  ARGV     then of each row: 'members' or 'ring', window in ms, member or amount, and what TAKEN said of it

  Replies
    GIVEN
]]
local ROW_FIELDS = 4
local now, taken_at = clock(), tonumber(ARGV[1])

for i, key in ipairs(KEYS) do
  local form, window_ms, what, before = unpack(ARGV, (i - 1) * ROW_FIELDS + 2, i * ROW_FIELDS + 1)
  window_ms = tonumber(window_ms)
  if before ~= 'full' and form == 'members' then
    if tonumber(redis.call('ZSCORE', key, what) or 0) == taken_at then
      if before ~= '' and tonumber(before) > now - window_ms then
        redis.call('ZADD', key, before, what)
      else
        redis.call('ZREM', key, what)
      end
    end
  elseif before ~= 'full' then
    local ring = read_list(redis.call('GET', key))
    local part = math.floor(taken_at / part_ms_of(window_ms))
    for j = 1, #ring, 2 do
      if ring[j] == part then ring[j + 1] = math.max(0, ring[j + 1] - what) end
    end
    if #ring > 0 then rewrite(key, cmsgpack.pack(ring)) end
  end
end
return { 'GIVEN' }
