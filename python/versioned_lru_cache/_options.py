"""The decorators' options, each checked once, before anything is decorated.

A wrong value raises ``TypeError`` or ``ValueError`` with the option's name, the value and what is allowed.
"""

from __future__ import annotations

from ._core import check_binding
from ._signatures import COROUTINE, Shape, kind, shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

_LONGEST = 2**63
_EVER = 2**64 - 1


def check_constant(version: object, label: str) -> None:
    """Refuse a constant version without a hash."""
    try:
        hash(version)
    except TypeError as error:
        raise TypeError(
            f"{label}={version!r} is a {type(version).__name__}, which is unhashable; it must be a hashable constant "
            "(a str, a number, a tuple), or a version function"
        ) from error


def check_version_args(version_args: object, *, has_function: bool) -> None:
    """Refuse what does not say what a version function gets."""
    if version_args is None:
        return
    if not has_function:
        raise TypeError(f"version_args={version_args!r}: a constant version gets no arguments; leave version_args out")
    if version_args != () and not callable(version_args):
        raise TypeError(
            f"version_args={version_args!r} is not allowed; it must be None (the call's arguments), () (nothing) or a "
            "callable that takes the call's arguments and returns a tuple"
        )


def check_session(session: object, label: str = "session") -> None:
    """Refuse what no session can lie in."""
    try:
        check_binding(session)
    except TypeError as error:
        raise TypeError(str(error).replace("session=", f"{label}=", 1)) from None


def checked_maxsize(maxsize: object, label: str = "maxsize") -> int | None:
    """Return the number of results to keep; ``None`` is unbounded, and less than 0 as 0."""
    if maxsize is None:
        return None
    if isinstance(maxsize, bool) or not isinstance(maxsize, int):
        raise TypeError(
            f"{label}={maxsize!r} is a {type(maxsize).__name__}; it must be an int (0 stores nothing) or None "
            "(unbounded)"
        )
    return min(max(maxsize, 0), _LONGEST - 1)


def checked_ttl(ttl: float | timedelta | None, label: str = "ttl") -> int | None:
    """Return a time to live in nanoseconds; ``None`` is for ever."""
    if ttl is None:
        return None
    seconds = _seconds(ttl, label)
    if not seconds > 0:
        raise ValueError(f"{label}={ttl!r} is not allowed; it must be more than 0 seconds, or None for no bound on age")
    return _nanoseconds(seconds)


def checked_span(span: float | timedelta | None, label: str) -> int:
    """Return a span of 0 seconds or more in nanoseconds."""
    if span is None:
        raise TypeError(f"{label}={span!r} is not allowed; it must be 0 or more seconds, or a timedelta")
    seconds = _seconds(span, label)
    if not seconds >= 0:
        raise ValueError(f"{label}={span!r} is not allowed; it must be 0 or more seconds")
    return min(_nanoseconds(seconds) or _EVER, _EVER) if seconds else 0


def checked_staleness(span: float | timedelta | None, label: str) -> int | None:
    """Return how long an old value may be used, in nanoseconds; ``None`` and 0 are not at all."""
    if span is None:
        return None
    seconds = _seconds(span, label)
    if not seconds >= 0:
        raise ValueError(
            f"{label}={span!r} is not allowed; it must be 0 or more seconds past freshness (math.inf: for ever), or "
            "None"
        )
    if not seconds:
        return None
    nanoseconds = _nanoseconds(seconds)
    return _EVER if nanoseconds is None else nanoseconds


def checked_errors(errors: object) -> tuple[object, ...]:
    """Return which failures count as those of the source."""
    classes: tuple[object, ...] = errors if isinstance(errors, tuple) else (errors,)  # pyright: ignore[reportUnknownVariableType]
    for one in classes:
        if not (isinstance(one, type) and issubclass(one, BaseException)):
            raise TypeError(
                f"errors={errors!r} is not allowed; it must be an exception class or a tuple of some, such as OSError"
            )
    return classes


def check_revalidate(revalidate: object) -> None:
    """Refuse what can't take an old result."""
    if revalidate is None:
        return
    check_callable(revalidate, "revalidate", "a callable of the old result, a Versioned, and the call's arguments")
    if kind(revalidate) not in (None, COROUTINE):
        check_kinds({"revalidate": revalidate})
    parameters = shape(revalidate) if callable(revalidate) else None
    if parameters is not None and not (parameters.positional or parameters.var_positional):
        raise TypeError(
            f"revalidate={revalidate!r} takes no positional argument; it must take the old result, a Versioned, and "
            "the call's arguments"
        )


def check_revalidate_fits(revalidate: object, function: Shape | None, name: str) -> None:
    """Refuse what can't take an old result and then the arguments of a function."""
    parameters = shape(revalidate) if callable(revalidate) else None
    reason = parameters.after_one().never_fits(function) if parameters and function else None
    if reason:
        raise TypeError(
            f"revalidate={revalidate!r} can't take an old result and the arguments of {name}: behind the old result, "
            f"{reason}; let it take a Versioned first, and then the same arguments"
        )


