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
local record_key, send_id, report = KEYS[1], ARGV[1], cjson.decode(ARGV[2])
local now = clock()
local record = read_record(record_key, now)
if record.send_id ~= send_id or is_gone(record, now, cjson.decode(ARGV[3])) then return { 'SUPERSEDED' } end

local age = decimal(now - record.sent)
report.at = now

if not record.delivery then
  local early = early_reports(record)
  for _, known in ipairs(early) do
    if known.provider == report.provider and known.status == report.status then return { 'EARLY', age } end
  end
  early[#early + 1] = report
  redis.call('HSET', record_key, 'early', cjson.encode(early))
  return { 'EARLY', age }
end

local delivery = cjson.decode(record.delivery)
if not apply_report(delivery, report) then return { 'REPEATED', age } end
redis.call('HSET', record_key, 'delivery', encode_delivery(delivery))
return { 'APPLIED', age }
