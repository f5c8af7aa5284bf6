"""How to treat a source that announces a version before it shows it."""

from __future__ import annotations

from ._callables import checked_callable
from ._core import LagTerms
from ._spans import checked_span, checked_ttl
from ._words import a_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from typing import Any


class Lag:
    """A source that announces a version before it shows it: a changelog is ahead of a replica or a CDN.

    The function tells what it saw by returning ``Versioned(value, version)``.

    Args:
        retries: How often a call tries again when it saw another version than the one asked.
        delay: Seconds before the first of these, or a timedelta; each next delay is twice as long. The version is
            asked anew each time.
        settle: For results that can't tell their version: the first result of a version lives for at most so many
            seconds, or a timedelta.
        order: A callable of two versions that says whether the first is the second or above it, such as
            ``operator.ge``. Then a version above the one asked counts as visible, and a result below the stored one
            never replaces it.

    Raises:
        TypeError: A value is of a wrong type.
        ValueError: A value is not allowed.

    Example:
        >>> from versioned_lru_cache import Lag, Versioned, versioned_lru_cache
        >>> answers = [Versioned("old", 1), Versioned("new", 2)]
        >>> @versioned_lru_cache(lambda: 2, lag=Lag(retries=1, delay=0))
        ... def read() -> str:
        ...     return answers.pop(0)
        >>> read()
        'new'
    """

    __slots__ = ("_delay", "_settle", "delay", "order", "retries", "settle")

    def __init__(
        self,
        retries: int = 0,
        delay: float | timedelta = 0.1,
        settle: float | timedelta | None = None,
        order: Callable[[Any, Any], object] | None = None,
    ) -> None:
        _check_count(retries, "Lag(retries)")
        checked_callable(order, "Lag(order)", "a callable of two versions, such as operator.ge")
        self.retries, self.delay, self.settle, self.order = retries, delay, settle, order
        self._delay = checked_span(delay, "Lag(delay)")
        self._settle = checked_ttl(settle, "Lag(settle)")

    def __repr__(self) -> str:
        return f"Lag(retries={self.retries!r}, delay={self.delay!r}, settle={self.settle!r}, order={self.order!r})"


def terms(lag: Lag) -> LagTerms:
    """Return it as the Rust side takes it."""
    return LagTerms(retries=lag.retries, delay=lag._delay, settle=lag._settle, order=lag.order)  # pyright: ignore[reportPrivateUsage]


def _check_count(value: object, label: str) -> None:
    """Refuse what is no number of times."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{label}={value!r} is {a_type(value)}; it must be an int, 0 or more")
    if not 0 <= value < 2**31:
        raise ValueError(f"{label}={value!r} is not allowed; it must be 0 or more, and below 2**31")
