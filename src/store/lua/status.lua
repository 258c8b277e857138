--[[
  Reads what SendCode and CheckCode would meet now, and the record. Writes nothing.

  KEYS[1] v  the current verification (hash)        KEYS[3] f  failed guesses (sorted set)
  KEYS[2] s  recent sends (sorted set)              KEYS[4] a  approvals (hash)

  ARGV[1] rules as JSON: cooldownMs, cooldownSteps, cooldownMemoryMs, windows, budgets,
          retentionMs, approvalMs
  ARGV[2] nonce of the id, '' for the current one
  ARGV[3] <caller>:<purpose>

  Replies
    STATUS json   {now, phoneVerifiedAt?, record?, windows, budgets, cooldown, blocked?}
]]
local rules = cjson.decode(ARGV[1])
local at = now()
local v = hash(KEYS[1])
local status = send_status(at, { s = KEYS[2], f = KEYS[3], a = KEYS[4] }, v, rules)
status.now = at
status.phoneVerifiedAt = verified_at(KEYS[4], ARGV[3], at, rules)
status.record = record_view(v, ARGV[2], at, rules)
return { 'STATUS', cjson.encode(status) }
