-- What callers are shown of a phone.

-- The record as GetVerification shows it; nil when there is none, another was asked for, or it is past retention.
local function record_view(record, nonce, now)
  if not record.nonce or (nonce ~= '' and nonce ~= record.nonce) or is_gone(record, now) then return nil end
  local state = record.state
  if state == 'pending' then
    if record.attempts >= record.guesses then
      state = 'exhausted'
    elseif not is_usable(record, now, replication_id()) then
      state = 'expired'
    end
  end
  return {
    nonce = record.nonce,
    state = state,
    createdAt = record.created,
    sentAt = record.sent,
    expiresAt = record.expires,
    approvedAt = record.approved,
    sends = record.sends,
    attempts = record.attempts,
    attemptsRemaining = state == 'pending' and record.guesses - record.attempts or 0,
    delivery = record.delivery,
  }
end

-- When this phone was last approved for an owner, within the retention; else nil.
local function verified_at(approvals, owner, now)
  for i = 1, #approvals, 2 do
    local time = approvals[i + 1]
    if approvals[i] == owner and holds(time, time + APPROVAL_RETENTION_MS, now) then return time end
  end
end
