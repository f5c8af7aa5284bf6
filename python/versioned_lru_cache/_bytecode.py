"""What bytecode tells of a function that was not called yet: whether ``None`` is all that it can return.

Each CPython has its own opcodes, so those that matter are learned from two functions of this file: a disassembler would
take longer to import than the rest of the package. What is not surely so is not told.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

_GENERATORS = 0x20 | 0x200  # Of both kinds: what a call of theirs returns is no ``None``.
_MOST_CONSTANTS = 255  # The place of one beyond is told by two instructions.


def _something(one: object) -> object:
    return one


def _nothing() -> None:
    return


_last = _nothing.__code__.co_code
_RETURN = _something.__code__.co_code[-2]
# CPython 3.12 and 3.13 return a constant by one instruction, others load it and return it.
_IN_ONE = _last[-2] != _RETURN
_LOAD = None if _IN_ONE else _last[-4]


def returns_only_none(code: CodeType) -> bool:
    """Return whether ``None`` is the one thing that a function returns, if it ever returns."""
    constants = code.co_consts
    if code.co_flags & _GENERATORS or len(constants) > _MOST_CONSTANTS:
        return False
    instructions = code.co_code
    opcodes = instructions[::2]
    if _IN_ONE and _RETURN in opcodes:
        return False
    end = opcodes.find(_last[-2])
    ends: list[int] = []
    while end >= 0:
        loads = 2 * end if _IN_ONE else 2 * end - 2
        if _LOAD not in (None, instructions[loads]) or constants[instructions[loads + 1]] is not None:
            return False
        ends.append(2 * end)
        end = opcodes.find(_last[-2], end + 1)
    return bool(ends) and (_IN_ONE or not _is_led_to(ends, instructions))


def _is_led_to(ends: list[int], instructions: bytes) -> bool:
    """Return whether a jump leads to a return, past what loads ``None`` above it: ``return found or None``."""
    import dis  # Only for what is a mistake nearly always.

    of_bytes: Any = dis.findlabels  # Its type in typeshed is that of dis.dis.
    return not set(ends).isdisjoint(of_bytes(instructions))
