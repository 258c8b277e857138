-- How delivery reports change a delivery: the same rules as src/domain/reports.ts.

-- cjson writes an empty list as an object.
local function encode_delivery(delivery)
  return (string.gsub(cjson.encode(delivery), '"attempts":{}', '"attempts":[]'))
end

-- How many SMS the user may get: an unknown result and another provider after it are two.
local function messages_in(delivery)
  local count = 0
  for _, attempt in ipairs(delivery.attempts) do
    if attempt.result == 'accepted' or attempt.result == 'unknown' then count = count + 1 end
  end
  return count
end

-- Changes the delivery as one report says. Returns whether it changed.
local function apply_report(delivery, report)
  -- The message is with this provider; or this provider was at least tried.
  local named = delivery.provider == report.provider
  local tried = named
  for _, attempt in ipairs(delivery.attempts) do tried = tried or attempt.provider == report.provider end

  local reported, known = report.status, delivery.status
  local changes = {
    delivered = tried and known ~= 'delivered',
    failed = named and known ~= 'delivered' and known ~= 'failed',
    accepted = tried and known == 'unknown',
  }
  if not changes[reported] then return false end

  if report.messageId ~= '' then
    delivery.messageId = report.messageId
  elseif not named then
    delivery.messageId = ''
  end
  delivery.provider = report.provider
  delivery.status = reported
  delivery.failure = nil
  if reported == 'failed' then delivery.failure = report.category ~= '' and report.category or 'unknown' end
  delivery.reportedAt = report.at
  return true
end

-- The reports of a send that came before it was settled; a list.
local function early_reports(record)
  return record.early and cjson.decode(record.early) or {}
end

-- The delivery, as JSON, of a send that seemed not sent and was reported delivered; nil without such a report.
local function delivered_after_all(early)
  for _, report in ipairs(early) do
    if report.status == 'delivered' then
      return encode_delivery({
        provider = report.provider, messageId = report.messageId, status = 'delivered', attempts = {},
        reportedAt = report.at,
      })
    end
  end
end
