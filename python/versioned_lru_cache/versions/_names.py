"""Names that are bumped: how they are checked, and version functions whose names are made of a call's arguments."""

from __future__ import annotations

from .._callables import check_kind
from .._core import NamesOfCall
from .._options import checked_text
from .._signatures import identity
from ._version_function import known_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec

    P = ParamSpec("P")
else:

    def overload(signature: object) -> object:
        """Stand for that of ``typing``, which is slow to import."""
        return signature


def of_call(
    given: Callable[P, object],
    checked: Callable[[object, str], tuple[str, ...]],
    *,
    several: bool,
    name: str,
    label: str,
) -> NamesOfCall[P]:
    """Return a version function about names that a callable makes of the call's arguments.

    Args:
        given: Makes them.
        checked: Returns as a tuple of names what the callable answered. Gets what to call it in an error.
        several: Whether the callable may answer with several.
        name: The name of the function that the user called.
        label: The name of its parameter that ``given`` was given for.

    Raises:
        TypeError: The callable returns a coroutine or a generator.
    """
    check_kind(given, label)

    def names(answer: object) -> tuple[str, ...]:
        return checked(answer, f"{label}()")

    return known_by((name, identity(given)[0]), lambda: NamesOfCall(f"{name}({given!r})", given, names, several))


def checked_constant(name: object, label: str) -> str:
    """Return a name that stands in the program. Refuse one that is meant as a pattern: it would be like any other."""
    text = checked_name(name, label)
    above, _, last = text.rpartition(":")
    if last == "*":
        above = above or "user"
        raise ValueError(
            f"{label}={name!r} is not allowed; a name is no pattern: a bump of {above!r} counts for all names below "
            f"it, such as {above + ':7'!r}"
        )
    return text


def checked_name(name: object, label: str) -> str:
    """Return a name as plain text."""
    return str.__str__(checked_text(name, label))
