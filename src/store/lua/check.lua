--[[
  Compares one guess. Counts it before it is answered (Lua is not rolled back), consumes the code when it is right.

  KEYS[1] v  the current verification        KEYS[3] a  approvals: owner, time, owner, time …
  KEYS[2] f  failed guesses: their times     KEYS[4] q  the stored verdict of this request id

  ARGV[1] nonce of the id, '' when asked by phone   ARGV[5] guess fingerprint, '' without request id
  ARGV[2] keyed session, '' for none                ARGV[6] what proves an approval, '' without request id
  ARGV[3] keyed hash of the variables, '' for none  ARGV[7] guesses a code allows by phone
  ARGV[4] keyed MAC of the guess                    ARGV[8] <caller>:<purpose>

  Replies
    APPROVED nonce at delivery   (delivery is '' while unsettled; a replay leaves it out)
    WRONG nonce remaining
    EXHAUSTED nonce
    NOT_FOUND
    REQUEST_ID_REUSED
    FORGED   the stored verdict is an approval that somebody else wrote
]]
local nonce, session, content, mac, fingerprint, tag, by_phone_limit, owner = unpack(ARGV)
local record_key, failures_key, approvals_key, verdict_key = unpack(KEYS)
local by_phone = nonce == ''
local now = clock()
local stored = redis.call('MGET', record_key, failures_key, approvals_key, verdict_key)
local record = read_record(stored[1], record_key, now)

-- Functions name what they need: what a function takes from around it is made anew in each call.
local function count_guess(record, by_phone)
  record.attempts = record.attempts + 1
  if by_phone then record.by_phone = record.by_phone + 1 end
end

-- The list of approvals with one of now, and without those that are past their retention.
local function add_approval(approvals, owner, now)
  local kept = { owner, now }
  for i = 1, #approvals, 2 do
    local time = approvals[i + 1]
    if approvals[i] ~= owner and time > now - APPROVAL_RETENTION_MS then
      kept[#kept + 1] = approvals[i]
      kept[#kept + 1] = time
    end
  end
  return kept
end

-- From here on the code is used up, by the request whose tag begins so.
local function approve(by)
  end_code(record, 'approved')
  record.approved, record.approved_by = now, by
  write(record_key, pack_record(record), 'RETENTION_MS')
  if stored[2] then redis.call('DEL', failures_key) end
  local approvals = add_approval(read_list(stored[3]), owner, now)
  write(approvals_key, cmsgpack.pack(approvals), 'APPROVAL_RETENTION_MS')
end

-- A verdict outlives its verification. The fingerprint binds it to the same guess by the same caller, session and
-- target, so that a replay reveals nothing new and never compares again.
if fingerprint ~= '' and stored[4] then
  local known, at, verdict, verified, value, proof = cmsgpack.unpack(stored[4])
  if holds(at, at + REPLAY_MS, now) then
    if known ~= fingerprint then return { 'REQUEST_ID_REUSED' } end
    if verdict == 'APPROVED' then
      if proof ~= bound(tag .. ':' .. verified) then return { 'FORGED' } end
      if record.nonce == verified then
        local by = string.sub(proof, 1, 16)
        -- The call broke off in between. It uses the code up now, unless another one or its end came first.
        if record.state == 'pending' then
          count_guess(record, by_phone)
          approve(by)
        elseif record.approved_by ~= by then
          return { 'NOT_FOUND' }
        end
      end
    end
    return { verdict, verified, value }
  end
end

if not record.nonce then return { 'NOT_FOUND' } end
if not by_phone and record.nonce ~= nonce then return { 'NOT_FOUND' } end
if record.session ~= '' and record.session ~= session then return { 'NOT_FOUND' } end
if content ~= '' and record.content ~= content then return { 'NOT_FOUND' } end
if record.state ~= 'pending' or now >= record.expires then return { 'NOT_FOUND' } end
if record.replication_id ~= replication_id() then return { 'NOT_FOUND' } end

local left = record.guesses - record.attempts
if by_phone then left = math.min(left, by_phone_limit - record.by_phone) end
if left <= 0 then return { 'EXHAUSTED', record.nonce } end

local right = record.mac == bound_mac(mac, record)
local verdict, value = 'WRONG', left - 1
count_guess(record, by_phone)
if right then
  verdict, value = 'APPROVED', now
else
  write_counters(record_key, record)
  if not record.test then
    local failures = without_old(read_list(stored[2]), 1, now - APPROVAL_RETENTION_MS)
    failures[#failures + 1] = now
    write(failures_key, cmsgpack.pack(failures), 'APPROVAL_RETENTION_MS')
  end
end

local proof = right and fingerprint ~= '' and bound(tag .. ':' .. record.nonce) or nil
-- Before the code is used up: whoever repeats a call that broke off after that still hears of it.
if fingerprint ~= '' then
  write(verdict_key, cmsgpack.pack(fingerprint, now, verdict, record.nonce, value, proof), 'REPLAY_MS')
end
if right then approve(proof and string.sub(proof, 1, 16)) end
return { verdict, record.nonce, value, right and record.delivery or '' }
