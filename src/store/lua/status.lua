--[[
  Reads what SendCode and CheckCode would meet now, and the record. It only writes what a clock that was set
  back has left in the future: such times become now, and such a record is deleted.

  KEYS[1] v  the current verification        KEYS[3] f  failed guesses
  KEYS[2] s  sends of the phone              KEYS[4] a  approvals

  ARGV[1] windows as JSON: name, limit, ms …  ARGV[3] nonce of the id, '' for the current one
  ARGV[2] base of the cooldown, ms           ARGV[4] <caller>:<purpose>

  Replies
    STATUS json   {now, phoneVerifiedAt?, record?, windows, budgets, cooldown, blocked?}
]]
local record_key, sends_key, failures_key, approvals_key = unpack(KEYS)
local windows, cooldown_ms, nonce, owner = cjson.decode(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local caller = string.match(owner, '^[^:]+')
local now = clock()

local stored = redis.call('MGET', record_key, sends_key, failures_key, approvals_key)
local record = read_record(stored[1], record_key, now)
local sends = read_times(stored[2], sends_key, SEND_FIELDS, now)
local failures = newest_first(read_times(stored[3], failures_key, 1, now))
local approvals = read_list(stored[4])

local function use_of(times, limits, own)
  local uses = {}
  for i = 1, #limits, LIMIT_FIELDS do
    local used, frees_at, empty_at = window_use(times, now, limits[i + 1], limits[i + 2])
    local use = { used = used, freesAt = frees_at, emptyAt = empty_at }
    if own then use.own = count_after(own, now - limits[i + 2]) end
    uses[#uses + 1] = use
  end
  return uses
end

local times, own, newest = seen_sends(sends, caller)
local level, cooldown_ends = cooldown_use(times, now, last_approval(approvals, caller, now), cooldown_ms)
if cooldown_ends <= now or cooldown_waived(record, newest, now, caller) then cooldown_ends = 0 end
local by, ends_at = send_wait(now, failures, times, windows, cooldown_ends)
return { 'STATUS', cjson.encode({
  now = now,
  phoneVerifiedAt = verified_at(approvals, owner, now),
  record = record_view(record, nonce, now),
  windows = use_of(times, windows, own),
  budgets = use_of(failures, budgets),
  cooldown = { level = level, endsAt = cooldown_ends },
  blocked = by and { by = by, retryAfterMs = ends_at - now } or nil,
}) }
