--[[
  The record of a verification, as it is stored under v (hash). Times are milliseconds since the epoch.

  nonce            what its verification id contains
  seed, mac        what the code derives from, and what a guess is compared with (bound_mac); gone once it has ended
  session          keyed session that it is bound to, '' for none
  content          keyed hash of the variables that it was sent with
  replication_id   of the node that issued the code
  state            pending, approved or canceled; exhausted and expired follow from the fields below
  created, expires, approved
  approved_by      the tag of the verdict that approved it
  digits           of the code
  guesses          how many it allows
  attempts         guesses made; by_phone: how many of them by phone number instead of by id
  test             1 for a test number, else not there
  send_id, sent    of the last SMS, and when it was reserved
  sends            SMS that may have gone out
  delivery         of the last SMS, as JSON; not there until settle.lua
  early            reports that came before settle.lua, as JSON
  undo             the record before the last SMS, as JSON: what a refund puts back; not there after settle.lua
]]

-- The record; empty when there is none. One from the future of a clock that was set back is dead, and is deleted, so
-- that it does not come alive again when the clock gets there.
local function read_record(key, now)
  local record = read_hash(key)
  local last = record.approved or record.sent
  if not last or tonumber(last) <= now then return record end
  redis.call('DEL', key)
  return {}
end

-- Whether the right code would be approved, on the node that issued it.
local function is_outstanding(record, now)
  return record.state == 'pending' and now < tonumber(record.expires)
    and tonumber(record.attempts) < tonumber(record.guesses)
end

-- Whether the right code would be approved here.
local function is_usable(record, now, replication)
  return record.replication_id == replication and is_outstanding(record, now)
end

-- Past its retention, whether Redis has deleted it or not.
local function is_gone(record, now, retention)
  if record.state == 'approved' then return now >= record.approved + retention.approvalMs end
  return now >= record.expires + retention.retentionMs
end

-- The record as GetVerification shows it; nil when there is none, another was asked for, or it is past retention.
local function record_view(record, nonce, now, retention)
  if not record.nonce or (nonce ~= '' and nonce ~= record.nonce) or is_gone(record, now, retention) then return nil end
  local state = record.state
  if state == 'pending' then
    if tonumber(record.attempts) >= tonumber(record.guesses) then
      state = 'exhausted'
    elseif not is_usable(record, now, replication_id()) then
      state = 'expired'
    end
  end
  return {
    nonce = record.nonce,
    state = state,
    createdAt = tonumber(record.created),
    sentAt = tonumber(record.sent),
    expiresAt = tonumber(record.expires),
    approvedAt = tonumber(record.approved),
    sends = tonumber(record.sends),
    attempts = tonumber(record.attempts),
    attemptsRemaining = state == 'pending' and record.guesses - record.attempts or 0,
    delivery = record.delivery,
  }
end

-- When this phone was last approved for an owner (<caller>:<purpose>), within the retention; else nil.
local function verified_at(approvals_key, owner, now, retention)
  local approved = tonumber(redis.call('HGET', approvals_key, owner) or nil)
  if approved and holds(approved, approved + retention.approvalMs, now) then return approved end
end
