-- Sliding windows: the same rules as src/domain/limits.ts. Limits are flat lists: name, limit, window in ms, name, …; times
-- are those in the past, newest first.

local budgets = GUESS_BUDGETS

local function newest_first(list)
  if #list > 1 then table.sort(list, function(one, other) return one > other end) end
  return list
end

-- How many of these times came after another one.
local function count_after(times, time)
  local count = 0
  while count < #times and times[count + 1] > time do count = count + 1 end
  return count
end

-- How full one sliding window is, when it has room and when it is empty; 0 when it has room, or is empty, already.
local function window_use(times, now, limit, window_ms)
  local used = count_after(times, now - window_ms)
  return used, used >= limit and times[limit] + window_ms or 0, used > 0 and times[1] + window_ms or 0
end

-- How many more times the tightest of these limits allows.
local function least_left(now, times, limits)
  local least = math.huge
  for i = 1, #limits, LIMIT_FIELDS do
    local used = window_use(times, now, limits[i + 1], limits[i + 2])
    least = math.min(least, limits[i + 1] - used)
  end
  return math.max(least, 0)
end
