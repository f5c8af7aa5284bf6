"""What a ready-made version function is: a callable that is known by what it was made from.

Scopes are told apart by the version function's identity, so equal configurations have to be one object. It lives as
long as a cached function, or anybody else, uses it.
"""

from __future__ import annotations

import os
from _thread import RLock
from weakref import WeakValueDictionary

from .._callables import check_kind
from .._core import VersionFunction
from .._signatures import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any, TypeVar

    T = TypeVar("T")

# Types whose equality asks nobody, so that their values may be part of a configuration.
PLAIN = frozenset({str, int, float, bool, bytes, type(None)})
_known: WeakValueDictionary[tuple[object, ...], Any] = WeakValueDictionary()
making = RLock()  # Is held while one is made. A collection may make another in the thread that holds it.
if hasattr(os, "register_at_fork"):  # The child must not inherit it as held by a thread that it does not have.
    os.register_at_fork(before=making.acquire, after_in_parent=making.release, after_in_child=making.release)


def known_by(configuration: tuple[object, ...], make: Callable[[], T]) -> T:
    """Return the one version function of a configuration.

    Args:
        configuration: What it is made from: plain values, and the ids of other objects, which have to live as long as
            the version function does.
        make: Makes it, where there is none.
    """
    with making:
        found: T | None = _known.get(configuration)
        if found is None:
            found = _known[configuration] = make()
        return found


def asking_about(
    given: T | Callable[..., T],
    check: Callable[[object, str], str],
    answer: Callable[[str], Hashable],
    *,
    place: Callable[[str], str] | None = None,
    name: str,
    label: str,
    options: tuple[object, ...] = (),
    shown: str = "",
) -> VersionFunction:
    """Return a version function about something that has a name, such as a file.

    Where it may be about one thing now and about another later, its version is a tuple of what it is about and of the
    version of that: two may have the same, if neither is there.

    Args:
        given: The name, or a callable that makes one of the call's arguments.
        check: Returns a name as plain text. Gets what to call it in an error.
        answer: Returns the version of what has that name.
        place: Returns where a name leads now, if that may change.
        name: The name of the function that the user called.
        label: The name of its parameter that ``given`` was given for.
        options: All else that ``answer`` depends on, as in :func:`known_by`.
        shown: The same, to be shown.

    Raises:
        TypeError: The callable returns a coroutine or a generator.
    """
    if not callable(given):
        text = check(given, label)
        shown = f"{name}({text!r}{shown})"

        def moving() -> Hashable:
            return place(text) if place else text, answer(text)

        def make() -> VersionFunction:
            return VersionFunction(shown, moving) if place else VersionFunction(shown, answer, about=text)

        return known_by((name, text, *options), make)
    made: Callable[..., object] = given
    check_kind(made, label)

    def ask(*args: Any, **kwargs: Any) -> Hashable:
        found = check(made(*args, **kwargs), f"{label}()")
        return place(found) if place else found, answer(found)

    return known_by(
        (name, identity(made)[0], *options), lambda: VersionFunction(f"{name}({made!r}{shown})", ask, like=made)
    )
