--[[
  Reads what SendCode and CheckCode would meet now, and the record. It only writes what a clock that was set
  back has left in the future: such times become now, and such a record is deleted.

  KEYS[1] v  the current verification (hash)        KEYS[3] f  failed guesses (sorted set)
  KEYS[2] s  recent sends (sorted set)              KEYS[4] a  approvals (hash)

  ARGV[1] rules as JSON: cooldownMs, cooldownSteps, cooldownMemoryMs, windows, budgets,
          retentionMs, approvalMs, caller, sharedGridMs
  ARGV[2] nonce of the id, '' for the current one
  ARGV[3] <caller>:<purpose>

  Replies
    STATUS json   {now, phoneVerifiedAt?, record?, windows, budgets, cooldown, blocked?}
]]
local record_key, sends_key, failures_key, approvals_key = unpack(KEYS)
local rules, nonce, owner = cjson.decode(ARGV[1]), ARGV[2], ARGV[3]
local now = clock()

local record = read_record(record_key, now)
local keys = { sends = sends_key, failures = failures_key, approvals = approvals_key }
local status = send_status(now, keys, record, rules)
status.now = now
status.phoneVerifiedAt = verified_at(approvals_key, owner, now, rules)
status.record = record_view(record, nonce, now, rules)
return { 'STATUS', cjson.encode(status) }
