--[[
  Reserves one send: takes all limits and writes the record, or takes none and says which limit refuses. A send to a
  test number asks and takes none.

  KEYS[1] v  the current verification (hash)        KEYS[4] a  approvals (hash)
  KEYS[2] s  recent sends (sorted set)              KEYS[5] r  the stored answer of this request id (hash)
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
local rules = cjson.decode(ARGV[1])
local send_id, session, fingerprint = ARGV[2], ARGV[6], ARGV[7]
local at = now()
local v = hash(KEYS[1])

if fingerprint ~= '' then
  local r = hash(KEYS[5])
  if r.fingerprint and at < tonumber(r.sent) + rules.replayMs then
    if r.fingerprint ~= fingerprint then return { 'REQUEST_ID_REUSED' } end
    local seed = v.nonce == r.nonce and v.seed or ''
    -- The record knows what was reported since.
    local delivery = v.send_id == r.send_id and v.delivery or r.delivery or ''
    return { 'REPLAYED', r.nonce, r.sent, r.expires, r.resend, r.remaining, seed, delivery, whole(at) }
  end
end

local keys = { s = KEYS[2], f = KEYS[3], a = KEYS[4] }
local before = rules.test and {} or send_status(at, keys, v, rules)
if before.blocked then return { 'BLOCKED', before.blocked.by, whole(before.blocked.retryAfterMs) } end

local epoch = history()
local same = rules.resend == 'same' and not rules.test
  and is_pending(v, at, epoch) and not v.test
  and tonumber(v.attempts) < tonumber(v.guesses)
  and v.session == session
  and tonumber(v.digits) == rules.digits
  and (v.expires - at) * 2 > v.expires - v.created

-- What a refund puts back.
local undo
if v.nonce then
  v.undo = nil
  undo = cjson.encode(v)
end

if not rules.test then
  redis.call('ZADD', KEYS[2], at, send_id)
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', whole(at - rules.keepSendsMs))
  redis.call('PEXPIRE', KEYS[2], whole(rules.keepSendsMs))
end

if same then
  write(KEYS[1], { send_id = send_id, sent = whole(at), sends = v.sends + 1, undo = undo })
  redis.call('HDEL', KEYS[1], 'delivery', 'early')
else
  local granted = rules.test and rules.guesses
    or math.min(rules.guesses, guesses_left(at, KEYS[3], rules.budgets))
  v = {
    nonce = ARGV[3], seed = ARGV[4], mac = ARGV[5], session = session, history = epoch, state = 'pending',
    created = whole(at), expires = whole(at + rules.lifeMs), digits = rules.digits,
    guesses = granted, attempts = 0, by_phone = 0, test = rules.test and 1 or nil,
    send_id = send_id, sent = whole(at), sends = 1, undo = undo,
  }
  redis.call('DEL', KEYS[1])
  write(KEYS[1], v)
end
redis.call('PEXPIRE', KEYS[1], whole(v.expires - at + rules.retentionMs))

v.send_id = send_id
local after = rules.test and { windows = {} } or send_status(at, keys, v, rules)
local remaining
for i, row in ipairs(rules.windows) do
  local rest = row.limit - (after.windows[i] and after.windows[i].used or 0)
  if not remaining or rest < remaining then remaining = rest end
end
local resend = whole(at + (after.blocked and after.blocked.retryAfterMs or 0))

if fingerprint ~= '' then
  redis.call('DEL', KEYS[5])
  write(KEYS[5], {
    fingerprint = fingerprint, send_id = send_id, nonce = v.nonce, sent = whole(at), expires = v.expires,
    resend = resend, remaining = remaining,
  })
  redis.call('PEXPIRE', KEYS[5], whole(rules.replayMs))
end
return { 'RESERVED', v.nonce, whole(at), v.expires, resend, tostring(remaining), v.seed }
