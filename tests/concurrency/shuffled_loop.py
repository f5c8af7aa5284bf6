"""An event loop in which chance, drawn from a seed, decides whose turn it is, and time passes when nobody has one.

So a schedule can be had again, no test waits, and a hang is noticed at once: nobody is ready or waits for the time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from contextvars import Context


class Hang(AssertionError):
    """Nobody can ever go on."""


class Shuffled(deque[Any]):
    """A queue that is left in any order."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance

    def popleft(self) -> Any:
        place = self.chance.randrange(len(self))
        self.rotate(-place)
        item = super().popleft()
        self.rotate(place)
        return item


class Jumping(selectors.SelectSelector):
    """Lets time jump instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise Hang("nobody is ready, and nobody waits for the time")
        self.now += timeout
        return super().select(0)


class ShuffledLoop(asyncio.SelectorEventLoop):
    """The loop."""

    def __init__(self, chance: random.Random) -> None:
        self.jumping = Jumping()
        super().__init__(self.jumping)
        self._ready = Shuffled(chance)
        self.complaints: list[str] = []
        self.set_exception_handler(lambda _loop, context: self.complaints.append(str(context)))

    def time(self) -> float:
        return self.jumping.now

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> asyncio.TimerHandle:
        """Calls at a tenth of a second: what is left of a wait is measured by the real clock, which follows no seed."""
        return super().call_at(round(when, 1), callback, *args, context=context)
