-- The limits on sends and guesses: the same rules as src/domain/limits.ts, over sorted sets of times.

-- The member of a send: it tells whose it is.
local function send_member(caller, send_id)
  return caller .. ':' .. send_id
end

-- How full one sliding window is. freesAt and emptyAt are 0 when the window is free, or empty, already.
local function window_use(key, now, limit)
  local used = redis.call('ZCOUNT', key, '(' .. decimal(now - limit.windowMs), '+inf')
  -- When the time with this rank, counted from the newest, leaves the window.
  local function leaves(rank)
    return tonumber(redis.call('ZREVRANGE', key, rank, rank, 'WITHSCORES')[2]) + limit.windowMs
  end
  return {
    used = used,
    freesAt = used >= limit.limit and leaves(limit.limit - 1) or 0,
    emptyAt = used > 0 and leaves(0) or 0,
  }
end

-- Times from the future of a clock that was set back become now, so that they count as long as their rules say from the
-- first time that they are met: neither until the clock gets there, nor not at all.
local function bring_back(key, now)
  local late = redis.call('ZCOUNT', key, '(' .. decimal(now), '+inf')
  if late == 0 then return end
  for _, member in ipairs(redis.call('ZREVRANGE', key, 0, late - 1)) do redis.call('ZADD', key, now, member) end
end

-- The sends to a phone as one caller may know them, newest first. Times of other callers' sends are rounded up to a grid,
-- wherever they count: neither a wait nor the end of one tells when exactly another caller sent. (Who asks all the time
-- sees a number grow.)
local function seen_sends(key, rules)
  local flat = redis.call('ZREVRANGE', key, 0, -1, 'WITHSCORES')
  local own_prefix = send_member(rules.caller, '')
  local seen = {}
  for i = 1, #flat, 2 do
    local own = string.sub(flat[i], 1, #own_prefix) == own_prefix
    local time = tonumber(flat[i + 1])
    if not own then time = math.ceil(time / rules.sharedGridMs) * rules.sharedGridMs end
    seen[#seen + 1] = { member = flat[i], time = time, own = own }
  end
  table.sort(seen, function(one, other) return one.time > other.time end)
  return seen
end

-- How many of these sends came after a time, and how many of them are the caller's own.
local function count_after(seen, time)
  local count, own = 0, 0
  for _, send in ipairs(seen) do
    if send.time > time then
      count = count + 1
      if send.own then own = own + 1 end
    end
  end
  return count, own
end

local function sends_use(seen, now, limit)
  local used, own = count_after(seen, now - limit.windowMs)
  return {
    used = used,
    own = own,
    freesAt = used >= limit.limit and seen[limit.limit].time + limit.windowMs or 0,
    emptyAt = used > 0 and seen[1].time + limit.windowMs or 0,
  }
end

-- What a send would meet now. keys: sends, failures, approvals; record: the current one, empty when there is none.
local function send_status(now, keys, record, rules)
  local status = { budgets = {}, windows = {} }
  local longest = now
  local function wait(name, ends_at)
    if ends_at > longest then
      longest = ends_at
      status.blocked = { by = name, retryAfterMs = ends_at - now }
    end
  end

  bring_back(keys.sends, now)
  bring_back(keys.failures, now)
  for i, budget in ipairs(rules.budgets) do
    status.budgets[i] = window_use(keys.failures, now, budget)
    wait(budget.name, status.budgets[i].freesAt)
  end

  local seen = seen_sends(keys.sends, rules)
  -- Of this caller's own: another one's approval is not to be seen in the wait.
  local approved = tonumber(redis.call('HGET', keys.approvals, rules.caller) or 0)
  if approved > now then approved = 0 end
  local since = math.max(now - rules.cooldownMemoryMs, approved)
  local level = count_after(seen, since)
  status.cooldown = { level = level, endsAt = 0 }
  local last = seen[1]
  -- A code that was outstanding died with the replication id that issued it: its user need not wait for another one. A
  -- send that was charged several times has several members, and each begins with its send id.
  local member = is_outstanding(record, now) and send_member(rules.caller, record.send_id)
  local died = last and member and record.replication_id ~= replication_id()
    and string.sub(last.member, 1, #member) == member
  if last and not died then
    local step = rules.cooldownSteps[math.min(math.max(level, 1), #rules.cooldownSteps)]
    local ends_at = last.time + rules.cooldownMs * step
    if ends_at > now then status.cooldown.endsAt = ends_at end
    wait('cooldown', ends_at)
  end

  for i, window in ipairs(rules.windows) do
    status.windows[i] = sends_use(seen, now, window)
    wait(window.name, status.windows[i].freesAt)
  end
  return status
end

-- How many wrong guesses the tightest budget still allows.
local function guesses_left(now, failures_key, budgets)
  local least = math.huge
  for _, budget in ipairs(budgets) do
    least = math.min(least, budget.limit - window_use(failures_key, now, budget).used)
  end
  return math.max(least, 0)
end
