"""A version that the program itself moves on."""

from __future__ import annotations

from .._core import Counter
from .._texts import checked_constant, one_name
from ._names import of_call
from ._version_function import known_by

TYPE_CHECKING = False
if not TYPE_CHECKING:
    from ._names import overload
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import overload  # noqa: TC004 - what runs is that of `_names`

    from .._core import NamesOfCall
    from ._names import P


@overload
def counter(name: str) -> Counter: ...
@overload
def counter(name: Callable[P, str]) -> NamesOfCall[P]: ...
def counter(name: str | Callable[P, str]) -> Counter | NamesOfCall[P]:
    """Return a version function that counts how often the program said that the data has changed.

    Its ``bump()`` says so, as do :func:`bump` of its name and of names above it: ``"user"`` is above ``"user:7"``. One
    name means one thing in the whole process. Where the name is a text, reading it takes no Python call.

    Args:
        name: What has changed, ``"prices"``. Or a callable that takes the call's arguments and returns a name,
            ``lambda user: f"user:{user}"``.

    Returns:
        A version function whose ``bump()`` moves it on and returns the new version, an int. With a callable ``bump``
        takes the call's arguments, and the version is a tuple of the names, here one, and of that int.

    A version seen again means the same data, but for what it can miss: every change that nobody bumps it for, and all
    that other processes do.

    Raises:
        TypeError: ``name`` is neither a ``str`` nor a callable that returns one.
        ValueError: ``name`` is empty, or a pattern such as ``"user:*"``.

    Example:
        >>> from versioned_lru_cache.versions import counter
        >>> wages = counter("wages")
        >>> wages(), wages.bump(), wages()
        (0, 1, 1)
        >>> wages_of = counter(lambda person: f"wages:{person}")
        >>> wages_of("ann"), wages_of.bump("ann"), wages_of("bob")
        ((('wages:ann',), 1), (('wages:ann',), 2), (('wages:bob',), 1))
    """
    if callable(name):
        return of_call(name, one_name, several=False, name="counter", label="name")
    return of_names("counter", checked_constant(name, "counter(name)"))


def of_names(made_by: str, *names: str) -> Counter:
    """Return the one version function about these names."""
    shown = f"{made_by}({', '.join(map(repr, names))})"
    return known_by(("counter", names), lambda: Counter(shown, names))
