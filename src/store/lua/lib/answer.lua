-- The stored answer of a SendCode with a request id, as it is stored under r. orphan: the packed answer of the call whose
-- place this one took; delivery: as JSON, nil until settle.lua.

local function unpack_answer(text)
  local fingerprint, send_id, nonce, sent, expires, resend, remaining, orphan, delivery = cmsgpack.unpack(text)
  return {
    fingerprint = fingerprint, send_id = send_id, nonce = nonce, sent = sent, expires = expires, resend = resend,
    remaining = remaining, orphan = orphan, delivery = delivery,
  }
end

local function pack_answer(answer)
  return cmsgpack.pack(
    answer.fingerprint, answer.send_id, answer.nonce, answer.sent, answer.expires, answer.resend, answer.remaining,
    answer.orphan, answer.delivery
  )
end
