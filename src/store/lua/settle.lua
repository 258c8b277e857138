--[[
  Records the outcome of one send with the reports that came before, and charges every SMS that may have gone out; or
  gives the send back when surely nothing was sent. The first time decides: doing it again changes nothing. For a send
  that a later one has replaced, only the charge and the stored answer change.

  KEYS[1] v  the current verification (hash)        KEYS[3] f  failed guesses (sorted set)
  KEYS[2] s  sends of the phone (sorted set)        KEYS[4] r  the stored answer of this request id (hash)

  ARGV[1] send id
  ARGV[2] the delivery as JSON, '' to refund (unless a report says that the message was delivered)
  ARGV[3] rules as JSON: budgets, retentionMs, approvalMs, replayMs, caller

  Replies
    SETTLED
]]
local record_key, sends_key, failures_key, answer_key = unpack(KEYS)
local send_id, delivery, rules = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local now = clock()
local member = send_member(rules.caller, send_id)
local record = read_hash(record_key)
local current = record.send_id == send_id
if current and record.delivery then return { 'SETTLED' } end

local early = current and early_reports(record) or {}
if delivery ~= '' then
  local outcome = cjson.decode(delivery)
  -- Every message beyond the one that was reserved is charged like a send of the same moment.
  local messages = messages_in(outcome)
  local sent = messages > 1 and redis.call('ZSCORE', sends_key, member)
  if sent then
    for i = 2, messages do redis.call('ZADD', sends_key, sent, member .. ':' .. i) end
    if current then redis.call('HINCRBY', record_key, 'sends', messages - 1) end
  end
  if #early > 0 then
    for _, report in ipairs(early) do apply_report(outcome, report) end
    delivery = encode_delivery(outcome)
  end
else
  delivery = delivered_after_all(early)
end

local answer = read_fields(answer_key, 'send_id', 'orphan')
local answered = answer.send_id == send_id
if delivery then
  if answered then redis.call('HSET', answer_key, 'delivery', delivery) end
  if current then
    redis.call('HSET', record_key, 'delivery', delivery)
    redis.call('HDEL', record_key, 'undo', 'early')
  end
  return { 'SETTLED' }
end

redis.call('ZREM', sends_key, member)
if answered and answer.orphan ~= '' then
  -- It took the place of a call whose process is gone. So can the next one.
  write_hash(answer_key, cjson.decode(answer.orphan), rules.replayMs)
elseif answered then
  redis.call('DEL', answer_key)
end
if not current then return { 'SETTLED' } end

-- Approved or canceled meanwhile: that stays.
if record.state ~= 'pending' then
  redis.call('HDEL', record_key, 'early')
  return { 'SETTLED' }
end

local undo = record.undo and cjson.decode(record.undo)
if not undo then
  redis.call('DEL', record_key)
elseif undo.nonce == record.nonce then
  -- The same code was to be sent again: only that send is taken back, guesses made meanwhile stay counted.
  redis.call('HSET', record_key, 'send_id', undo.send_id, 'sent', undo.sent, 'sends', undo.sends)
  redis.call('HDEL', record_key, 'undo', 'early')
  if undo.delivery then redis.call('HSET', record_key, 'delivery', undo.delivery) end
  if undo.early then redis.call('HSET', record_key, 'early', undo.early) end
else
  -- The code before it lives on, with no more guesses than the budget has left by now.
  if not undo.test then
    local left = undo.attempts + guesses_left(now, failures_key, rules.budgets)
    undo.guesses = math.min(tonumber(undo.guesses), left)
  end
  local keep_ms = undo.approved and undo.approved + rules.approvalMs - now
    or math.max(undo.expires - now, 0) + rules.retentionMs
  write_hash(record_key, undo, math.max(keep_ms, 1))
  for name in pairs(record) do
    if not undo[name] then redis.call('HDEL', record_key, name) end
  end
end
return { 'SETTLED' }
