"""What a Redis store does in the server: keys, and scripts, each of which runs as a whole or not at all.

All keys of a function have one hash tag, so they are in one slot of a cluster, and all begin with the namespace:

    vlru:NAMESPACE:{GROUP}:e            the epoch, random; a clear makes another
    vlru:NAMESPACE:{GROUP}:n            the last token
    vlru:NAMESPACE:{GROUP}:l:ADDRESS    leases of an address, by version: token, deadline, epoch; and `!`, the fence
    vlru:NAMESPACE:{GROUP}:r:ADDRESS    a record, behind its epoch and its token

A record counts only if its epoch is the function's. So a clear deletes nothing and looks for nothing, and where the
server has evicted or lost the epoch, no old record comes back. Tokens begin with the time, so that a lost one makes the
next greater. A lease at or below the fence saves nothing: a delete raises that to the last token.
"""

from __future__ import annotations

from ._identity import GROUP_BYTES

EPOCH_BYTES = 16  # In hexadecimal digits.
TOKEN_BYTES = 16  # In decimal ones: microseconds since 1970 have as many until the year 2286.
HEAD_BYTES = EPOCH_BYTES + TOKEN_BYTES

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# KEYS: epoch, tokens, leases. ARGV: version, an epoch if there is none, how long it lives in milliseconds.
ACQUIRE = (
    _NOW
    + """
local held = redis.call('HGET', KEYS[3], ARGV[1])
if held and tonumber(string.match(held, ':(%d+):')) > now then return false end
local epoch = redis.call('GET', KEYS[1])
if not epoch then
    epoch = ARGV[2]
    redis.call('SET', KEYS[1], epoch)
end
if redis.call('EXISTS', KEYS[2]) == 0 then
    redis.call('SET', KEYS[2], string.format('%.0f', time[1] * 1000000 + time[2]))
end
redis.call('INCR', KEYS[2])
local token = redis.call('GET', KEYS[2])
redis.call('HSET', KEYS[3], ARGV[1], token .. ':' .. string.format('%.0f', now + ARGV[3]) .. ':' .. epoch)
if redis.call('PTTL', KEYS[3]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[3], ARGV[3]) end
return token
"""
)

# KEYS: epoch, leases, record. ARGV: version, token, the record, how long it lives in milliseconds or 0 for ever.
SAVE = """
local held = redis.call('HGET', KEYS[2], ARGV[1])
if not held then return 0 end
local token, _, epoch = string.match(held, '^(%d+):(%d+):(.*)$')
local fence = redis.call('HGET', KEYS[2], '!')
if token ~= ARGV[2] or epoch ~= redis.call('GET', KEYS[1]) then return 0 end
if fence and tonumber(token) <= tonumber(fence) then return 0 end
local there = redis.call('GETRANGE', KEYS[3], 0, 31)
if string.sub(there, 1, 16) == epoch and tonumber(string.sub(there, 17)) > tonumber(token) then return 0 end
local record = epoch .. string.rep('0', 16 - #token) .. token .. ARGV[3]
if ARGV[4] == '0' then
    redis.call('SET', KEYS[3], record)
else
    redis.call('SET', KEYS[3], record, 'PX', ARGV[4])
end
return 1
"""

# KEYS: leases. ARGV: version, token.
RELEASE = """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and string.match(held, '^%d+') == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
"""

# KEYS: leases. ARGV: version, token, how long it lives in milliseconds. Whether it is held still.
RENEW = (
    _NOW
    + """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if not held then return 0 end
local token, _, epoch = string.match(held, '^(%d+):(%d+):(.*)$')
if token ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], token .. ':' .. string.format('%.0f', now + ARGV[3]) .. ':' .. epoch)
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
"""
)

# KEYS: leases. ARGV: version. Whether it is held.
HELD = (
    _NOW
    + """
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and tonumber(string.match(held, ':(%d+):')) > now then return 1 end
return 0
"""
)

# KEYS: epoch, tokens, leases, record. Whether there was a record.
DELETE = """
if redis.call('EXISTS', KEYS[3]) == 1 then
    redis.call('HSET', KEYS[3], '!', redis.call('GET', KEYS[2]) or '0')
end
local there = redis.call('GETRANGE', KEYS[4], 0, 15)
redis.call('DEL', KEYS[4])
return there ~= '' and there == redis.call('GET', KEYS[1]) and 1 or 0
"""


class Keys:
    """The names of a function's keys."""

    __slots__ = ("_stem", "epoch", "tokens")

    def __init__(self, namespace: str, group: bytes) -> None:
        self._stem = f"vlru:{namespace}:{{{group.hex()}}}:".encode()
        self.epoch = self._stem + b"e"
        self.tokens = self._stem + b"n"

    def record(self, address: bytes) -> bytes:
        """That of an address's record."""
        return self._stem + b"r:" + address[GROUP_BYTES:].hex().encode()

    def leases(self, address: bytes) -> bytes:
        """That of an address's leases."""
        return self._stem + b"l:" + address[GROUP_BYTES:].hex().encode()
