-- What the scripts share: reading a record, and the limits (the same rules as src/domain/limits.ts).

local function hash(key)
  local flat = redis.call('HGETALL', key)
  local fields = {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end

local function write(key, fields)
  local flat = {}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  redis.call('HSET', key, unpack(flat))
end

-- Milliseconds as a decimal: Lua would write large numbers with an exponent.
local function whole(number)
  return string.format('%.0f', number)
end

local function is_pending(v, at, epoch)
  return v.state == 'pending' and v.history == epoch and at < tonumber(v.expires)
end

-- How full one sliding window over a sorted set of times is; frees_at and empty_at are 0 when there is no wait.
local function window_use(key, at, row)
  local used = redis.call('ZCOUNT', key, '(' .. whole(at - row.windowMs), '+inf')
  local function leaves(rank)
    return tonumber(redis.call('ZREVRANGE', key, rank, rank, 'WITHSCORES')[2]) + row.windowMs
  end
  return {
    used = used,
    freesAt = used >= row.limit and leaves(row.limit - 1) or 0,
    emptyAt = used > 0 and leaves(0) or 0,
  }
end

-- What a send would meet now. keys: s (sends), f (failed guesses), a (approvals); v: the current record.
local function send_status(at, keys, v, rules)
  local status = { budgets = {}, windows = {}, cooldown = { level = 0, endsAt = 0 } }
  local longest = at
  local function wait(name, ends_at)
    if ends_at > longest then
      longest = ends_at
      status.blocked = { by = name, retryAfterMs = ends_at - at }
    end
  end

  for i, row in ipairs(rules.budgets) do
    status.budgets[i] = window_use(keys.f, at, row)
    wait(row.name, status.budgets[i].freesAt)
  end

  local approved = tonumber(redis.call('HGET', keys.a, '*') or 0)
  local since = math.max(at - rules.cooldownMemoryMs, approved)
  local level = redis.call('ZCOUNT', keys.s, '(' .. whole(since), '+inf')
  status.cooldown.level = level
  local last = redis.call('ZREVRANGE', keys.s, 0, 0, 'WITHSCORES')
  -- The code died with the history that issued it: its user need not wait for another.
  local died = v.state == 'pending' and v.history ~= history()
    and last[1] and string.sub(last[1], 1, #v.send_id) == v.send_id
  if last[1] and not died then
    local step = rules.cooldownSteps[math.min(math.max(level, 1), #rules.cooldownSteps)]
    local ends_at = tonumber(last[2]) + rules.cooldownMs * step
    if ends_at > at then status.cooldown.endsAt = ends_at end
    wait('cooldown', ends_at)
  end

  for i, row in ipairs(rules.windows) do
    status.windows[i] = window_use(keys.s, at, row)
    wait(row.name, status.windows[i].freesAt)
  end
  return status
end

-- How many wrong guesses the tightest budget still allows.
local function guesses_left(at, key, budgets)
  local left
  for _, row in ipairs(budgets) do
    local rest = row.limit - window_use(key, at, row).used
    if not left or rest < left then left = rest end
  end
  return math.max(left, 0)
end

-- Past its retention, whether Redis has deleted it or not.
local function is_gone(v, at, keep)
  return at >= (v.state == 'approved' and v.approved + keep.approvalMs or v.expires + keep.retentionMs)
end

-- The record as GetVerification shows it; nil when there is none, another than the one asked for, or past its retention.
local function record_view(v, nonce, at, keep)
  if not v.nonce or (nonce ~= '' and nonce ~= v.nonce) or is_gone(v, at, keep) then return nil end
  local state = v.state
  if state == 'pending' then
    if tonumber(v.attempts) >= tonumber(v.guesses) then
      state = 'exhausted'
    elseif not is_pending(v, at, history()) then
      state = 'expired'
    end
  end
  return {
    nonce = v.nonce,
    state = state,
    createdAt = tonumber(v.created),
    sentAt = tonumber(v.sent),
    expiresAt = tonumber(v.expires),
    approvedAt = tonumber(v.approved),
    sends = tonumber(v.sends),
    attempts = tonumber(v.attempts),
    attemptsRemaining = state == 'pending' and v.guesses - v.attempts or 0,
    delivery = v.delivery,
  }
end

-- When this phone was last approved for an owner (<caller>:<purpose>), within the retention; nil when it was not.
local function verified_at(key, owner, at, keep)
  local approved = tonumber(redis.call('HGET', key, owner) or nil)
  if approved and at < approved + keep.approvalMs then return approved end
end
