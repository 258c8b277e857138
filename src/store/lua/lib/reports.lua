-- What delivery reports make of a delivery: the same rules as src/domain/reports.ts.

-- A list that is empty would come out of cjson as an object.
local function encode_delivery(delivery)
  return (string.gsub(cjson.encode(delivery), '"attempts":{}', '"attempts":[]'))
end

-- How many SMS the user may get of it: a doubt that another provider was tried after is two.
local function messages_in(d)
  local count = 0
  for _, attempt in ipairs(d.attempts) do
    if attempt.result == 'accepted' or attempt.result == 'unknown' then count = count + 1 end
  end
  return count
end

-- Changes `d` as one report says, and answers whether it did.
local function apply_report(d, report)
  local named = d.provider == report.provider
  local tried = named
  for _, attempt in ipairs(d.attempts) do tried = tried or attempt.provider == report.provider end

  local word = report.status
  local changes
  if word == 'delivered' then
    changes = tried and d.status ~= 'delivered'
  elseif word == 'failed' then
    changes = named and d.status ~= 'delivered' and d.status ~= 'failed'
  elseif word == 'accepted' then
    changes = tried and d.status == 'unknown'
  else
    error('a report says an unknown word')
  end
  if not changes then return false end

  if report.messageId ~= '' then
    d.messageId = report.messageId
  elseif not named then
    d.messageId = ''
  end
  d.provider = report.provider
  d.status = word
  d.failure = nil
  if word == 'failed' then d.failure = report.category ~= '' and report.category or 'unknown' end
  d.reportedAt = report.at
  return true
end

-- What was reported of a send before it was settled; a list.
local function early_reports(v)
  return v.early and cjson.decode(v.early) or {}
end

-- What a send was after all when it seemed that nothing was sent, yet it was delivered, as JSON; nil when it was not.
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
