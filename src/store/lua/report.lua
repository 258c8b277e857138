--[[
  Records what a vendor reports of one send.

  KEYS[1] v  the current verification (hash)

  ARGV[1] send id
  ARGV[2] the report as JSON: provider, messageId, status, category
  ARGV[3] rules as JSON: retentionMs, approvalMs

  Replies   (age: ms since the send was reserved)
    APPLIED age
    REPEATED age
    EARLY age        the send is not settled: the report is kept until it is
    SUPERSEDED       the record is gone, or of a later send
]]
local at = now()
local v = hash(KEYS[1])
if v.send_id ~= ARGV[1] or is_gone(v, at, cjson.decode(ARGV[3])) then return { 'SUPERSEDED' } end

local age = whole(at - v.sent)
local report = cjson.decode(ARGV[2])
report.at = at

if not v.delivery then
  local early = early_reports(v)
  for _, said in ipairs(early) do
    if said.provider == report.provider and said.status == report.status then return { 'EARLY', age } end
  end
  early[#early + 1] = report
  redis.call('HSET', KEYS[1], 'early', cjson.encode(early))
  return { 'EARLY', age }
end

local delivery = cjson.decode(v.delivery)
if not apply_report(delivery, report) then return { 'REPEATED', age } end
redis.call('HSET', KEYS[1], 'delivery', encode_delivery(delivery))
return { 'APPLIED', age }
