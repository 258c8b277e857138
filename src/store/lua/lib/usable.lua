-- What can still be done with a record.

-- Whether the right code would be approved, on the node that issued it.
local function is_outstanding(record, now)
  return record.state == 'pending' and now < record.expires and record.attempts < record.guesses
end

-- Whether the right code would be approved here.
local function is_usable(record, now, replication)
  return record.replication_id == replication and is_outstanding(record, now)
end

-- Past its retention, whether Redis has deleted it or not.
local function is_gone(record, now)
  return now >= (record.approved or record.expires) + RETENTION_MS
end
