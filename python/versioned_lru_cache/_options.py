"""The decorators' options, each checked once, before anything is decorated, and handed to the Rust side with types.

A wrong value raises ``TypeError`` or ``ValueError`` with the option's name, the value and what is allowed.
"""

from __future__ import annotations

from types import FunctionType, MethodType

from ._callables import check_kind, checked_callable, is_callable
from ._core import CachedFunction, CachedMethod, LagTerms, Options, SessionBlocks, check_binding
from ._lag import Lag, terms
from ._signatures import COROUTINE, Shape, kind, shape
from ._spans import checked_span, checked_staleness, checked_ttl, checked_wait
from ._texts import checked_text
from ._words import a_type, with_article

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from datetime import timedelta
    from typing import Any, Literal, TypedDict

    from .stores import AsyncStore, Store

    class Given(TypedDict):
        """The options as a decorator is given them."""

        version_args: tuple[()] | Callable[..., tuple[Any, ...]] | None
        session: object
        maxsize: int | None
        max_weight: int | None
        weigh: Callable[[Any], int] | None
        typed: bool
        key: Callable[..., Hashable] | None
        ttl: float | timedelta | Callable[..., float | timedelta | None] | None
        on_expiry: Literal["recompute", "verify"]
        revalidate: Callable[..., Any] | None
        stale_if_error: float | timedelta | None
        retry_after: float | timedelta
        errors: type[BaseException] | tuple[type[BaseException], ...]
        stale_while_revalidate: float | timedelta | None
        lag: Lag | None
        cache_if: Callable[[Any], object] | None
        wait: float | timedelta | None
        copy: Callable[[Any], Any] | None
        store: Store | AsyncStore | None
        name: str | None
        revision: str | None


_LONGEST = 2**63 - 1
_WRITTEN_IN_PYTHON = 1 << 9  # CPython's flag of types that a class statement makes.


def checked(given: Given, labels: Mapping[str, str]) -> Options:
    """Return the options as the Rust side takes them. ``labels`` are what messages call them."""
    check_version_args(given["version_args"], labels["version_args"])
    ttl, own_ttl = checked_lives(given["ttl"], labels["ttl"])
    max_weight, weigh = checked_weights(given["max_weight"], given["weigh"], labels)
    return Options(
        session=checked_session(given["session"], labels["session"]),
        maxsize=checked_maxsize(given["maxsize"], labels["maxsize"]),
        max_weight=max_weight,
        weigh=weigh,
        typed=checked_flag(given["typed"], labels["typed"]),
        key=checked_key(given["key"], labels["key"]),
        ttl=ttl,
        own_ttl=own_ttl,
        verifies=checked_on_expiry(given["on_expiry"], labels["on_expiry"]),
        revalidate=checked_revalidate(given["revalidate"], labels["revalidate"]),
        awaits_revalidate=kind(given["revalidate"]) is not None,
        stale_if_error=checked_staleness(given["stale_if_error"], labels["stale_if_error"]),
        retry_after=checked_span(given["retry_after"], labels["retry_after"]),
        errors=checked_errors(given["errors"], labels["errors"]),
        stale_while_revalidate=checked_staleness(given["stale_while_revalidate"], labels["stale_while_revalidate"]),
        lag=checked_lag(given["lag"], labels["lag"]),
        cache_if=checked_cache_if(given["cache_if"], labels["cache_if"]),
        wait=checked_wait(given["wait"], labels["wait"]),
    )


