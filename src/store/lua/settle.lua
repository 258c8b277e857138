--[[
  Records what the providers said of one send and the reports that came before, and charges every SMS that may have gone
  out; or gives the send back when surely nothing was sent. The first time decides: doing it again changes nothing. Doing it for a send that a later one replaced touches
  only the charge and the stored answer.

  KEYS[1] v  the current verification (hash)        KEYS[3] f  failed guesses (sorted set)
  KEYS[2] s  recent sends (sorted set)              KEYS[4] r  the stored answer of this request id (hash)

  ARGV[1] send id
  ARGV[2] the delivery as JSON, '' to refund (a send that a report says was delivered is not)
  ARGV[3] rules as JSON: budgets, retentionMs

  Replies
    SETTLED
]]
local send_id, delivery = ARGV[1], ARGV[2]
local rules = cjson.decode(ARGV[3])
local at = now()
local v = hash(KEYS[1])
local current = v.send_id == send_id
if current and v.delivery then return { 'SETTLED' } end

local early = current and early_reports(v) or {}
if delivery ~= '' then
  local said = cjson.decode(delivery)
  -- Every message beyond the one that was reserved is charged like a send of the same moment.
  local messages = messages_in(said)
  local sent = messages > 1 and redis.call('ZSCORE', KEYS[2], send_id)
  if sent then
    for i = 2, messages do redis.call('ZADD', KEYS[2], sent, send_id .. ':' .. i) end
    if current then redis.call('HINCRBY', KEYS[1], 'sends', messages - 1) end
  end
  if #early > 0 then
    for _, report in ipairs(early) do apply_report(said, report) end
    delivery = encode_delivery(said)
  end
else
  delivery = delivered_after_all(early)
end

local answered = redis.call('HGET', KEYS[4], 'send_id') == send_id
if delivery then
  if answered then redis.call('HSET', KEYS[4], 'delivery', delivery) end
  if current then
    redis.call('HSET', KEYS[1], 'delivery', delivery)
    redis.call('HDEL', KEYS[1], 'undo', 'early')
  end
  return { 'SETTLED' }
end

redis.call('ZREM', KEYS[2], send_id)
if answered then redis.call('DEL', KEYS[4]) end
if not current then return { 'SETTLED' } end

-- Approved or canceled meanwhile: that stays.
if v.state ~= 'pending' then
  redis.call('HDEL', KEYS[1], 'undo', 'early')
  return { 'SETTLED' }
end

local undo = v.undo and cjson.decode(v.undo)
if not undo then
  redis.call('DEL', KEYS[1])
elseif undo.nonce == v.nonce then
  -- The same code was to be sent again: only that send is taken back, guesses made meanwhile stay counted.
  redis.call('HDEL', KEYS[1], 'undo', 'early')
  write(KEYS[1], {
    send_id = undo.send_id, sent = undo.sent, sends = undo.sends, delivery = undo.delivery, early = undo.early,
  })
else
  -- The code before it lives on, with no more guesses than the budget has left by now.
  if not undo.test then
    local left = undo.attempts + guesses_left(at, KEYS[3], rules.budgets)
    undo.guesses = math.min(tonumber(undo.guesses), left)
  end
  redis.call('DEL', KEYS[1])
  write(KEYS[1], undo)
  redis.call('PEXPIRE', KEYS[1], whole(math.max(undo.expires - at, 0) + rules.retentionMs))
end
return { 'SETTLED' }
