"""Which results a session renews, though they would do."""

from __future__ import annotations

from types import MethodType

from ._callables import check_kind
from ._core import CachedFunction, CachedMethod, CacheKey
from ._options import checked_flag
from ._signatures import handed, is_awaitable, shape
from ._words import a_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Target: TypeAlias = CachedFunction[..., Any] | CachedMethod[..., Any] | MethodType | CacheKey | "Where"

NO, SOFT, HARD = range(3)


class Where:
    """The calls of a function that a predicate over its arguments finds true: what ``f.where(predicate)`` returns."""

    __slots__ = ("function", "predicate")

    def __init__(self, function: Any, predicate: Callable[..., object], keyed: bool = False) -> None:
        """Check the predicate. It takes what ``key=`` has made if that is said by ``keyed``."""
        if not callable(predicate):
            raise TypeError(
                f"where({predicate!r}): {a_type(predicate)} is not callable; it must be a callable that takes "
                "the function's arguments and tells whether to renew their result"
            )
        check_kind(predicate, "where(predicate)")
        takes, calls = shape(predicate), None if keyed else shape(function)
        reason = takes and calls and (takes.never_fits(calls) or takes.leaves_out(calls, by_name=True))
        if reason:
            raise TypeError(
                f"where({predicate!r}) can't take the arguments of {function.__qualname__}: {reason}; let it take the "
                "same arguments"
            )
        reason = takes.differs(calls) if takes and calls else None
        if reason:
            raise TypeError(
                f"where({predicate!r}) has other defaults than {function.__qualname__}: {reason}; let it have the same"
            )
        self.function = function
        self.predicate = handed(predicate, calls)

    def __repr__(self) -> str:
        return f"{self.function.__qualname__}.where({getattr(self.predicate, 'function', self.predicate)!r})"

    def finds(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Return what the predicate says of a call."""
        try:
            answer: Any = self.predicate(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is None:  # Not from inside of the predicate.
                raise TypeError(
                    f"{self!r} cannot take the arguments of this call ({error}); let it take the same ones as the "
                    "function, with the same defaults"
                ) from error
            raise
        if is_awaitable(answer):  # It would be true, whatever it says.
            raise TypeError(
                f"{self!r} returned {a_type(answer)}, which nobody awaits; let it be a plain function that "
                "returns its answer"
            )
        return bool(answer)


class Refresh:
    """Which results a session renews: ``Refresh.none()``, ``.all()``, ``.only(*targets)``, joined with ``|``.

    A result is renewed once per session, if it was made before the session began. The old one stays until there is a
    new one.

    Example:
        >>> from versioned_lru_cache import Refresh, session, versioned_lru_cache
        >>> @versioned_lru_cache(None)
        ... def price(item: str) -> int:
        ...     return len(item)
        >>> price("tea"), price("milk")
        (3, 4)
        >>> with session(refresh=Refresh.only(price.cache_key("tea"))):
        ...     price("tea"), price("milk"), price.cache_info().misses
        (3, 4, 3)
    """

    __slots__ = ("_all", "_named")

    _all: int
    _named: tuple[tuple[Target, int], ...]

    def __init__(self) -> None:
        self._all, self._named = NO, ()

    @classmethod
    def none(cls) -> Refresh:
        """Renew nothing that is good.

        Returns:
            What joined with another is the other.

        Example:
            >>> from versioned_lru_cache import Refresh
            >>> Refresh.none() | Refresh.all()
            Refresh.all()
        """
        return cls()

    @classmethod
    def all(cls, *, hard: bool = False) -> Refresh:
        """Renew all that is read, but for what never changes (``IMMUTABLE``).

        Args:
            hard: Compute from nothing, past ``revalidate``.

        Returns:
            What ``session(refresh=...)`` takes.

        Raises:
            TypeError: ``hard`` is no bool.

        Example:
            >>> from versioned_lru_cache import Refresh
            >>> Refresh.all(hard=True)
            Refresh.all(hard=True)
        """
        refresh = cls()
        refresh._all = _level(hard)
        return refresh

    @classmethod
    def only(cls, *targets: Target, hard: bool = False) -> Refresh:
        """Renew what is named.

        Args:
            targets: Cached functions, methods of an instance or class (``obj.m``: the results of that one), single
                calls (``f.cache_key(1)``) and calls chosen by their arguments (``f.where(predicate)``).
            hard: Compute from nothing, past ``revalidate``.

        Returns:
            What ``session(refresh=...)`` takes.

        Raises:
            TypeError: A target is nothing of the above, or ``hard`` is no bool.

        Example:
            >>> from versioned_lru_cache import Refresh, versioned_lru_cache
            >>> @versioned_lru_cache(None)
            ... def price(item: str) -> int:
            ...     return len(item)
            >>> Refresh.only(price.cache_key("tea"))
            Refresh.only(<cache key of price('tea')>)
        """
        for target in targets:
            _check_target(target)
        refresh, level = cls(), _level(hard)
        refresh._named = tuple((target, level) for target in targets)
        return refresh

    def __or__(self, other: object) -> Refresh:
        """Renew what either does, past ``revalidate`` if one of them that chooses it says so."""
        if not isinstance(other, Refresh):
            return NotImplemented
        both = Refresh()
        both._all = max(self._all, other._all)
        both._named = self._named + other._named
        return both

    def __bool__(self) -> bool:
        return bool(self._all or self._named)

    def __repr__(self) -> str:
        parts: list[str] = []
        if self._all:
            parts.append(f"Refresh.all({'hard=True' if self._all == HARD else ''})")
        for level in (SOFT, HARD):
            targets = [repr(target) for target, its in self._named if its == level]
            if targets:
                parts.append(f"Refresh.only({', '.join(targets + ['hard=True'] * (level == HARD))})")
        return " | ".join(parts) or "Refresh.none()"

    def chooses(self, function: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int, bool]:
        """Return whether a call's result is renewed (0 no, 1 yes, 2 from nothing), and whether it is named."""
        named = [level for target, level in self._named if _is_meant(target, function, args, kwargs)]
        return max([self._all, *named]), bool(named)


def _check_target(target: object) -> None:
    of_a_class = isinstance(target, MethodType) and isinstance(target.__func__, CachedFunction)
    if not (of_a_class or isinstance(target, (CachedFunction, CachedMethod, CacheKey, Where))):
        raise TypeError(
            f"Refresh.only({target!r}): {a_type(target)} can't be renewed; a target is a cached function, "
            "obj.method, f.cache_key(...) or f.where(predicate)"
        )


def check_refresh(refresh: object) -> None:
    """Refuse what a session can't be told to refresh."""
    if refresh is not None and not isinstance(refresh, Refresh):
        raise TypeError(
            f"session(refresh={refresh!r}) is {a_type(refresh)}; it must be Refresh.none(), Refresh.all() or "
            "Refresh.only(...)"
        )


def _level(hard: object) -> int:
    checked_flag(hard, "hard")
    return HARD if hard else SOFT


def _class(target: object) -> object:
    return type(target)


def _is_meant(target: Any, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    kind = _class(target)
    if kind is CachedFunction:
        return target is function
    if kind is CachedMethod or kind is MethodType:
        return target.__func__ is function and bool(args) and args[0] is target.__self__
    if kind is Where:
        inner: Any = target.function
        if _class(inner) is CachedMethod:
            own = _is_meant(inner, function, args, kwargs)
            return own and target.finds(args[1:], kwargs)
        return inner is function and target.finds(args, kwargs)
    return bool(target == function.cache_key(*args, **kwargs))