def check_effects(given: Given, labels: Mapping[str, str], retry_after: float, *, constant: bool) -> None:
    """Refuse options that change nothing beside the others. ``retry_after`` is what it is where nobody gives it."""
    ttl, stale_if_error, behind = given["ttl"], given["stale_if_error"], given["stale_while_revalidate"]
    ends = ttl is not None
    give_ttl = f"give {labels['ttl']}= (math.inf, where results say by Versioned(ttl=) how long they live)"
    if given["on_expiry"] == "verify" and constant:
        raise ValueError("on_expiry='verify': a constant version is never asked; leave on_expiry out")
    if given["on_expiry"] == "verify" and not ends:
        raise ValueError(
            f"on_expiry='verify': without a ttl no result comes to the end of it; {give_ttl}, or leave on_expiry out"
        )
    lag = given["lag"]
    if behind and constant and not ends and (lag is None or lag.settle is None):
        raise ValueError(
            f"stale_while_revalidate={behind!r}: under a constant version and without a ttl no result is ever stale; "
            f"{give_ttl}, or a version function, or leave stale_while_revalidate out"
        )
    if given["retry_after"] != retry_after and stale_if_error is None and behind is None:
        raise ValueError(
            f"retry_after={given['retry_after']!r}: no old result answers for a source that fails, so each call tries "
            "it; give stale_if_error= or stale_while_revalidate=, or leave retry_after out"
        )


def check_constant(version: object, label: str) -> None:
    """Refuse a constant version without a hash, and what a class body makes of a version function."""
    if hasattr(type(version), "__get__"):
        raise TypeError(
            f"{label}={version!r} is {a_type(version)}, which is no function yet in a class body; let it be a "
            "plain method, which is given the instance, or a staticmethod"
        )
    try:
        hash(version)
    except TypeError as error:
        raise TypeError(
            f"{label}={version!r} is {a_type(version)}, which is unhashable; it must be a hashable constant "
            "(a str, a number, a tuple), or a version function"
        ) from error


def check_version_args(version_args: object, label: str) -> None:
    """Refuse what says nothing of the version function's arguments."""
    if version_args is None or version_args == ():
        return
    if not callable(version_args):
        raise TypeError(
            f"{label}={version_args!r} is not allowed; it must be None (the call's arguments), () (nothing) or a "
            "callable that takes the call's arguments and returns a tuple"
        )
    check_kind(version_args, label)


def checked_session(session: object, label: str) -> object:
    """Return where the session lies. Refuse what none can lie in."""
    if session is None:
        return None
    if issubclass(session if issubclass(type(session), type) else type(session), SessionBlocks):  # type: ignore[arg-type]
        raise TypeError(
            f"{label}={session!r} opens sessions, and none lies in it; let it be None, for the ambient session, which "
            "within `with session():` is the one of that block"
        )
    if issubclass(
        type(session), (FunctionType, MethodType, CachedFunction, CachedMethod)
    ):  # A proxy would tell of its object.
        check_kind(session, label)
    try:
        check_binding(session)
    except TypeError as error:
        raise TypeError(str(error).replace("session=", f"{label}=", 1)) from None
    return session


def checked_maxsize(maxsize: object, label: str) -> int | None:
    """Return the number of results to keep; ``None`` is unbounded, and less than 0 as 0."""
    if maxsize is None:
        return None
    if isinstance(maxsize, bool) or not isinstance(maxsize, int):
        raise TypeError(
            f"{label}={maxsize!r} is {a_type(maxsize)}; it must be an int (0 stores nothing) or None (unbounded)"
        )
    return min(max(maxsize, 0), _LONGEST)


def checked_lives(
    ttl: float | timedelta | Callable[..., float | timedelta | None] | None, label: str
) -> tuple[int | None, Callable[..., Any] | None]:
    """Return how long all results live at most, in nanoseconds, or what tells it of each."""
    if not callable(ttl):
        return checked_ttl(ttl, label), None
    check_kind(ttl, label)
    return None, ttl


