--[[
  Reserves one send: takes all limits and writes the record; or takes none and says which limit refuses. A send to a
  test number is not limited and takes none.

  A repeated request id is answered by what is stored, once the first call is settled. While that may still act, nobody
  knows whether there will be an SMS. When its time is over and it is not settled, its process is gone: the same code
  goes out once more, or a new one when little of its life is left.

  KEYS[1] v  the current verification (hash)        KEYS[4] a  approvals (hash)
  KEYS[2] s  sends of the phone (sorted set)        KEYS[5] r  the stored answer of this request id (hash)
  KEYS[3] f  failed guesses (sorted set)

  ARGV[1] rules as JSON: lifeMs, digits, guesses, resend, cooldownMs, cooldownSteps, cooldownMemoryMs, windows,
          budgets, keepSendsMs, retentionMs, replayMs, leaseMs, test, caller, sharedGridMs
  ARGV[2] send id               ARGV[5] keyed MAC of a new code     ARGV[7] keyed hash of the variables, '' for none
  ARGV[3] nonce of a new code   ARGV[6] keyed session, '' for none  ARGV[8] request fingerprint, '' without a request id
  ARGV[4] its seed

  Replies
    RESERVED nonce sent expires resend remaining seed
    REPLAYED nonce sent expires resend remaining seed delivery now   (seed and delivery may be '')
    UNDER_WAY retry_after_ms   the first call with this request id may still act
    CODE_LOST                  the code of the stored answer died in a failover
    REQUEST_ID_REUSED
    BLOCKED by retry_after_ms
]]
local record_key, sends_key, failures_key, approvals_key, answer_key = unpack(KEYS)
local rules = cjson.decode(ARGV[1])
local send_id, nonce, seed, mac, session, content, fingerprint = unpack(ARGV, 2)
local now = clock()
local replication = replication_id()
local record = read_record(record_key, now)

-- Worth sending again: more than half of its life is left.
local function is_fresh()
  return (record.expires - now) * 2 > record.expires - record.created
end

-- The stored answer, as JSON, of the call whose place this one takes.
local orphan = ''
local answer = fingerprint ~= '' and read_hash(answer_key) or {}
if answer.fingerprint and holds(answer.sent, answer.sent + rules.replayMs, now) then
  if answer.fingerprint ~= fingerprint then return { 'REQUEST_ID_REUSED' } end
  local current = record.send_id == answer.send_id
  -- The record's delivery includes what was reported since.
  local delivery = current and record.delivery or answer.delivery
  local lease_left = answer.sent + rules.leaseMs - now
  if not delivery and lease_left > 0 then return { 'UNDER_WAY', decimal(lease_left) } end

  local same_code = record.nonce == answer.nonce
  local lost = same_code and is_outstanding(record, now) and record.replication_id ~= replication
  if lost and delivery then return { 'CODE_LOST' } end

  local live = same_code and is_usable(record, now, replication)
  local unheard = current and not delivery and answer.orphan == '' and record.state == 'pending'
    and tonumber(record.attempts) < tonumber(record.guesses)
  -- A code that is over before anybody can type it is not sent again: a new one takes its place.
  local stale = unheard and not is_fresh()
  local writable = tonumber(record.digits) == rules.digits and (record.test ~= nil) == rules.test
  if live and unheard and not stale and writable then
    orphan = cjson.encode(answer)
  elseif not lost and not stale then
    local expires = live and answer.expires or decimal(math.min(answer.expires, now))
    return {
      'REPLAYED', answer.nonce, answer.sent, expires, answer.resend, answer.remaining,
      live and record.seed or '', delivery or '', decimal(now),
    }
  end
end

local keys = { sends = sends_key, failures = failures_key, approvals = approvals_key }
local before = (rules.test or orphan ~= '') and {} or send_status(now, keys, record, rules)
if before.blocked then return { 'BLOCKED', before.blocked.by, decimal(before.blocked.retryAfterMs) } end

local same = orphan ~= '' or rules.resend == 'same' and not rules.test
  and is_usable(record, now, replication) and not record.test
  and record.session == session
  -- One code must not stand for two transactions.
  and record.content == content
  and tonumber(record.digits) == rules.digits
  and is_fresh()

local undo
if record.nonce then
  -- Only one step back is kept.
  record.undo = nil
  undo = cjson.encode(record)
end

if not rules.test then add_time(sends_key, now, send_member(rules.caller, send_id), rules.keepSendsMs) end

if same then
  -- Before the new send id: with it and the delivery of the last SMS, this send would look settled.
  redis.call('HDEL', record_key, 'delivery', 'early')
else
  local granted = rules.test and rules.guesses
    or math.min(rules.guesses, guesses_left(now, failures_key, rules.budgets))
  record = {
    nonce = nonce, seed = seed, session = session, content = content,
    replication_id = replication, state = 'pending',
    created = decimal(now), expires = decimal(now + rules.lifeMs), digits = rules.digits,
    guesses = granted, attempts = 0, by_phone = 0, test = rules.test and 1 or nil, sends = 0,
  }
  record.mac = bound_mac(mac, record)
  redis.call('DEL', record_key)
end
record.send_id, record.sent, record.sends, record.undo = send_id, decimal(now), record.sends + 1, undo
record.delivery, record.early = nil, nil
write_hash(record_key, record, record.expires - now + rules.retentionMs)

local after = rules.test and {} or send_status(now, keys, record, rules)
local remaining = math.huge
for i, window in ipairs(rules.windows) do
  remaining = math.min(remaining, window.limit - (rules.test and 0 or after.windows[i].used))
end
-- A send that takes the place of another one may go beyond a window.
remaining = math.max(remaining, 0)
local resend = decimal(now + (after.blocked and after.blocked.retryAfterMs or 0))

if fingerprint ~= '' then
  redis.call('DEL', answer_key)
  write_hash(answer_key, {
    fingerprint = fingerprint, send_id = send_id, nonce = record.nonce, sent = decimal(now), expires = record.expires,
    resend = resend, remaining = remaining, orphan = orphan,
  }, rules.replayMs)
end
return { 'RESERVED', record.nonce, decimal(now), record.expires, resend, tostring(remaining), record.seed }
