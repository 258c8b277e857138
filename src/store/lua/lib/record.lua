--[[
  The record of a verification, as it is stored under v. Times are milliseconds since the epoch; stored are those after
  `created` as the distance to it, which is half as long.

  nonce            what its verification id contains
  seed, mac        what the code derives from, and what a guess is compared with (bound_mac); gone once it has ended
  session          keyed session that it is bound to, '' for none
  content          keyed hash of the variables that it was sent with
  replication_id   of the node that issued the code; gone once it has ended
  state            pending, approved or canceled; exhausted and expired follow from the fields below
  created, expires, approved
  approved_by      the beginning of the tag of the verdict that approved it; nil without a request id
  digits           of the code
  guesses          how many it allows
  attempts         guesses made; by_phone: how many of them by phone number instead of by id. Each is the byte in its place
                   that MessagePack has for a number below 128: write_counters writes these two and nothing else
  test             whether it is of a test number
  send_id, sent    of the last SMS, and when it was reserved
  sends            SMS that may have gone out
  delivery         of the last SMS, as JSON; nil until settle.lua
  early            reports that came before settle.lua, as JSON
  undo             the record before the last SMS, packed: what a refund puts back; nil after settle.lua
]]

local function unpack_record(text)
  local attempts, by_phone, nonce, seed, mac, session, content, replication_id, state, created, expires, approved,
    approved_by, digits, guesses, test, send_id, sent, sends, delivery, early, undo = cmsgpack.unpack(text)
  return {
    attempts = attempts, by_phone = by_phone,
    nonce = nonce, seed = seed, mac = mac, session = session, content = content, replication_id = replication_id,
    state = state, created = created, expires = created + expires, approved = approved and created + approved,
    approved_by = approved_by,
    digits = digits, guesses = guesses, test = test,
    send_id = send_id, sent = created + sent, sends = sends, delivery = delivery, early = early, undo = undo,
  }
end

local function pack_record(record)
  local created, approved = record.created, record.approved
  return cmsgpack.pack(
    record.attempts, record.by_phone,
    record.nonce, record.seed, record.mac, record.session, record.content, record.replication_id,
    record.state, created, record.expires - created, approved and approved - created, record.approved_by,
    record.digits, record.guesses, record.test,
    record.send_id, record.sent - created, record.sends, record.delivery, record.early, record.undo
  )
end

-- The guesses that were counted, in the record as it is stored.
local function write_counters(key, record)
  redis.call('SETRANGE', key, 0, string.char(record.attempts, record.by_phone))
end

-- The record; empty when there is none. One from the future of a clock that was set back is dead, and is deleted, so
-- that it does not come alive again when the clock gets there.
local function read_record(text, key, now)
  if not text then return {} end
  local record = unpack_record(text)
  if (record.approved or record.sent) <= now then return record end
  redis.call('DEL', key)
  return {}
end

-- What is stored of a code: its keyed MAC, bound to the verification, its session, its variables and its end.
local function bound_mac(mac, record)
  return bound(mac .. ':' .. record.nonce .. ':' .. record.session .. ':' .. record.content .. ':' .. record.expires)
end

-- From here on no guess is compared with the code, and nothing of it is kept.
local function end_code(record, state)
  record.state = state
  record.seed, record.mac, record.replication_id, record.undo = nil, nil, nil, nil
end
