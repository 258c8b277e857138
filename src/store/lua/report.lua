--[[
  Records what a vendor reports of one send.

  KEYS[1] v  the current verification

  ARGV[1] send id
  ARGV[2] the report as JSON: provider, messageId, status, category

  Replies   (age: ms since the send was reserved)
    APPLIED age
    REPEATED age
    EARLY age        the send is not settled: the report is kept until it is
    SUPERSEDED       the record is gone, or of a later send
]]
local record_key, send_id, report = KEYS[1], ARGV[1], cjson.decode(ARGV[2])
local now = clock()
local record = read_record(redis.call('GET', record_key), record_key, now)
if record.send_id ~= send_id or is_gone(record, now) then return { 'SUPERSEDED' } end

local age = now - record.sent
report.at = now

if not record.delivery then
  local early = record.early and cjson.decode(record.early) or {}
  for _, known in ipairs(early) do
    if known.provider == report.provider and known.status == report.status then return { 'EARLY', age } end
  end
  early[#early + 1] = report
  record.early = cjson.encode(early)
  rewrite(record_key, pack_record(record))
  return { 'EARLY', age }
end

local delivery = cjson.decode(record.delivery)
if not apply_report(delivery, report) then return { 'REPEATED', age } end
record.delivery = cjson.encode(delivery)
rewrite(record_key, pack_record(record))
return { 'APPLIED', age }
