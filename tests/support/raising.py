"""What a call raises, for programs that do without pytest: a child process would take long to import it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

E = TypeVar("E", bound=BaseException)


def raised(kind: type[E], call: Callable[..., object], *args: Any, **kwargs: Any) -> E:
    """Gives the exception of this kind that a call raises; that it raises none is a failure."""
    try:
        call(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")
