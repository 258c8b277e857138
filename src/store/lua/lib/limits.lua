-- What a caller meets at a phone: the same rules as src/domain/limits.ts.

local steps = COOLDOWN_STEPS

-- Times from the future of a clock that was set back become now, so that they count as long as their rules say from the
-- first time that they are met: neither until the clock gets there, nor not at all. Returns a list of `width` values each.
local function read_times(text, key, width, now)
  local list = read_list(text)
  local late = false
  for i = 1, #list, width do
    if list[i] > now then
      list[i] = now
      late = true
    end
  end
  if late then rewrite(key, cmsgpack.pack(list)) end
  return list
end

-- The sends to a phone as one caller may know them: the times of all, those of its own, and whose the newest is, as
-- <caller>:<send id>. Times of other callers' sends are rounded up to a grid, wherever they count: neither a wait nor the
-- end of one tells when exactly another caller sent. (Who asks all the time sees a number grow.)
local function seen_sends(sends, caller)
  local prefix = caller .. ':'
  local all, own, newest, newest_time = {}, {}, '', 0
  for i = 1, #sends, SEND_FIELDS do
    local time, messages, member = sends[i], sends[i + 1], sends[i + 2]
    local is_own = string.sub(member, 1, #prefix) == prefix
    if not is_own then time = math.ceil(time / SHARED_GRID_MS) * SHARED_GRID_MS end
    if time >= newest_time then newest, newest_time = member, time end
    for _ = 1, messages do
      all[#all + 1] = time
      if is_own then own[#own + 1] = time end
    end
  end
  return newest_first(all), newest_first(own), newest
end

-- When the phone was last approved for a caller, whatever the purpose; 0 when never. What comes from the future does not count.
local function last_approval(approvals, caller, now)
  local prefix, last = caller .. ':', 0
  for i = 1, #approvals, 2 do
    local time = approvals[i + 1]
    if time > last and time <= now and string.sub(approvals[i], 1, #prefix) == prefix then last = time end
  end
  return last
end

-- How many sends the cooldown counts, and when it ends; 0 without one. It begins anew with an approval of this caller's
-- own: another one's is not to be seen in the wait.
local function cooldown_use(times, now, approved, cooldown_ms)
  local level = count_after(times, math.max(now - COOLDOWN_MEMORY_MS, approved))
  if #times == 0 then return level, 0 end
  return level, times[1] + cooldown_ms * steps[math.min(math.max(level, 1), #steps)]
end

-- Whether a record is of the newest send and its code was outstanding when the replication id changed: its user need not
-- wait for another one.
local function cooldown_waived(record, newest, now, caller)
  return is_outstanding(record, now) and record.replication_id ~= replication_id()
    and newest == caller .. ':' .. record.send_id
end

-- The one of these limits that is full for the longest time, and when it has room; by and ends_at unless it is longer.
local function longest_wait(now, times, limits, by, ends_at)
  for i = 1, #limits, LIMIT_FIELDS do
    local _, frees_at = window_use(times, now, limits[i + 1], limits[i + 2])
    if frees_at > ends_at then by, ends_at = limits[i], frees_at end
  end
  return by, ends_at
end

-- The limit that refuses a send for the longest time and when that ends; nil and now when none does.
local function send_wait(now, failures, times, windows, cooldown_ends)
  local by, ends_at = longest_wait(now, failures, budgets, nil, now)
  if cooldown_ends > ends_at then by, ends_at = 'cooldown', cooldown_ends end
  return longest_wait(now, times, windows, by, ends_at)
end
