-- How delivery reports change a delivery: the same rules as src/domain/reports.ts. A delivery is a list of strings, as
-- src/store/delivery-text.ts writes it.

-- The first of them, once there was a report.
local function reported_status(status, at, failure)
  return status .. ' ' .. at .. ' ' .. failure
end

-- Changes the delivery as one report says. Returns whether it changed.
local function apply_report(delivery, report)
  local STATUS, PROVIDER, MESSAGE_ID, FIRST_ATTEMPT = 1, 2, 3, 4
  -- The message is with this provider; or this provider was at least tried.
  local named = delivery[PROVIDER] == report.provider
  local tried = named
  for i = FIRST_ATTEMPT, #delivery do
    tried = tried or string.match(delivery[i], '^%S+') == report.provider
  end

  local reported, known = report.status, string.match(delivery[STATUS], '^%a+')
  local changes = {
    delivered = tried and known ~= 'delivered',
    failed = named and known ~= 'delivered' and known ~= 'failed',
    accepted = tried and known == 'unknown',
  }
  if not changes[reported] then return false end

  if report.messageId ~= '' then
    delivery[MESSAGE_ID] = report.messageId
  elseif not named then
    delivery[MESSAGE_ID] = ''
  end
  delivery[PROVIDER] = report.provider
  local failure = ''
  if reported == 'failed' then failure = report.category ~= '' and report.category or 'unknown' end
  delivery[STATUS] = reported_status(reported, report.at, failure)
  return true
end

-- The delivery, as JSON, of a send that seemed not sent and was reported delivered; nil without such a report.
local function delivered_after_all(early)
  for _, report in ipairs(early) do
    if report.status == 'delivered' then
      return cjson.encode({ reported_status('delivered', report.at, ''), report.provider, report.messageId })
    end
  end
end
