"""Lua scripts that count bumps of names in a Redis server, so that no version is ever seen again for other data.

    state   a hash: life, number, last, began, floor, current, both
    :0 :1   hashes, two generations of names: by each the value of its last bump; by the empty name the life

A value is the number of a bump and some random digits, so it is unique also where a server that takes over has not
heard of the last bumps. A name that is in no generation has the floor, which is as high as any that was forgotten. When
a generation is full the other is removed, and the floor rises to where the one that stays began. If any of the three is
lost, as a server without memory evicts what it likes, all begin a new life: then all versions are others.
"""

from __future__ import annotations

from ._redis_scripts import Script

_BEGIN = """
local function begin()
    local state = redis.call('HMGET', KEYS[1], 'life', 'floor', 'current', 'both')
    local life = state[1]
    if life then
        local current, other = KEYS[2 + state[3]], KEYS[3 - state[3]]
        if redis.call('HGET', current, '') == life and (state[4] == '0' or redis.call('HGET', other, '') == life) then
            return life, state[2], current, other, tonumber(state[3])
        end
    end
    life = ARGV[1]
    redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
    redis.call('HSET', KEYS[1], 'life', life, 'number', 0, 'last', 0, 'began', 0, 'floor', 0, 'current', 0, 'both', 0)
    redis.call('HSET', KEYS[2], '', life)
    return life, '0', KEYS[2], KEYS[3], 0
end
"""

# Its arguments are a new life, if there is none, and names.
READ = Script(
    _BEGIN
    + """
local life, floor, current, other = begin()
local answer = {life, floor}
for place = 2, #ARGV do
    answer[place + 1] = redis.call('HGET', current, ARGV[place]) or redis.call('HGET', other, ARGV[place])
end
return answer
"""
)

# Its arguments are random digits, how many names a generation may have, and names.
BUMP = Script(
    _BEGIN
    + """
local life, floor, current, other, place = begin()
local state = redis.call('HMGET', KEYS[1], 'last', 'began')
if redis.call('HLEN', current) > tonumber(ARGV[2]) then
    redis.call('UNLINK', other)
    redis.call('HSET', other, '', life)
    redis.call('HSET', KEYS[1], 'floor', state[2], 'began', state[1], 'current', 1 - place, 'both', 1)
    current = other
end
local value = string.format('%.0f', redis.call('HINCRBY', KEYS[1], 'number', 1)) .. '-' .. ARGV[1]
redis.call('HSET', KEYS[1], 'last', value)
for place = 3, #ARGV do redis.call('HSET', current, ARGV[place], value) end
return {life, value}
"""
)
