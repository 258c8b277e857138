--[[
  Compares one guess. Counts it before it is answered (Lua is not rolled back), consumes the code when it is right.

  KEYS[1] v  the current verification (hash)        KEYS[3] a  approvals (hash)
  KEYS[2] f  failed guesses (sorted set)            KEYS[4] q  the stored verdict of this request id (hash)

  ARGV[1] nonce of the id, '' when asked by phone   ARGV[6] what proves an approval, '' without request id
  ARGV[2] keyed session, '' for none                ARGV[7] guesses a code allows by phone
  ARGV[3] keyed hash of the variables, '' for none  ARGV[8] <caller>:<purpose>
  ARGV[4] keyed MAC of the guess                    ARGV[9] how long to keep verdicts, ms
  ARGV[5] guess fingerprint, '' without request id  ARGV[10] how long to keep approvals and failures, ms

  Replies
    APPROVED nonce at delivery   (delivery is '' while unsettled; a replay leaves it out)
    WRONG nonce remaining
    EXHAUSTED nonce
    NOT_FOUND
    REQUEST_ID_REUSED
    FORGED   the stored verdict is an approval that somebody else wrote
]]
local record_key, failures_key, approvals_key, verdict_key = unpack(KEYS)
local nonce, session, content, mac, fingerprint, tag, by_phone_limit, owner, replay_ms, approval_ms = unpack(ARGV)
local by_phone = nonce == ''
local now = clock()

-- From here on the code is used up, by the request that this tag is of.
local function approve(by)
  redis.call('HSET', record_key, 'state', 'approved', 'approved', decimal(now), 'approved_by', by)
  redis.call('HDEL', record_key, 'seed', 'mac', 'undo')
  redis.call('PEXPIRE', record_key, approval_ms)
  redis.call('DEL', failures_key)
  write_hash(approvals_key, { [string.match(owner, '^[^:]+')] = decimal(now), [owner] = decimal(now) }, approval_ms)
end

-- A verdict outlives its verification. The fingerprint binds it to the same guess by the same caller, session and
-- target, so that a replay reveals nothing new and never compares again.
if fingerprint ~= '' then
  local stored = read_fields(verdict_key, 'fingerprint', 'until', 'verdict', 'nonce', 'value', 'tag')
  if stored.fingerprint and holds(stored['until'] - replay_ms, stored['until'], now) then
    if stored.fingerprint ~= fingerprint then return { 'REQUEST_ID_REUSED' } end
    if stored.verdict == 'APPROVED' then
      if stored.tag ~= bound(tag, stored.nonce) then return { 'FORGED' } end
      local record = read_fields(record_key, 'nonce', 'state', 'approved_by')
      if record.nonce == stored.nonce then
        -- The call broke off in between. It uses the code up now, unless another one or its end came first.
        if record.state == 'pending' then
          approve(stored.tag)
        elseif record.approved_by ~= stored.tag then
          return { 'NOT_FOUND' }
        end
      end
    end
    return { stored.verdict, stored.nonce, stored.value }
  end
end

local record = read_fields(record_key, 'nonce', 'session', 'content', 'state', 'replication_id', 'sent',
  'approved', 'expires', 'guesses', 'attempts', 'by_phone', 'mac', 'test', 'delivery')
if not record.nonce then return { 'NOT_FOUND' } end
if tonumber(record.approved or record.sent) > now then
  -- As read_record of lib/record.lua, which would read all of it.
  redis.call('DEL', record_key)
  return { 'NOT_FOUND' }
end
if not by_phone and record.nonce ~= nonce then return { 'NOT_FOUND' } end
if record.session ~= '' and record.session ~= session then return { 'NOT_FOUND' } end
if content ~= '' and record.content ~= content then return { 'NOT_FOUND' } end
if record.state ~= 'pending' or now >= tonumber(record.expires) then return { 'NOT_FOUND' } end
if record.replication_id ~= replication_id() then return { 'NOT_FOUND' } end

local left = record.guesses - record.attempts
if by_phone then left = math.min(left, by_phone_limit - record.by_phone) end
if left <= 0 then return { 'EXHAUSTED', record.nonce } end

local guess = redis.call('HINCRBY', record_key, 'attempts', 1)
if by_phone then redis.call('HINCRBY', record_key, 'by_phone', 1) end
local right = record.mac == bound_mac(mac, record)
local verdict, value = 'WRONG', tostring(left - 1)
if right then
  verdict, value = 'APPROVED', decimal(now)
elseif not record.test then
  add_time(failures_key, now, record.nonce .. ':' .. guess, approval_ms)
end

local proof = right and bound(tag, record.nonce) or nil
-- Before the code is used up: whoever repeats a call that broke off after that still hears of it.
if fingerprint ~= '' then
  write_hash(verdict_key, {
    fingerprint = fingerprint, ['until'] = decimal(now + replay_ms), verdict = verdict, nonce = record.nonce,
    value = value, tag = proof,
  }, replay_ms)
end
if right then approve(proof) end
return { verdict, record.nonce, value, right and record.delivery or '' }
