"""A version function that is counted, for tests that look at when it is asked."""

from __future__ import annotations

from typing import Any

from versioned_lru_cache import versioned_lru_cache


class CountedVersion:
    """A version that is counted whenever it is asked, and functions that are bound to a session in some way."""

    def __init__(self) -> None:
        self.version: object = 1
        self.asked = 0

    def ask(self) -> object:
        self.asked += 1
        return self.version

    def cached(self, session: Any = None, **options: Any) -> Any:
        @versioned_lru_cache(self.ask, session=session, **options)
        def f(x: object = None) -> list[object]:
            return [x, self.version]

        return f

    def asks(self, f: Any, x: object = None) -> bool:
        """Whether a call asks for the version."""
        before = self.asked
        f(x)
        return self.asked > before
