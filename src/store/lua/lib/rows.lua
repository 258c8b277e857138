-- Rows of a subject: see src/store/takes.ts. Under l, by form. members: a sorted set of who was there when last. ring: a
-- list: number of a part, how much it holds, number … ascending.

-- When members have room for one more; 0 when now. What no longer counts is deleted; what comes from the future of a
-- clock that was set back becomes now.
local function members_full_until(key, limit, window_ms, member, now)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window_ms)
  for _, late in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. now, '+inf')) do
    redis.call('ZADD', key, now, late)
  end
  local used = redis.call('ZCARD', key)
  if used < limit or redis.call('ZSCORE', key, member) then return 0 end
  local blocker = redis.call('ZRANGE', key, used - limit, used - limit, 'WITHSCORES')
  return blocker[2] + window_ms
end

local function part_ms_of(window_ms)
  return math.ceil(window_ms / RING_PARTS)
end

-- The parts that count, ascending, the one that has begun last. What comes from the future is in that from now on.
local function read_ring(key, part)
  local list, ring, begun, late = read_list(redis.call('GET', key)), {}, 0, false
  for i = 1, #list, 2 do
    if list[i] >= part then
      begun = begun + list[i + 1]
      late = late or list[i] > part
    elseif list[i] >= part - RING_PARTS then
      ring[#ring + 1], ring[#ring + 2] = list[i], list[i + 1]
    end
  end
  ring[#ring + 1], ring[#ring + 2] = part, begun
  if late then rewrite(key, cmsgpack.pack(ring)) end
  return ring
end

-- When a ring has room for an amount; 0 when now.
local function ring_full_until(ring, limit, window_ms, amount)
  local excess = amount - limit
  for i = 1, #ring, 2 do excess = excess + ring[i + 1] end
  if excess <= 0 then return 0 end
  local leaves = ring[#ring - 1]
  for i = 1, #ring, 2 do
    if excess <= 0 then break end
    if ring[i + 1] > 0 then
      leaves = ring[i]
      excess = excess - ring[i + 1]
    end
  end
  return (leaves + RING_PARTS + 1) * part_ms_of(window_ms)
end
