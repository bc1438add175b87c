-- Appends messages to the stream of a topic, all or none; without any it only tells where Redis is.
--
-- Numbers count up over all topics and are never given twice: each is the time in microseconds, or
-- one more than the last. An entry has the number of the topic's entry before it, so that the first
-- one that is kept says what is not.
--
-- KEYS  state, epochs, newest number of each topic, stream, its bytes, mark of this request
-- ARGV  epoch and number that the caller has seen, whether it misses entries ("1"), a new epoch;
--       then, to publish: topic, deadline, microseconds, bytes and topics to keep;
--       then, for each message: the count of what follows, and its fields and values
-- Returns the epoch, the newest number, and the time.
local state, epochs, newest_of_topics, stream, bytes_of_stream, mark = unpack(KEYS)

local function text(number)
    return string.format('%.0f', number)
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local epoch, newest, forgotten = unpack(redis.call('HMGET', state, 'epoch', 'newest', 'forgotten'))
newest = tonumber(newest or 0)

local seen_epoch, seen, misses = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
if not epoch or (epoch == seen_epoch and (misses or newest < seen)) then
    epoch, newest = ARGV[4], math.max(now, newest + 1, seen + 1)
    redis.call('HSET', state, 'epoch', epoch, 'newest', text(newest))
    redis.call('XADD', epochs, 'MAXLEN', 1, text(newest) .. '-0', 'epoch', epoch)
end
if #ARGV == 4 then
    return {epoch, text(newest), text(now)}
end

local topic, deadline = ARGV[5], tonumber(ARGV[6])
local keep_microseconds, keep_bytes, keep_topics = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local oldest = now - keep_microseconds
local done = redis.call('GET', mark)
if done then
    return {epoch, done, text(now)}
elseif now > deadline then
    return redis.error_reply('LATE the caller no longer waits')
end
local previous = redis.call('ZSCORE', newest_of_topics, topic)
if not previous or tonumber(previous) < oldest then
    if redis.call('ZCOUNT', newest_of_topics, text(oldest), '+inf') >= keep_topics then
        return redis.error_reply('LIMIT there are as many topics as there may be')
    end
end
previous = text(previous or forgotten or 0)

local bytes = tonumber(redis.call('GET', bytes_of_stream) or 0)
local number = math.max(now, newest + 1) - 1
local index = 10
while ARGV[index] do
    local last = index + ARGV[index]
    number = number + 1
    redis.call('XADD', stream, text(number) .. '-0', 'previous', previous, unpack(ARGV, index + 1, last))
    for field = index + 1, last do
        bytes = bytes + #ARGV[field]
    end
    previous, index = text(number), last + 1
end

local length = redis.call('XLEN', stream)
while length > 1 do
    local id, fields = unpack(redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1])
    if bytes <= keep_bytes and tonumber(id:match('%d+')) >= oldest then
        break
    end
    for field = 3, #fields do
        bytes = bytes - #fields[field]
    end
    redis.call('XDEL', stream, id)
    length = length - 1
end

local milliseconds = math.ceil(keep_microseconds / 1000)
redis.call('PEXPIRE', stream, milliseconds)
redis.call('SET', bytes_of_stream, text(bytes), 'PX', milliseconds)
redis.call('SET', mark, text(number), 'EX', 10)
redis.call('HSET', state, 'newest', text(number))
redis.call('ZADD', newest_of_topics, text(number), topic)
if redis.call('ZCARD', newest_of_topics) > 2 * keep_topics then
    redis.call('HSET', state, 'forgotten', text(redis.call('ZPOPMIN', newest_of_topics)[2]))
end
return {epoch, text(number), text(now)}
