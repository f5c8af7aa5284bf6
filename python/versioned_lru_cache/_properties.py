"""Cached properties: a property whose getter is a cached method."""

from __future__ import annotations

from types import GenericAlias

from ._core import CachedFunction
from ._decorators import MORE_THAN_VERSION, versioned_lru_cache
from ._option_names import names_checked
from ._signatures import shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any, Generic, ParamSpec, TypeVar, overload

    from typing_extensions import Self

    P = ParamSpec("P")
    S = TypeVar("S")
    R = TypeVar("R")
    S_contra = TypeVar("S_contra", contravariant=True)
    R_co = TypeVar("R_co", covariant=True)

    class CachedProperty(property, Generic[S_contra, R_co]):
        """A property whose getter is a cached method: what ``versioned_cached_property`` makes.

        Args:
            fget: The cached function, with the methods of its cache.
            fset: As of ``property``.
            fdel: As of ``property``.
            doc: As of ``property``.

        Raises:
            TypeError: ``fget`` is no cached function.

        Example:
            >>> from versioned_lru_cache import CachedProperty, versioned_lru_cache
            >>> class Order:
            ...     @CachedProperty
            ...     @versioned_lru_cache(None)
            ...     def total(self) -> int:
            ...         return 3
            >>> Order().total, Order.total.fget.cache_info().misses
            (3, 1)
        """

        fget: CachedFunction[[S_contra], R_co]  # pyright: ignore[reportIncompatibleVariableOverride]

        # Of a cached function Mypy does not find out what is bound to S; that it must be one is told at run time.
        def __init__(
            self,
            fget: Callable[[S_contra], R_co],
            fset: Callable[[Any, Any], None] | None = None,
            fdel: Callable[[Any], None] | None = None,
            doc: str | None = None,
        ) -> None: ...

        @overload
        def __get__(self, instance: None, owner: type, /) -> Self: ...
        @overload
        def __get__(self, instance: S_contra, owner: type | None = None, /) -> R_co: ...

        def __get__(self, instance: S_contra | None, owner: type | None = None, /) -> Self | R_co: ...

else:

    class CachedProperty(property):
        """A property whose getter is a cached method: what ``versioned_cached_property`` makes.

        Args:
            fget: The cached function, with the methods of its cache.
            fset: As of ``property``.
            fdel: As of ``property``.
            doc: As of ``property``.

        Raises:
            TypeError: ``fget`` is no cached function.

        Example:
            >>> from versioned_lru_cache import CachedProperty, versioned_lru_cache
            >>> class Order:
            ...     @CachedProperty
            ...     @versioned_lru_cache(None)
            ...     def total(self) -> int:
            ...         return 3
            >>> Order().total, Order.total.fget.cache_info().misses
            (3, 1)
        """

        __class_getitem__ = classmethod(GenericAlias)

        def __init__(self, fget, fset=None, fdel=None, doc=None):
            if not isinstance(fget, CachedFunction):
                raise TypeError(
                    f"CachedProperty({fget!r}): this is no cached function; write @versioned_cached_property(version) "
                    "above a plain one, or @CachedProperty directly above the cache's decorator"
                )
            takes = shape(fget.__wrapped__)
            if takes is not None and not takes.takes(1):
                raise TypeError(
                    f"CachedProperty: {fget.__qualname__} does not take one argument, but a property is given the "
                    "instance and nothing else; let it take self alone, or make it a method"
                )
            super().__init__(fget, fset, fdel, doc)

        def __set_name__(self, owner, name):
            if hasattr(property, "__set_name__"):  # Since CPython 3.13, for its messages.
                super().__set_name__(owner, name)
            # The class body makes a method of what stands in it; below a property nobody would tell it.
            self.fget.__set_name__(owner, name)


class _Decorator:
    """Makes a cached property of a function. No property itself, and says so where it is left in a class."""

    __slots__ = ("_decorate",)

    def __init__(self, decorate: Callable[[Callable[..., Any]], CachedFunction[..., Any]]) -> None:
        self._decorate = decorate

    def __call__(self, getter: Callable[[S], R], /) -> CachedProperty[S, R]:
        if isinstance(getter, property):
            raise TypeError(
                f"versioned_cached_property: {getter!r} is a property already; leave @property out, this makes one"
            )
        return CachedProperty(self._decorate(getter))

    def __set_name__(self, owner: type, name: str) -> None:
        raise TypeError(
            f"versioned_cached_property: {owner.__qualname__}.{name} was given as a version and is no property; write "
            "@versioned_cached_property(version), with a version function or a constant such as None"
        )


def _with_options_of(decorator: Callable[P, object]) -> Callable[[object], Callable[P, _Decorator]]:
    """Tell editors and type checkers which options there are."""

    def same(function: Any) -> Any:
        return function

    return same


@_with_options_of(versioned_lru_cache)
@names_checked(more=MORE_THAN_VERSION)
def versioned_cached_property(version: Callable[..., Hashable] | Hashable, **options: Any) -> _Decorator:
    """Make a cached property: ``@property`` and ``@versioned_lru_cache(...)`` in one, by the rules of methods.

    The instance is known by identity, so it need not be hashable, and is not kept alive: its result goes with it. Where
    ``functools.cached_property`` writes a result into the instance, which is never forgotten, this asks for its version
    in each session, and works on frozen classes too.

    Args:
        version: As of :func:`versioned_lru_cache`; a version function gets the instance, or nothing.
        options: The options of :func:`versioned_lru_cache`. With ``key=`` instances of the same key share a result.

    Returns:
        A decorator for methods without parameters besides ``self``; it returns a :class:`CachedProperty`.

    Raises:
        TypeError: An option is of a wrong type or unknown, or the function can't be cached.
        ValueError: An option's value is not allowed.

    Example:
        >>> from versioned_lru_cache import versioned_cached_property
        >>> class Order:
        ...     def __init__(self, prices: list[int]) -> None:
        ...         self.prices = prices
        ...     @versioned_cached_property(lambda self: len(self.prices))
        ...     def total(self) -> int:
        ...         return sum(self.prices)
        >>> order = Order([3, 4])
        >>> order.total, order.total, Order.total.fget.cache_info().misses
        (7, 7, 1)
        >>> order.prices.append(5)
        >>> order.total
        12
    """
    return _Decorator(versioned_lru_cache(version, **options))
