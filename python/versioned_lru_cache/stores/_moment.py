"""Moments: points in time that another process can tell the age of, after a restart and on a machine whose clock jumps.

The wall clock is the only one that all machines share, but it jumps. The monotonic clock does not, but it means
nothing after a reboot. So a moment has both, and the boot that the second belongs to.
"""

from __future__ import annotations

import time
from functools import cache

from .._core import age_of, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class _Fields(NamedTuple):
        wall: int
        boot: bytes
        monotonic: int
else:
    from collections import namedtuple

    _Fields = namedtuple("Moment", "wall boot monotonic")

# One that runs on while the machine sleeps. Only Linux has it by this name; elsewhere there is no boot to tell either.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


class Moment(_Fields):
    """A point in time, as one process writes it and another reads it.

    Attributes:
        wall: Nanoseconds since the epoch.
        boot: Which boot of which machine the monotonic clock belongs to; empty where that is unknown (macOS, Windows).
        monotonic: Nanoseconds of that clock.
    """

    __slots__ = ()

    @classmethod
    def now(cls) -> Moment:
        """Return this moment."""
        return cls(*moment(this_boot()))

    def age(self, now: Moment) -> float | None:
        """Return how many seconds ago this moment was; ``None`` is unknown, and counts as older than anything.

        A clock that jumps makes a result older, never younger. In one boot both clocks are at hand, and the greater
        age counts. Else there is only the wall clock, and what it says to lie in the future is of unknown age. One
        thing can't be seen: that the wall clock was set back, by less than the age, between two boots or machines.
        """
        age = age_of(self, now)
        return None if age is None else age / 1e9


@cache
def this_boot() -> bytes:
    """Return a digest of this boot and this namespace of clocks (containers may have one); empty where unknown."""
    if _CLOCK is None:
        return b""
    from hashlib import blake2b
    from os import readlink

    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as stream:
            boot = stream.read()
        try:
            clocks = readlink("/proc/self/ns/time")
        except FileNotFoundError:  # Before Linux 5.6 there is one for all.
            clocks = ""
    except OSError:
        return b""
    return blake2b(boot + clocks.encode(), digest_size=16).digest()
