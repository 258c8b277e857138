-- The report token that a vendor's message id is linked to; nil when there is none.
local function linked_token(text, now)
  if not text then return nil end
  local since, token = cmsgpack.unpack(text)
  if holds(since, since + REPORT_MS, now) then return token end
end
