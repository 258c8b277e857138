-- The stored answer of a SendCode with a request id, as it is stored under r. Times after `sent` are stored as the
-- distance to it. fingerprint: 96 bits of the request's; orphan: the packed answer of the call whose
-- place this one took; delivery: as JSON, nil until settle.lua.

local function unpack_answer(text)
  local fingerprint, send_id, nonce, sent, expires, resend, remaining, orphan, delivery = cmsgpack.unpack(text)
  return {
    fingerprint = fingerprint, send_id = send_id, nonce = nonce, sent = sent, expires = sent + expires,
    resend = sent + resend,
    remaining = remaining, orphan = orphan, delivery = delivery,
  }
end

local function pack_answer(answer)
  local sent = answer.sent
  return cmsgpack.pack(
    answer.fingerprint, answer.send_id, answer.nonce, sent, answer.expires - sent, answer.resend - sent, answer.remaining,
    answer.orphan, answer.delivery
  )
end
