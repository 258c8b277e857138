-- The limits on sends and guesses: the same rules as src/domain/limits.ts, over sorted sets of times.

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
  local newest = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
  while newest[1] and tonumber(newest[2]) > now do
    redis.call('ZADD', key, now, newest[1])
    newest = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
  end
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

  local approved = tonumber(redis.call('HGET', keys.approvals, '*') or 0)
  if approved > now then approved = 0 end
  local since = math.max(now - rules.cooldownMemoryMs, approved)
  local level = redis.call('ZCOUNT', keys.sends, '(' .. decimal(since), '+inf')
  status.cooldown = { level = level, endsAt = 0 }
  local last_send, last_time = unpack(redis.call('ZREVRANGE', keys.sends, 0, 0, 'WITHSCORES'))
  -- The code died with the replication id that issued it: its user need not wait for another one. A send that was
  -- charged several times has several members, and each begins with its send id.
  local died = last_send and record.state == 'pending' and record.replication_id ~= replication_id()
    and string.sub(last_send, 1, #record.send_id) == record.send_id
  if last_send and not died then
    local step = rules.cooldownSteps[math.min(math.max(level, 1), #rules.cooldownSteps)]
    local ends_at = tonumber(last_time) + rules.cooldownMs * step
    if ends_at > now then status.cooldown.endsAt = ends_at end
    wait('cooldown', ends_at)
  end

  for i, window in ipairs(rules.windows) do
    status.windows[i] = window_use(keys.sends, now, window)
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