def checked_lag(lag: object) -> dict[str, object]:
    """Return how to treat a lagging source, in the words of the Rust side."""
    if lag is None:
        return {"retries": 0, "delay": 0, "settle": None, "order": None}
    from ._lag import Lag

    if not isinstance(lag, Lag):
        raise TypeError(f"lag={lag!r} is a {type(lag).__name__}; it must be Lag(retries=..., delay=...), or None")
    delay, settle = lag.nanoseconds()
    return {"retries": lag.retries, "delay": delay, "settle": settle, "order": lag.order}


def check_count(value: object, label: str) -> None:
    """Refuse what is no number of times."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{label}={value!r} is a {type(value).__name__}; it must be an int, 0 or more")
    if not 0 <= value < 2**31:
        raise ValueError(f"{label}={value!r} is not allowed; it must be 0 or more, and below 2**31")


def check_choice(value: object, label: str, allowed: tuple[str, ...]) -> None:
    """Refuse what is none of some words."""
    if value not in allowed:
        raise ValueError(f"{label}={value!r} is not allowed; it must be {' or '.join(map(repr, allowed))}")


def checked_wait(wait: float | timedelta | None) -> int | None:
    """Return how long to wait, in nanoseconds; ``None`` is as long as it takes."""
    if wait is None:
        return None
    seconds = _seconds(wait, "wait")
    if not seconds >= 0:
        raise ValueError(
            f"wait={wait!r} is not allowed; it must be 0 (never wait) or more seconds, or None (as long as it takes)"
        )
    return _nanoseconds(seconds) if seconds else 0


def _seconds(span: float | timedelta, label: str) -> float:
    """Return a span of time in seconds."""
    if type(span) is float or type(span) is int:
        return span
    total = getattr(span, "total_seconds", None)
    seconds = total() if callable(total) else span
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(
            f"{label}={span!r} is a {type(span).__name__}; it must be seconds (an int or float), a timedelta or None"
        )
    return seconds


def _nanoseconds(seconds: float) -> int | None:
    """Return at least one nanosecond, or ``None`` for a span that never ends."""
    nanoseconds = seconds * 1e9
    return None if nanoseconds >= _LONGEST else max(1, round(nanoseconds))


def check_flag(value: object, label: str) -> None:
    """Refuse anything but ``True`` and ``False``."""
    if not isinstance(value, bool):
        raise TypeError(f"{label}={value!r} is a {type(value).__name__}; it must be True or False")


def check_callable(value: object, label: str, purpose: str) -> None:
    """Refuse anything but a callable and ``None``."""
    if value is not None and not callable(value):
        raise TypeError(f"{label}={value!r} is a {type(value).__name__}; it must be {purpose}, or None")


def check_kinds(callables: Mapping[str, object]) -> None:
    """Refuse callables that would return a coroutine or a generator in place of an answer."""
    for label, value in callables.items():
        unfit = kind(value)
        if unfit is not None:
            raise TypeError(f"{label}={value!r} is a {unfit}; it must be a plain function that returns its answer")


def checked_awaited(function: Callable[..., object], version: object, label: str, *, awaits: bool) -> str:
    """Return what is to be awaited, in the words of the Rust side: ``neither``, the ``function``, or ``both``."""
    asks = kind(version)
    if awaits:
        if asks in (None, COROUTINE):
            return "both" if asks else "function"
    elif asks is None:
        return "neither"
    elif asks == COROUTINE:
        raise TypeError(
            f"{label}={version!r} is a {asks}, and {getattr(function, '__qualname__', function)!r} is not: a plain "
            "function can't await its version; let both be coroutine functions, or the version function a plain one"
        )
    raise TypeError(f"{label}={version!r} is a {asks}; it must be a function that returns its answer")


def check_text(value: object, label: str) -> None:
    """Refuse anything but a ``str`` with something in it."""
    if not isinstance(value, str):
        raise TypeError(f"{label}={value!r} is a {type(value).__name__}; it must be a str")
    if not value:
        raise ValueError(f"{label}={value!r} is empty; it must name something")


def checked_function(function: object) -> bool:
    """Return whether what is to be decorated is a coroutine function. Refuse what can't be decorated."""
    if not callable(function):
        hint = ""
        wrapper = type(function).__name__
        if wrapper in ("classmethod", "property"):
            hint = f"; write @{wrapper} above the cache's decorator, not below it"
        raise TypeError(f"versioned_lru_cache: can't decorate {function!r}, which is not callable{hint}")
    unfit = kind(function)
    if unfit not in (None, COROUTINE):
        raise TypeError(
            f"versioned_lru_cache: can't decorate {getattr(function, '__qualname__', function)!r}, a {unfit}: its "
            "result is used up by the first caller; decorate a function that returns a finished value, such as a list"
        )
    return unfit is not None
