--[[
  Reserves one send: takes all limits and writes the record; or takes none and says which limit refuses. A send to a
  test number is not limited and takes none.

  A repeated request id is answered by what is stored, once the first call is settled. While that may still act, nobody
  knows whether there will be an SMS. When its time is over and it is not settled, its process is gone: the same code
  goes out once more, or a new one when little of its life is left.

  KEYS[1] v  the current verification        KEYS[4] a  approvals
  KEYS[2] s  sends of the phone              KEYS[5] r  the stored answer of this request id
  KEYS[3] f  failed guesses

  ARGV[1] windows as JSON: name, limit, ms …  ARGV[9]  '1' for a test number, else ''
  ARGV[2] base of the cooldown, ms           ARGV[10] send id
  ARGV[3] how long a send counts, ms         ARGV[11] nonce of a new code
  ARGV[4] caller                             ARGV[12] its seed
  ARGV[5] life of a new code, ms             ARGV[13] its keyed MAC
  ARGV[6] its digits                         ARGV[14] keyed session, '' for none
  ARGV[7] guesses that it allows             ARGV[15] keyed hash of the variables, '' for none
  ARGV[8] 'same' or 'new': what a resend is  ARGV[16] request fingerprint, '' without a request id

  Replies
    RESERVED nonce sent expires resend remaining seed
    REPLAYED nonce sent expires resend remaining seed delivery now   (seed and delivery may be '')
    UNDER_WAY retry_after_ms   the first call with this request id may still act
    CODE_LOST                  the code of the stored answer died in a failover
    REQUEST_ID_REUSED
    BLOCKED by retry_after_ms
]]
local record_key, sends_key, failures_key, approvals_key, answer_key = unpack(KEYS)
local windows, cooldown_ms, keep_sends_ms, caller = cjson.decode(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local life_ms, digits, guesses = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local resends_same, is_test = ARGV[8] == 'same', ARGV[9] == '1'
local send_id, nonce, seed, mac, session, content = unpack(ARGV, 10)
local fingerprint = string.sub(ARGV[16], 1, 16)
local now = clock()
local replication = replication_id()

local stored = redis.call('MGET', record_key, sends_key, failures_key, approvals_key, answer_key)
local record = read_record(stored[1], record_key, now)

-- A stored record to be put back by a refund, with at most this many others behind it.
local function with_steps(record, text, steps)
  if not record.undo then return text end
  record.undo = steps > 0 and with_steps(unpack_record(record.undo), record.undo, steps - 1) or nil
  return pack_record(record)
end

-- Worth sending again: more than half of its life is left.
local function is_fresh()
  return (record.expires - now) * 2 > record.expires - record.created
end

-- The stored answer, packed, of the call whose place this one takes.
local orphan
local answer = fingerprint ~= '' and stored[5] and unpack_answer(stored[5])
if answer and holds(answer.sent, answer.sent + REPLAY_MS, now) then
  if answer.fingerprint ~= fingerprint then return { 'REQUEST_ID_REUSED' } end
  local current = record.send_id == answer.send_id
  -- The record's delivery includes what was reported since.
  local delivery = current and record.delivery or answer.delivery
  local lease_left = answer.sent + SENDING_MS - now
  if not delivery and lease_left > 0 then return { 'UNDER_WAY', lease_left } end

  local same_code = record.nonce == answer.nonce
  local lost = same_code and is_outstanding(record, now) and record.replication_id ~= replication
  if lost and delivery then return { 'CODE_LOST' } end

  local live = same_code and is_usable(record, now, replication)
  local unheard = current and not delivery and not answer.orphan and record.state == 'pending'
    and record.attempts < record.guesses
  -- A code that is over before anybody can type it is not sent again: a new one takes its place.
  local stale = unheard and not is_fresh()
  local writable = record.digits == digits and record.test == is_test
  if live and unheard and not stale and writable then
    orphan = stored[5]
  elseif not lost and not stale then
    local expires = live and answer.expires or math.min(answer.expires, now)
    return {
      'REPLAYED', answer.nonce, answer.sent, expires, answer.resend, answer.remaining,
      live and record.seed or '', delivery or '', now,
    }
  end
end

local failures, sends, times, approved = {}, {}, {}, 0
if not is_test then
  failures = newest_first(read_times(stored[3], failures_key, 1, now))
  sends = read_times(stored[2], sends_key, SEND_FIELDS, now)
  approved = last_approval(read_list(stored[4]), caller, now)
  local _, newest
  times, _, newest = seen_sends(sends, caller)
  if not orphan then
    local _, cooldown_ends = cooldown_use(times, now, approved, cooldown_ms)
    if cooldown_waived(record, newest, now, caller) then cooldown_ends = 0 end
    local by, ends_at = send_wait(now, failures, times, windows, cooldown_ends)
    if by then return { 'BLOCKED', by, ends_at - now } end
  end
  sends = without_old(sends, SEND_FIELDS, now - keep_sends_ms)
  sends[#sends + 1], sends[#sends + 2], sends[#sends + 3] = now, 1, caller .. ':' .. send_id
  write(sends_key, cmsgpack.pack(sends), keep_sends_ms)
  times[#times + 1] = now
  newest_first(times)
end

local same = orphan or resends_same and not is_test
  and is_usable(record, now, replication) and not record.test
  and record.session == session
  -- One code must not stand for two transactions.
  and record.content == content
  and record.digits == digits
  and is_fresh()
local undo = record.nonce and with_steps(record, stored[1], UNDO_STEPS - 1)
if same then
  record.send_id, record.sent, record.sends = send_id, now, record.sends + 1
  record.delivery, record.early, record.undo = nil, nil, undo
else
  record = {
    attempts = 0, by_phone = 0,
    nonce = nonce, seed = seed, mac = '', session = session, content = content, replication_id = replication,
    state = 'pending', created = now, expires = now + life_ms, digits = digits,
    guesses = is_test and guesses or math.min(guesses, least_left(now, failures, budgets)),
    test = is_test, send_id = send_id, sent = now, sends = 1, undo = undo,
  }
  record.mac = bound_mac(mac, record)
end
write(record_key, pack_record(record), record.expires - now + RETENTION_MS)

-- What the next send will meet. One that takes the place of another may go beyond a window.
local remaining, resend = least_left(now, times, windows), now
if not is_test then
  local _, cooldown_ends = cooldown_use(times, now, approved, cooldown_ms)
  _, resend = send_wait(now, failures, times, windows, cooldown_ends)
end
if fingerprint ~= '' then
  write(answer_key, pack_answer({
    fingerprint = fingerprint, send_id = send_id, nonce = record.nonce, sent = now, expires = record.expires,
    resend = resend, remaining = remaining, orphan = orphan,
  }), 'REPLAY_MS')
end
return { 'RESERVED', record.nonce, now, record.expires, resend, remaining, record.seed }
