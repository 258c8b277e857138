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
local record_key, failures_key, approvals_key, verdict_key = unpack(KEYS)
local nonce, session, mac, fingerprint, by_phone_limit, owner, replay_ms, approval_ms = unpack(ARGV)
local by_phone = nonce == ''
local now = clock()

-- A verdict outlives its verification. The fingerprint binds it to the same guess by the same caller, session and
-- target, so that a replay reveals nothing new and never compares again.
if fingerprint ~= '' then
  local stored = read_fields(verdict_key, 'fingerprint', 'until', 'verdict', 'nonce', 'value')
  if stored.fingerprint and holds(stored['until'] - replay_ms, stored['until'], now) then
    if stored.fingerprint ~= fingerprint then return { 'REQUEST_ID_REUSED' } end
    return { stored.verdict, stored.nonce, stored.value }
  end
end

local record = read_fields(record_key, 'nonce', 'session', 'state', 'replication_id', 'sent', 'approved', 'expires',
  'guesses', 'attempts', 'by_phone', 'mac', 'test', 'delivery')
if not record.nonce then return { 'NOT_FOUND' } end
if tonumber(record.approved or record.sent) > now then
  -- As read_record of lib/record.lua, which would read all of it.
  redis.call('DEL', record_key)
  return { 'NOT_FOUND' }
end
if not by_phone and record.nonce ~= nonce then return { 'NOT_FOUND' } end
if record.session ~= '' and record.session ~= session then return { 'NOT_FOUND' } end
if record.state ~= 'pending' or now >= tonumber(record.expires) then return { 'NOT_FOUND' } end
if record.replication_id ~= replication_id() then return { 'NOT_FOUND' } end

local left = record.guesses - record.attempts
if by_phone then left = math.min(left, by_phone_limit - record.by_phone) end
if left <= 0 then return { 'EXHAUSTED', record.nonce } end

local guess = redis.call('HINCRBY', record_key, 'attempts', 1)
if by_phone then redis.call('HINCRBY', record_key, 'by_phone', 1) end
local charged = not record.test
if charged then redis.call('ZADD', failures_key, now, record.nonce .. ':' .. guess) end

local verdict, value, delivery
if record.mac == mac then
  verdict, value, delivery = 'APPROVED', decimal(now), record.delivery or ''
  redis.call('HSET', record_key, 'state', 'approved', 'approved', value)
  redis.call('HDEL', record_key, 'seed', 'mac', 'undo')
  redis.call('PEXPIRE', record_key, approval_ms)
  redis.call('DEL', failures_key)
  redis.call('HSET', approvals_key, '*', value, owner, value)
  redis.call('PEXPIRE', approvals_key, approval_ms)
else
  verdict, value = 'WRONG', tostring(left - 1)
  if charged then
    redis.call('ZREMRANGEBYSCORE', failures_key, '-inf', decimal(now - approval_ms))
    redis.call('PEXPIRE', failures_key, approval_ms)
  end
end

if fingerprint ~= '' then
  redis.call('HSET', verdict_key, 'fingerprint', fingerprint, 'until', decimal(now + replay_ms),
    'verdict', verdict, 'nonce', record.nonce, 'value', value)
  redis.call('PEXPIRE', verdict_key, replay_ms)
end
return { verdict, record.nonce, value, delivery }
