--[[
  Reserves one send: takes all limits and writes the record; or takes none and says which limit refuses. A send to a
  test number is not limited and takes none.

  KEYS[1] v  the current verification (hash)        KEYS[4] a  approvals (hash)
  KEYS[2] s  sends of the phone (sorted set)        KEYS[5] r  the stored answer of this request id (hash)
  KEYS[3] f  failed guesses (sorted set)

  ARGV[1] rules as JSON: lifeMs, digits, guesses, resend, cooldownMs, cooldownSteps, cooldownMemoryMs, windows,
          budgets, keepSendsMs, retentionMs, replayMs, test
  ARGV[2] send id      ARGV[4] seed of a new code         ARGV[6] keyed session, '' for none
  ARGV[3] new nonce    ARGV[5] keyed MAC of a new code    ARGV[7] request fingerprint, '' without a request id

  Replies
    RESERVED nonce sent expires resend remaining seed
    REPLAYED nonce sent expires resend remaining seed delivery now   (seed and delivery may be '')
    REQUEST_ID_REUSED
    BLOCKED by retry_after_ms
]]
local record_key, sends_key, failures_key, approvals_key, answer_key = unpack(KEYS)
local rules = cjson.decode(ARGV[1])
local send_id, nonce, seed, mac, session, fingerprint = unpack(ARGV, 2)
local now = clock()
local record = read_record(record_key, now)

if fingerprint ~= '' then
  local answer = read_hash(answer_key)
  if answer.fingerprint and holds(answer.sent, answer.sent + rules.replayMs, now) then
    if answer.fingerprint ~= fingerprint then return { 'REQUEST_ID_REUSED' } end
    local live_seed = record.nonce == answer.nonce and record.seed or ''
    -- The record's delivery includes what was reported since.
    local delivery = record.send_id == answer.send_id and record.delivery or answer.delivery or ''
    return {
      'REPLAYED', answer.nonce, answer.sent, answer.expires, answer.resend, answer.remaining,
      live_seed, delivery, decimal(now),
    }
  end
end

local keys = { sends = sends_key, failures = failures_key, approvals = approvals_key }
local before = rules.test and {} or send_status(now, keys, record, rules)
if before.blocked then return { 'BLOCKED', before.blocked.by, decimal(before.blocked.retryAfterMs) } end

local replication = replication_id()
local same = rules.resend == 'same' and not rules.test
  and is_pending(record, now, replication) and not record.test
  and tonumber(record.attempts) < tonumber(record.guesses)
  and record.session == session
  and tonumber(record.digits) == rules.digits
  -- More than half of its life is left.
  and (record.expires - now) * 2 > record.expires - record.created

local undo
if record.nonce then
  -- Only one step back is kept.
  record.undo = nil
  undo = cjson.encode(record)
end

if not rules.test then
  redis.call('ZADD', sends_key, now, send_id)
  redis.call('ZREMRANGEBYSCORE', sends_key, '-inf', decimal(now - rules.keepSendsMs))
  redis.call('PEXPIRE', sends_key, decimal(rules.keepSendsMs))
end

if same then
  write_hash(record_key, { send_id = send_id, sent = decimal(now), sends = record.sends + 1, undo = undo })
  redis.call('HDEL', record_key, 'delivery', 'early')
else
  local granted = rules.test and rules.guesses
    or math.min(rules.guesses, guesses_left(now, failures_key, rules.budgets))
  record = {
    nonce = nonce, seed = seed, mac = mac, session = session, replication_id = replication, state = 'pending',
    created = decimal(now), expires = decimal(now + rules.lifeMs), digits = rules.digits,
    guesses = granted, attempts = 0, by_phone = 0, test = rules.test and 1 or nil,
    send_id = send_id, sent = decimal(now), sends = 1, undo = undo,
  }
  redis.call('DEL', record_key)
  write_hash(record_key, record)
end
redis.call('PEXPIRE', record_key, decimal(record.expires - now + rules.retentionMs))

local after = rules.test and {} or send_status(now, keys, record, rules)
local remaining = math.huge
for i, window in ipairs(rules.windows) do
  remaining = math.min(remaining, window.limit - (rules.test and 0 or after.windows[i].used))
end
local resend = decimal(now + (after.blocked and after.blocked.retryAfterMs or 0))

if fingerprint ~= '' then
  redis.call('DEL', answer_key)
  write_hash(answer_key, {
    fingerprint = fingerprint, send_id = send_id, nonce = record.nonce, sent = decimal(now), expires = record.expires,
    resend = resend, remaining = remaining,
  })
  redis.call('PEXPIRE', answer_key, decimal(rules.replayMs))
end
return { 'RESERVED', record.nonce, decimal(now), record.expires, resend, tostring(remaining), record.seed }
