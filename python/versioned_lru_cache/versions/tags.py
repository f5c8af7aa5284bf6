"""Versions by what results are about: names that lie below each other, and that the program bumps."""

from __future__ import annotations

import sys

from .._core import Counter, bump_names, limit_names
from .._texts import checked_constant, checked_tags, several_names
from .._words import a_type
from ._names import of_call
from .counter import of_names

TYPE_CHECKING = False
if not TYPE_CHECKING:
    from ._names import overload
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, overload  # noqa: TC004 - what runs is that of `_names`

    from .._core import NamesOfCall
    from ._names import P


@overload
def tags(*names: str) -> Counter: ...
@overload
def tags(names: Callable[P, str | Iterable[str]], /) -> NamesOfCall[P]: ...
def tags(*names: Any) -> Any:
    """Return a version function for what is about several things, each of which has a name.

    It moves on with each :func:`bump` of one of the names, or of a name above one. Colons part the segments of a name:
    ``"user"`` is above ``"user:7"``, and that above ``"user:7:orders"``; ``"user"`` is not above ``"users"``. Names
    need not be declared, and what is asked for takes no room, only what was bumped does (:func:`set_max_names`).

    Args:
        names: The names, ``"prices", "rates"``, which are read without a Python call. Or one callable that takes the
            call's arguments and returns a name or several, ``lambda user: (f"user:{user}", "rates")``.

    Returns:
        A version function, as :func:`counter` returns it. What ``bump()`` says it says of all of its names. With one
        name it is that of ``counter(name)``.

    A version seen again means the same data, but for what it can miss: every change that nobody bumps a name for, and
    all that other processes do.

    Raises:
        TypeError: There is no name, one is no ``str``, or a callable is not the only argument.
        ValueError: A name is empty, or a pattern such as ``"user:*"``.

    Example:
        >>> from versioned_lru_cache import versioned_lru_cache
        >>> from versioned_lru_cache.versions import bump, tags
        >>> @versioned_lru_cache(tags(lambda user: (f"member:{user}", "fees")))
        ... def invoice(user: str) -> list[str]:
        ...     return [f"to {user}"]
        >>> anns, bobs = invoice("ann"), invoice("bob")
        >>> bump("member:ann")
        >>> invoice("ann") is anns, invoice("bob") is bobs
        (False, True)
        >>> bump("member")
        >>> invoice("bob") is bobs
        False
    """
    if len(names) == 1 and callable(names[0]):
        return of_call(names[0], several_names, several=True, name="tags", label="names")
    given = checked_tags(names)
    return of_names("tags" if len(given) > 1 else "counter", *given)


def bump(*names: str) -> None:
    """Say that what has one of these names has changed, and all that lies below it.

    Each :func:`tags` and each :func:`counter` that has one of the names, or a name below one, has a new version from
    then on. What is computed just now is stored under the version of before, and so is made anew at the next call. Bump
    when others can see the change: behind the commit, not before it.

    Args:
        names: What has changed: ``"user:7"`` is for ``"user:7"`` and ``"user:7:orders"``, ``"user"`` for all users.

    Raises:
        TypeError: There is no name, or one is no ``str``.
        ValueError: A name is empty, or a pattern such as ``"user:*"``.

    Example:
        >>> from versioned_lru_cache.versions import bump, counter
        >>> orders = counter("buyer:7:orders")
        >>> before = orders()
        >>> bump("buyer:7", "prices")
        >>> orders() - before
        1
    """
    if not names:
        raise TypeError("bump() was given no name; it must be told what has changed")
    bump_names(tuple([checked_constant(name, "bump(names)") for name in names]))


def set_max_names(max_names: int) -> None:
    """Set how many names are remembered one by one, of those that were bumped; 100,000 until it is called.

    Those whose newest bump is the oldest are forgotten first. Nothing is answered staler for that. Of each forgotten
    name a part stays, how often it was bumped, which some of the others that are not remembered may have to share: then
    what depends on these is computed once more. A name takes some 80 bytes, however long it is.

    Args:
        max_names: How many, 1 at least.

    Raises:
        TypeError: ``max_names`` is no int.
        ValueError: It is less than 1.

    Example:
        >>> from versioned_lru_cache.versions import set_max_names
        >>> set_max_names(100_000)
    """
    limit_names(_checked_max_names(max_names))


def _checked_max_names(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError(f"max_names={given!r} is {a_type(given)}; it must be an int")
    if given < 1:
        raise ValueError(f"max_names={given!r} is not allowed; it must be 1 at least")
    return min(given, sys.maxsize)
