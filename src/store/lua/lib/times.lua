-- Failed guesses, as they are stored under f: their times. Sends to the phone, of all callers, as they are stored under s:
-- time, SMS that it is charged for, <caller>:<send id>; time, …

local SEND_FIELDS = 3

-- Times from the future of a clock that was set back become now, so that they count as long as their rules say from the
-- first time that they are met: neither until the clock gets there, nor not at all. Returns a list of `width` values each.
local function read_times(text, key, width, now)
  local list = read_list(text)
  local late = false
  for i = 1, #list, width do
    if list[i] > now then
      list[i] = now
      late = true
    end
  end
  if late then rewrite(key, cmsgpack.pack(list)) end
  return list
end

-- Where in the list a caller's send is; nil when it is not charged.
local function find_send(sends, caller, send_id)
  local member = caller .. ':' .. send_id
  for i = 1, #sends, SEND_FIELDS do
    if sends[i + 2] == member then return i end
  end
end
