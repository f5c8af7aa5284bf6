"""A cached function whose first computation the test holds while others call."""

from __future__ import annotations

from typing import Any

from tests.support.calling import MINE, Call, Gate
from versioned_lru_cache import versioned_lru_cache


class Held:
    """A cached function whose first computation stops at a gate. A result tells which run it is of."""

    def __init__(self, **options: Any) -> None:
        self.version: object = 1
        self.asked = 0
        self.runs = 0
        self.gate = Gate()
        self.raises: BaseException | None = None

        def ask() -> object:
            self.asked += 1
            return self.version

        @versioned_lru_cache(ask, **{"session": MINE} | options)
        def f(x: object) -> list[object]:
            self.runs += 1
            number = self.runs
            if number == 1:
                self.gate.stop()
                if self.raises is not None:
                    raise self.raises
            return [x, number]

        self.f: Any = f

    def lead(self, x: object = 1, session: dict[str, Any] | None = None) -> Call:
        """Begins the computation that others are to wait for."""
        leader = Call(self.f, x, session=session)
        self.gate.wait()
        return leader
