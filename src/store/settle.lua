--[[
  Records what the providers said of one send, or gives it back when surely nothing was sent. Doing it twice changes
  nothing; doing it for a send that a later one replaced touches only the charge and the stored answer.

  KEYS[1] v  the current verification (hash)        KEYS[3] f  failed guesses (sorted set)
  KEYS[2] s  recent sends (sorted set)              KEYS[4] r  the stored answer of this request id (hash)

  ARGV[1] send id
  ARGV[2] the delivery as JSON, '' to refund
  ARGV[3] rules as JSON: budgets, retentionMs

  Replies
    SETTLED
]]
local send_id, delivery = ARGV[1], ARGV[2]
local rules = cjson.decode(ARGV[3])
local at = now()
local v = hash(KEYS[1])
local answered = redis.call('HGET', KEYS[4], 'send_id') == send_id

if delivery ~= '' then
  if answered then redis.call('HSET', KEYS[4], 'delivery', delivery) end
  if v.send_id == send_id then
    redis.call('HSET', KEYS[1], 'delivery', delivery)
    redis.call('HDEL', KEYS[1], 'undo')
  end
  return { 'SETTLED' }
end

redis.call('ZREM', KEYS[2], send_id)
if answered then redis.call('DEL', KEYS[4]) end
if v.send_id ~= send_id then return { 'SETTLED' } end

-- Approved or canceled meanwhile: that stays.
if v.state ~= 'pending' then
  redis.call('HDEL', KEYS[1], 'undo')
  return { 'SETTLED' }
end

local undo = v.undo and cjson.decode(v.undo)
if not undo then
  redis.call('DEL', KEYS[1])
elseif undo.nonce == v.nonce then
  -- The same code was to be sent again: only that send is taken back, guesses made meanwhile stay counted.
  redis.call('HDEL', KEYS[1], 'undo', 'delivery')
  write(KEYS[1], { send_id = undo.send_id, sent = undo.sent, sends = undo.sends, delivery = undo.delivery })
else
  -- The code before it lives on, with no more guesses than the budget has left by now.
  local left = undo.attempts + guesses_left(at, KEYS[3], rules.budgets)
  undo.guesses = math.min(tonumber(undo.guesses), left)
  redis.call('DEL', KEYS[1])
  write(KEYS[1], undo)
  redis.call('PEXPIRE', KEYS[1], whole(math.max(undo.expires - at, 0) + rules.retentionMs))
end
return { 'SETTLED' }
