--[[
  Compares one guess. Counts it before comparing (Lua is not rolled back), consumes the code when it is right.

  KEYS[1] v  the current verification (hash)        KEYS[3] a  approvals (hash)
  KEYS[2] f  failed guesses (sorted set)            KEYS[4] q  the stored verdict of this request id (hash)

  ARGV[1] nonce of the id, '' when asked by phone   ARGV[5] guesses a code allows by phone
  ARGV[2] keyed session, '' for none                ARGV[6] <caller>:<purpose>
  ARGV[3] keyed MAC of the guess                    ARGV[7] how long to keep verdicts, ms
  ARGV[4] guess fingerprint, '' without request id  ARGV[8] how long to keep approvals and failures, ms

  Replies
    APPROVED nonce at delivery   (delivery is '' while unsettled; a replay leaves it out)
    WRONG nonce remaining
    EXHAUSTED nonce
    NOT_FOUND
    REQUEST_ID_REUSED
]]
local nonce, session, mac, fingerprint = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local at = now()

-- A verdict outlives its verification. The fingerprint binds it to the same guess by the same caller, session and
-- target, so that a replay tells nothing new and never compares again.
if fingerprint ~= '' then
  local q = redis.call('HMGET', KEYS[4], 'fingerprint', 'until', 'verdict', 'nonce', 'value')
  if q[1] and at < tonumber(q[2]) then
    if q[1] ~= fingerprint then return { 'REQUEST_ID_REUSED' } end
    return { q[3], q[4], q[5] }
  end
end

local v = redis.call('HMGET', KEYS[1],
  'nonce', 'session', 'state', 'history', 'expires', 'attempts', 'guesses', 'by_phone', 'mac', 'test', 'delivery')
local by_phone = nonce == ''
if not v[1] or (not by_phone and v[1] ~= nonce) or (v[2] ~= '' and v[2] ~= session) then return { 'NOT_FOUND' } end
if v[3] ~= 'pending' or v[4] ~= history() or at >= tonumber(v[5]) then return { 'NOT_FOUND' } end

local left = v[7] - v[6]
if by_phone then left = math.min(left, ARGV[5] - v[8]) end
if left <= 0 then return { 'EXHAUSTED', v[1] } end

local attempt = redis.call('HINCRBY', KEYS[1], 'attempts', 1)
if by_phone then redis.call('HINCRBY', KEYS[1], 'by_phone', 1) end
local charged = not v[10]
if charged then redis.call('ZADD', KEYS[2], at, v[1] .. ':' .. attempt) end

local verdict, value, delivery
if v[9] == mac then
  verdict, value, delivery = 'APPROVED', whole(at), v[11] or ''
  redis.call('HSET', KEYS[1], 'state', 'approved', 'approved', value)
  redis.call('HDEL', KEYS[1], 'seed', 'mac', 'undo')
  redis.call('PEXPIRE', KEYS[1], ARGV[8])
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[3], '*', value, ARGV[6], value)
  redis.call('PEXPIRE', KEYS[3], ARGV[8])
else
  verdict, value = 'WRONG', tostring(left - 1)
  if charged then
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', whole(at - ARGV[8]))
    redis.call('PEXPIRE', KEYS[2], ARGV[8])
  end
end

if fingerprint ~= '' then
  redis.call('DEL', KEYS[4])
  redis.call('HSET', KEYS[4], 'fingerprint', fingerprint, 'until', whole(at + ARGV[7]),
    'verdict', verdict, 'nonce', v[1], 'value', value)
  redis.call('PEXPIRE', KEYS[4], ARGV[7])
end
return { verdict, v[1], value, delivery }
