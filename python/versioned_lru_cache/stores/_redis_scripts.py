"""Lua scripts of the Redis store, each of which runs as one transaction, and their digests for `EVALSHA`.

The keys of one function, all in one slot of a cluster, and what is under them:

    state   epoch 16 | last fence 16                      of the function
    record  epoch 16 | fence 16 | record                  of an address
    leases  a hash, of an address
            v<version>  token 16 | epoch 16 | fence 16 | deadline 16
            fenced      the last fence that may not save, after a delete

Epochs and tokens are random bytes. Fences and deadlines are decimal numbers of 16 digits: microseconds of the server's
clock, so that fences also grow where the state was lost. A state that is missing counts as a new epoch, and the next
lease writes it.
"""

from __future__ import annotations

from hashlib import sha1

_BEGINNING = """
local function now()
    local clock = redis.call('TIME')
    return clock[1] * 1000000 + clock[2]
end
local function held(leases, field, token)
    local lease = redis.call('HGET', leases, field)
    if lease and tonumber(string.sub(lease, 49)) > now() and (not token or string.sub(lease, 1, 16) == token) then
        return lease
    end
end
local function expires(key, milliseconds)
    if redis.call('PTTL', key) < milliseconds then redis.call('PEXPIRE', key, milliseconds) end
end
"""


class Script:
    """The source of a script, and the digest by which a server knows it."""

    def __init__(self, source: str) -> None:
        self.source = _BEGINNING + source
        self.digest = sha1(self.source.encode(), usedforsecurity=False).hexdigest()


ACQUIRE = Script("""
local state, leases = KEYS[1], KEYS[2]
local field, token, epoch, lease, keep = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local other = held(leases, field)
if other then
    return string.sub(other, 1, 16) == token and string.sub(other, 17, 48)  -- a client that has asked twice
end
local fence, before, last = now(), redis.call('GET', state), nil
if before then last = tonumber(string.sub(before, 17, 32)) end
if last then
    epoch, fence = string.sub(before, 1, 16), math.max(fence, last + 1)
end
local stamp = epoch .. string.format('%016.0f', fence)
redis.call('SET', state, stamp, 'KEEPTTL')
if keep > 0 and (not last or redis.call('PTTL', state) >= 0) then expires(state, keep) end
redis.call('HSET', leases, field, token .. stamp .. string.format('%016.0f', now() + lease * 1000))
expires(leases, lease)
return stamp
""")

SAVE = Script("""
local state, record, leases = KEYS[1], KEYS[2], KEYS[3]
local field, token, data, keep = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local lease, present = held(leases, field, token), redis.call('GET', state)
if not lease or not present then return 0 end
local epoch, fence = string.sub(lease, 17, 32), tonumber(string.sub(lease, 33, 48))
if string.sub(present, 1, 16) ~= epoch then return 0 end
local fenced = redis.call('HGET', leases, 'fenced')
if fenced and tonumber(fenced) >= fence then return 0 end
local there = redis.call('GETRANGE', record, 0, 31)
if string.sub(there, 1, 16) == epoch and tonumber(string.sub(there, 17)) > fence then return 0 end
if keep > 0 then
    redis.call('SET', record, data, 'PX', keep)
    if redis.call('PTTL', state) >= 0 then expires(state, keep) end
else
    redis.call('SET', record, data)
    redis.call('PERSIST', state)
end
return 1
""")

RELEASE = Script("""
local lease = redis.call('HGET', KEYS[1], ARGV[1])
if lease and string.sub(lease, 1, 16) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
""")

RENEW = Script("""
local leases, field, token, milliseconds = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local lease = held(leases, field, token)
if not lease then return 0 end
redis.call('HSET', leases, field, string.sub(lease, 1, 48) .. string.format('%016.0f', now() + milliseconds * 1000))
expires(leases, milliseconds)
return 1
""")

IS_HELD = Script("""
return held(KEYS[1], ARGV[1]) and 1 or 0
""")

# What is removed comes first: a server without memory refuses scripts that begin with what takes some.
DELETE = Script("""
local state, record, leases = KEYS[1], KEYS[2], KEYS[3]
local present, there = redis.call('GET', state), redis.call('GETRANGE', record, 0, 15)
redis.call('UNLINK', record)
if present and redis.call('EXISTS', leases) == 1 then
    redis.call('HSET', leases, 'fenced', string.sub(present, 17, 32))
end
return present and string.sub(present, 1, 16) == there and 1 or 0
""")
