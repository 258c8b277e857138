--[[
  Records the outcome of one send with the reports that came before, and charges every SMS that may have gone out; or
  gives the send back when surely nothing was sent. The first time decides: doing it again changes nothing. For a send
  that a later one has replaced, only the charge, the stored answer and what later refunds put back change.

  KEYS[1] v  the current verification        KEYS[3] f  failed guesses
  KEYS[2] s  sends of the phone              KEYS[4] r  the stored answer of this request id

  ARGV[1] send id
  ARGV[2] caller
  ARGV[3] the delivery as JSON, '' to refund (unless a report says that the message was delivered)
  ARGV[4] SMS that the user may get

  Replies
    SETTLED
]]
local record_key, sends_key, failures_key, answer_key = unpack(KEYS)
local send_id, caller, delivery, messages = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local stored = redis.call('MGET', record_key, answer_key)
local record = stored[1] and unpack_record(stored[1]) or {}
local answer = stored[2] and unpack_answer(stored[2]) or {}
local current, answered = record.send_id == send_id, answer.send_id == send_id
if current and record.delivery then return { 'SETTLED' } end

-- Where this send is in the list of sends; nil when it is not charged.
local function find_send(sends)
  local member = caller .. ':' .. send_id
  for i = 1, #sends, SEND_FIELDS do
    if sends[i + 2] == member then return i end
  end
end

local early = current and record.early and cjson.decode(record.early) or {}
if delivery == '' then
  delivery = delivered_after_all(early)
else
  -- Every message beyond the one that was reserved is charged like a send of the same moment.
  local sends = messages > 1 and read_list(redis.call('GET', sends_key)) or {}
  local charged = find_send(sends)
  if charged then
    sends[charged + 1] = messages
    rewrite(sends_key, cmsgpack.pack(sends))
    if current then record.sends = record.sends + messages - 1 end
  end
  if #early > 0 then
    local outcome = cjson.decode(delivery)
    for _, report in ipairs(early) do apply_report(outcome, report) end
    delivery = cjson.encode(outcome)
  end
end

if delivery then
  if answered then
    answer.delivery = delivery
    rewrite(answer_key, pack_answer(answer))
  end
  if current then
    record.delivery, record.early, record.undo = delivery, nil, nil
    rewrite(record_key, pack_record(record))
  end
  return { 'SETTLED' }
end

-- Takes a send out of what refunds put back. Returns whether it was there.
local function forget_send(record, send_id)
  local before = record.undo and unpack_record(record.undo)
  if not before then return false end
  if before.send_id == send_id then
    record.undo = before.undo
    return true
  end
  if not forget_send(before, send_id) then return false end
  record.undo = pack_record(before)
  return true
end

local sends = read_list(redis.call('GET', sends_key))
local charged = find_send(sends)
if charged then
  for _ = 1, SEND_FIELDS do table.remove(sends, charged) end
  if #sends > 0 then rewrite(sends_key, cmsgpack.pack(sends)) else redis.call('DEL', sends_key) end
end
if answered and answer.orphan then
  -- It took the place of a call whose process is gone. So can the next one.
  write(answer_key, answer.orphan, 'REPLAY_MS')
elseif answered then
  redis.call('DEL', answer_key)
end
if not current then
  if forget_send(record, send_id) then rewrite(record_key, pack_record(record)) end
  return { 'SETTLED' }
end

-- Approved or canceled meanwhile: that stays.
if record.state ~= 'pending' then
  record.early = nil
  rewrite(record_key, pack_record(record))
  return { 'SETTLED' }
end

local before = record.undo and unpack_record(record.undo)
if not before then
  redis.call('DEL', record_key)
elseif before.nonce == record.nonce then
  -- The same code was to be sent again: only that send is taken back, guesses made meanwhile stay counted.
  record.send_id, record.sent, record.sends = before.send_id, before.sent, before.sends
  record.delivery, record.early, record.undo = before.delivery, before.early, before.undo
  rewrite(record_key, pack_record(record))
else
  -- The code before it lives on, with no more guesses than the budget has left by now.
  local now = clock()
  if not before.test then
    local failures = newest_first(read_list(redis.call('GET', failures_key)))
    before.guesses = math.min(before.guesses, before.attempts + least_left(now, failures, budgets))
  end
  local ended = before.approved or math.max(before.expires, now)
  write(record_key, pack_record(before), math.max(ended + RETENTION_MS - now, 1))
end
return { 'SETTLED' }
