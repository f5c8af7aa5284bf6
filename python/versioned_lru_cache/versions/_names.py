"""Version functions about names that are bumped, which a callable makes of a call's arguments."""

from __future__ import annotations

from .._callables import check_kind
from .._core import NamesOfCall
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
