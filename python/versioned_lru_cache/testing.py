"""For test suites of programs that use the cache."""

from __future__ import annotations

from ._core import mock_clock, unmock_clock

_SECOND = 1_000_000_000


class MockClock:
    """A clock for tests of a ttl: while it is entered it is the only time that the library sees, in the whole process.

    It stands still but for :meth:`advance`::

        with MockClock() as clock:
            f(1)
            clock.advance(60)
            f(1)
    """

    def __init__(self) -> None:
        """Make a clock that shows one second."""
        self._now = _SECOND

    @property
    def now(self) -> float:
        """The time it shows, in seconds."""
        return self._now / _SECOND

    def advance(self, seconds: float) -> None:
        """Move it on.

        Raises:
            ValueError: ``seconds`` is negative; this clock is monotonic.
        """
        if not seconds >= 0:
            raise ValueError(f"seconds={seconds!r}: a monotonic clock only moves on; it must be a number of 0 or more")
        self._now += round(seconds * _SECOND)
        mock_clock(self._now)

    def __enter__(self) -> MockClock:
        """Replace the real clock."""
        mock_clock(self._now)
        return self

    def __exit__(self, *_: object) -> None:
        """Bring the real clock back."""
        unmock_clock()