def checked_weights(
    max_weight: object, weigh: object, labels: Mapping[str, str]
) -> tuple[int | None, Callable[..., Any] | None]:
    """Return what all results may weigh together, and what tells the weight of one: both or neither."""
    bound, weighs = labels["max_weight"], labels["weigh"]
    checked = checked_callable(weigh, weighs, "a callable that is given a result and returns its weight, an int")
    if max_weight is None:
        if checked is not None:
            raise ValueError(f"{weighs}={weigh!r} is of no effect without {bound}; give that, or leave {weighs} out")
        return None, None
    if isinstance(max_weight, bool) or not isinstance(max_weight, int):
        raise TypeError(f"{bound}={max_weight!r} is {a_type(max_weight)}; it must be an int, or None")
    if max_weight < 1:
        raise ValueError(
            f"{bound}={max_weight!r} is not allowed; it must be 1 or more, or None (maxsize=0 stores nothing)"
        )
    if checked is None:
        raise ValueError(
            f"{bound}={max_weight!r} is of no effect without {weighs}; give that a callable that returns the weight "
            "of a result, such as len"
        )
    return min(max_weight, _LONGEST), checked


def checked_errors(errors: object, label: str) -> tuple[type[BaseException], ...]:
    """Return which failures count as those of the source."""
    classes: tuple[Any, ...] = errors if isinstance(errors, tuple) else (errors,)  # pyright: ignore[reportUnknownVariableType]
    for one in classes:
        if not (isinstance(one, type) and issubclass(one, BaseException)):
            raise TypeError(
                f"{label}={errors!r} is not allowed; it must be an exception class or a tuple of some, such as OSError"
            )
    return classes


def checked_revalidate(revalidate: object, label: str) -> Callable[..., Any] | None:
    """Return what takes an old result; it may be a coroutine function."""
    if not is_callable(revalidate, label, "a callable of the old result, a Versioned, and the call's arguments"):
        return None
    if kind(revalidate) != COROUTINE:
        check_kind(revalidate, label)
    parameters = shape(revalidate)
    if parameters is not None and not (parameters.positional or parameters.var_positional):
        raise TypeError(
            f"{label}={revalidate!r} takes no positional argument; it must take the old result, a Versioned, and "
            "the call's arguments"
        )
    return revalidate


def check_takes_calls(
    value: object, label: str, function: Shape | None, name: str, *, remedy: str = "", by_name: bool = True
) -> None:
    """Refuse what gets the arguments of a function's calls as they are bound, but can't take them, or defaults."""
    parameters = shape(value) if callable(value) else None
    if parameters is None or function is None:
        return
    misfit = parameters.never_fits(function)
    others = None if misfit else parameters.lacks(function) or parameters.differs(function)
    if others:
        raise TypeError(
            f"{label}={value!r} has other defaults than {name}: {others}; let it have the same defaults{remedy}"
        )
    misfit = misfit or parameters.leaves_out(function, by_name=by_name)
    if misfit:
        raise TypeError(
            f"{label}={value!r} can't take the arguments of {name}: {misfit}; let it take the same arguments{remedy}"
        )


def check_defaults(function: Shape | None, name: str) -> None:
    """Refuse a default that would be part of a key and has no hash."""
    unfit = None if function is None else function.unhashable_default()
    if unfit:
        parameter, default = unfit
        raise TypeError(
            f"{name}: the default of {parameter!r} is {default!r}, {a_type(default)}, which has no hash; it "
            "is part of the key of each call that leaves it out. Let it be something hashable, such as None or a "
            "tuple, or say with key= what tells calls apart"
        )


def check_ttl_fits(ttl: object, label: str, function: Shape | None, name: str) -> None:
    """Refuse what tells how long a result lives, but can't take that and then the arguments of a function."""
    parameters = shape(ttl) if callable(ttl) else None
    if parameters is None or function is None:
        return
    behind = parameters.after_one()
    reason = behind.never_fits(function) or behind.lacks(function) or behind.differs(function)
    reason = reason or behind.leaves_out(function, by_name=False)
    if reason or not (parameters.positional or parameters.var_positional):
        raise TypeError(
            f"{label}={ttl!r} can't take a result and the arguments of {name}: behind the result, "
            f"{reason or 'it takes none'}; let it take the result first, and then the same arguments, with the same "
            "defaults, or *args and **kwargs"
        )


