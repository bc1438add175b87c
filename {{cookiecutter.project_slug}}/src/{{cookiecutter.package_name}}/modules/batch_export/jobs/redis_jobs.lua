-- One step of the jobs in Redis, which runs it as a whole: no two processes undo each other's.
-- A job is a hash of fields in JSON; what is due, and what has segments, is known by sets.
-- ARGV has the name of the step and what it takes.

local NAME = '{exports}:name'
local WAITING, EXPIRING, KEPT = '{exports}:waiting', '{exports}:expiring', '{exports}:kept'
local seconds, microseconds = unpack(redis.call('TIME'))
local now = seconds + microseconds / 1e6
local steps = {}

local function job(id) return '{exports}:job:' .. id end
local function get(id, field) return redis.call('HGET', job(id), field) end
local function key_name(client, key) return '{exports}:key:' .. client .. key end
local function until_after(span) return string.format('%.3f', now + span) end

local function set(id, ...)
  redis.call('HSET', job(id), ...)
  local status, kept_of_client = get(id, 'status'), KEPT .. ':' .. get(id, 'client')
  local is_open = status == '"accepted"' or status == '"running"'
  if is_open then
    local due = status == '"running"' and 'lease' or 'created'
    redis.call('ZADD', WAITING, get(id, due), id)
  else
    redis.call('ZREM', WAITING, id)
    redis.call('ZADD', EXPIRING, get(id, 'expires'), id)
  end
  local change = (is_open or status == '"complete"') and 'SADD' or 'SREM'
  redis.call(change, KEPT, id)
  redis.call(change, kept_of_client, id)
end

-- An id whose job is gone, as in a Redis that evicts, keeps nobody from the others.
local function drop(id)
  redis.call('ZREM', WAITING, id)
  redis.call('ZREM', EXPIRING, id)
  redis.call('SREM', KEPT, id)
end

local function is_full(ids, most)
  if redis.call('SCARD', ids) < tonumber(most) then return false end
  for _, id in ipairs(redis.call('SMEMBERS', ids)) do
    if not get(id, 'id') then redis.call('SREM', ids, id) end
  end
  return redis.call('SCARD', ids) >= tonumber(most)
end

local function due(set_of_ids, ...)
  return redis.call('ZRANGE', set_of_ids, '-inf', now, 'BYSCORE', ...)
end

function steps.name(new)
  redis.call('SET', NAME, new, 'NX')
  return redis.call('GET', NAME)
end

function steps.create(id, client, key, most, most_of_client, ...)
  local name = key_name(client, key)
  local found = key ~= 'null' and redis.call('GET', name) or id
  if not get(found, 'id') then
    if is_full(KEPT .. ':' .. client, most_of_client) then return 'client' end
    if is_full(KEPT, most) then return 'all' end
    if key ~= 'null' then redis.call('SET', name, id) end
    found = id
    set(id, ...)
    set(id, 'created', until_after(0))
  end
  return redis.call('HGETALL', job(found))
end

function steps.find(id)
  return redis.call('HGETALL', job(id))
end

function steps.claim(lease)
  local id = due(WAITING, 'LIMIT', 0, 1)[1]
  while id and not get(id, 'id') do
    drop(id)
    id = due(WAITING, 'LIMIT', 0, 1)[1]
  end
  if not id then return false end
  -- A Redis that was restarted may have forgotten an attempt: by the clock, no number comes twice.
  local attempt = math.max(get(id, 'attempt') + 1, math.floor(now * 1000))
  set(id, 'status', '"running"', 'attempt', string.format('%d', attempt),
    'tries', get(id, 'tries') + 1, 'lease', until_after(lease))
  return redis.call('HGETALL', job(id))
end

function steps.update(id, attempt, lease, ...)
  if get(id, 'attempt') ~= attempt or get(id, 'status') ~= '"running"' then return 0 end
  set(id, 'lease', until_after(lease), ...)
  return 1
end

function steps.cancel(id, expires)
  if not get(id, 'id') or get(id, 'status') == '"cancelled"' then return 0 end
  set(id, 'status', '"cancelled"', 'segments', '[]', 'problem', 'null', 'expires', expires)
  return 1
end

function steps.hold(id, span)
  if get(id, 'status') == '"complete"' and tonumber(get(id, 'expires')) < now + span then
    set(id, 'expires', until_after(span))
  end
end

function steps.expired()
  return due(EXPIRING)
end

function steps.holding()
  return redis.call('SMEMBERS', KEPT)
end

function steps.forget(id)
  if not get(id, 'id') then drop(id) end
  local expires = tonumber(get(id, 'expires') or '')
  if not expires or expires > now then return 0 end
  local client = get(id, 'client')
  redis.call('DEL', job(id), key_name(client, get(id, 'key')))
  drop(id)
  redis.call('SREM', KEPT .. ':' .. client, id)
  return 1
end

return steps[ARGV[1]](unpack(ARGV, 2))
