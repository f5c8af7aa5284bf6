"""Spans of time as users write them, in seconds or as a timedelta, checked and turned into nanoseconds.

A wrong value raises ``TypeError`` or ``ValueError`` with its name, the value and what is allowed.
"""

from __future__ import annotations

from ._words import a_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta

_LONGEST = 2**63
_EVER = 2**64 - 1


def checked_ttl(ttl: float | timedelta | None, label: str) -> int | None:
    """Return a time to live in nanoseconds; ``None`` is for ever."""
    if ttl is None:
        return None
    seconds = _seconds(ttl, label)
    if not seconds > 0:
        raise ValueError(f"{label}={ttl!r} is not allowed; it must be more than 0 seconds, or None for no bound on age")
    return _nanoseconds(seconds)


def checked_own_ttl(ttl: float | timedelta | None, label: str) -> int | None:
    """Return how long one result lives in nanoseconds; ``None`` is for ever, and less than 0 as 0."""
    if ttl is None:
        return None
    seconds = _seconds(ttl, label)
    if seconds != seconds:  # Not a number.
        raise ValueError(f"{label}={ttl!r} is not allowed; it must be seconds, a timedelta or None (no bound on age)")
    return _nanoseconds(seconds) if seconds > 0 else 0


def checked_span(span: float | timedelta | None, label: str) -> int:
    """Return a span of 0 seconds or more in nanoseconds."""
    if span is None:
        raise TypeError(f"{label}={span!r} is not allowed; it must be 0 or more seconds, or a timedelta")
    seconds = _not_negative(span, label, "0 or more seconds")
    return min(_nanoseconds(seconds) or _EVER, _EVER) if seconds else 0


def checked_staleness(span: float | timedelta | None, label: str) -> int | None:
    """Return how long an old value may be used, in nanoseconds; ``None`` and 0 are not at all."""
    if span is None:
        return None
    seconds = _not_negative(span, label, "0 or more seconds past freshness (math.inf: for ever), or None")
    if not seconds:
        return None
    nanoseconds = _nanoseconds(seconds)
    return _EVER if nanoseconds is None else nanoseconds


def checked_wait(wait: float | timedelta | None, label: str) -> int | None:
    """Return how long to wait, in nanoseconds; ``None`` is as long as it takes."""
    if wait is None:
        return None
    seconds = _not_negative(wait, label, "0 (never wait) or more seconds, or None (as long as it takes)")
    return _nanoseconds(seconds) if seconds else 0


def _not_negative(span: float | timedelta, label: str, allowed: str) -> float:
    """Return a span of time in seconds. ``allowed`` says what it must be."""
    seconds = _seconds(span, label)
    if not seconds >= 0:
        raise ValueError(f"{label}={span!r} is not allowed; it must be {allowed}")
    return seconds


def _seconds(span: float | timedelta, label: str) -> float:
    """Return a span of time in seconds."""
    if type(span) is float or type(span) is int:
        return span
    total = getattr(span, "total_seconds", None)
    seconds = total() if callable(total) else span
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(
            f"{label}={span!r} is {a_type(span)}; it must be seconds (an int or float), a timedelta or None"
        )
    return seconds


def _nanoseconds(seconds: float) -> int | None:
    """Return at least one nanosecond, or ``None`` for a span that never ends."""
    nanoseconds = seconds * 1e9
    return None if nanoseconds >= _LONGEST else max(1, round(nanoseconds))