def check_revalidate_fits(revalidate: object, function: Shape | None, name: str) -> None:
    """Refuse what can't take an old result and then the arguments of a function."""
    parameters = shape(revalidate) if callable(revalidate) else None
    if parameters is None or function is None:
        return
    behind = parameters.after_one()
    reason = behind.never_fits(function) or behind.lacks(function) or behind.differs(function)
    if reason:
        raise TypeError(
            f"revalidate={revalidate!r} can't take an old result and the arguments of {name}: behind the old result, "
            f"{reason}; let it take a Versioned first, and then the same arguments, with the same defaults"
        )


def checked_lag(lag: object, label: str) -> LagTerms | None:
    """Return how a source is treated that announces a version before it shows it."""
    if lag is None:
        return None
    if not isinstance(lag, Lag):
        raise TypeError(f"{label}={lag!r} is {a_type(lag)}; it must be Lag(retries=..., delay=...), or None")
    return terms(lag)


def checked_on_expiry(value: object, label: str) -> bool:
    """Return whether the age begins anew when an unchanged version is asked."""
    if value not in ("recompute", "verify"):
        raise ValueError(f"{label}={value!r} is not allowed; it must be 'recompute' or 'verify'")
    return value == "verify"


def checked_key(key: object, label: str) -> Callable[..., Any] | None:
    """Return what makes a key of a call's arguments."""
    return checked_callable(key, label, "a callable that makes a hashable key of the call's arguments")


def checked_copy(copies: object, label: str) -> Callable[..., Any] | None:
    """Return what makes what a caller is handed."""
    check_kind(copies, label)
    return checked_callable(copies, label, "a callable that is given a result and returns what to hand out")


def checked_cache_if(wants: object, label: str) -> Callable[..., Any] | None:
    """Return what tells of a result whether it is to be stored."""
    return checked_callable(wants, label, "a callable that is given a result")


def checked_flag(value: object, label: str) -> bool:
    """Return ``True`` or ``False``, and refuse anything else."""
    if not isinstance(value, bool):
        raise TypeError(f"{label}={value!r} is {a_type(value)}; it must be True or False")
    return value


def awaits_version(function: Callable[..., object], version: object, label: str, *, awaits: bool) -> bool:
    """Return whether a function awaits its version. Refuse a version that it can't await."""
    asks = kind(version)
    if asks is None:
        return False
    if asks == COROUTINE and not awaits:
        raise TypeError(
            f"{label}={version!r} is a {asks}, and {getattr(function, '__qualname__', function)!r} is not: a plain "
            "function can't await its version; let both be coroutine functions, or the version function a plain one"
        )
    if asks != COROUTINE:
        raise TypeError(f"{label}={version!r} is {with_article(asks)}; it must be a function that returns its answer")
    return True


def checked_function(function: object, hint: str) -> bool:
    """Return whether what is to be decorated is a coroutine function. Refuse what can't be decorated."""
    if not callable(function):
        wrapper = type(function).__name__
        if wrapper in ("classmethod", "property"):
            hint = f"; write @{wrapper} above the cache's decorator, not below it"
        raise TypeError(f"versioned_lru_cache: can't decorate {function!r}, which is not callable{hint}")
    if isinstance(function, type) and function.__flags__ & _WRITTEN_IN_PYTHON:  # Others, as int, serve as functions.
        raise TypeError(
            f"versioned_lru_cache: can't decorate {function!r}, a class: its name would be that of a function, "
            "of which nothing is an instance; decorate a function that makes instances of it, such as "
            f"lambda *args: {function.__name__}(*args)"
        )
    unfit = kind(function)
    if unfit is not None and unfit != COROUTINE:
        name = getattr(function, "__qualname__", function)
        raise TypeError(
            f"versioned_lru_cache: can't decorate {name!r}, {with_article(unfit)}: its result is used up by the first "
            "caller; decorate a function that returns a finished value, such as a list"
        )
    return unfit is not None


def checked_name(name: object, label: str) -> str | None:
    """Return a function's name, or ``None`` for its own."""
    return None if name is None else checked_text(name, label)
