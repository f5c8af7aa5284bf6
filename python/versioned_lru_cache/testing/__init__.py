"""For test suites of programs that use the cache, and of who writes stores for it."""

from __future__ import annotations

from .._core import advance_clock as _advance_clock
from .._core import clock_now as _clock_now
from .._core import is_validating
from .._core import mock_clock as _mock_clock
from .._core import unmock_clock as _unmock_clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from ._async_store_contract import AsyncStoreContract
    from ._faulty_store import FaultyStore
    from ._store_contract import StoreContract
else:
    # What tests stores is not imported by tests of a clock.
    def __getattr__(name: str) -> object:
        """Import what is used for the first time."""
        # Written out, so that tools which look for imports find them.
        if name == "FaultyStore":
            from . import _faulty_store as module
        elif name == "AsyncStoreContract":
            from . import _async_store_contract as module
        elif name == "StoreContract":
            from . import _store_contract as module
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(module, name)


__all__ = ["AsyncStoreContract", "FaultyStore", "MockClock", "StoreContract", "is_validating"]

_SECOND = 1_000_000_000
_STEP = _SECOND // 512  # In such steps seconds are exact as floats, and so is what a test adds to them.


class MockClock:
    """A clock for tests of a ttl: while it is entered it is the only time that the library sees, in the whole process.

    It begins at the time that the library has seen until then, so that what is stored already ages as well. From there
    on it stands still but for :meth:`advance`, and where the library itself lets time pass (the retries of ``Lag``).

    Example:
        >>> from versioned_lru_cache import versioned_lru_cache
        >>> from versioned_lru_cache.testing import MockClock
        >>> @versioned_lru_cache(None, ttl=60)
        ... def price(item: str) -> int:
        ...     return len(item)
        >>> with MockClock() as clock:
        ...     price("tea")
        ...     clock.advance(60)
        ...     price.cache_contains("tea")
        3
        False
    """

    _entered: ClassVar[list[MockClock]] = []

    def __init__(self) -> None:
        """Make a clock; it begins when it is entered."""
        self._now = _present()

    @property
    def now(self) -> float:
        """The time it shows, in seconds since an arbitrary moment.

        Example:
            >>> with MockClock() as clock:
            ...     clock.now > 0
            True
        """
        return (_clock_now() if self._is_seen() else self._begins()) / _SECOND

    def advance(self, seconds: float) -> None:
        """Move it on. Threads may do so at the same time.

        Args:
            seconds: How far.

        Raises:
            ValueError: ``seconds`` is negative; this clock is monotonic.

        Example:
            >>> with MockClock() as clock:
            ...     before = clock.now
            ...     clock.advance(0.5)
            ...     clock.now - before
            0.5
        """
        if not seconds >= 0:
            raise ValueError(f"seconds={seconds!r}: a monotonic clock only moves on; it must be a number of 0 or more")
        nanoseconds = round(seconds * _SECOND)
        if self._is_seen():
            _advance_clock(nanoseconds)
        else:
            self._now = self._begins() + nanoseconds

    def _begins(self) -> int:
        """Return where it goes on if it is entered now: never before what the library sees."""
        return max(self._now, _present())

    def _is_seen(self) -> bool:
        return bool(self._entered) and self._entered[-1] is self

    def _look(self) -> None:
        if self._is_seen():
            self._now = _clock_now()

    def __enter__(self) -> MockClock:
        """Replace the real clock, or the mock clock entered before."""
        self._now = self._begins()
        if self._entered:
            self._entered[-1]._look()
        self._entered.append(self)
        _mock_clock(self._now)
        return self

    def __exit__(self, *_: object) -> None:
        """Bring that clock back, unless another is entered that has not been left yet."""
        if not self._is_seen():
            self._entered.reverse()
            self._entered.remove(self)
            self._entered.reverse()
            return
        self._look()
        self._entered.pop()
        if self._entered:
            _mock_clock(self._entered[-1]._now)
        else:
            _unmock_clock()


def _present() -> int:
    """Return the time that the library sees, to the next step."""
    return -(-_clock_now() // _STEP) * _STEP


def __dir__() -> list[str]:
    return sorted(__all__)
