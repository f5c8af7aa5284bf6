"""An awaitable answer: what a coroutine function's cache answers at once, and what is awaited for its store's part.

Memory's part has happened when `cache_invalidate` and the like return, and what they return is used as a plain answer.
A store whose methods are awaited is told by awaiting it.
"""

from __future__ import annotations

from typing import Generic, TypeVar, cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from typing import Any

T_co = TypeVar("T_co", covariant=True)


class Delivered(int, Generic[T_co]):
    """An answer as far as memory knows it; awaited, the whole one, when the store has been told too.

    It is an int, since bool is one and can't be derived from. That of a method which returns nothing is 0.
    """

    _own: T_co
    _rest: Callable[[], Coroutine[Any, Any, object]] | None

    def __new__(cls, own: T_co, rest: Callable[[], Coroutine[Any, Any, object]] | None) -> Delivered[T_co]:
        """Make one of memory's answer and of what is to be awaited, if anything is."""
        made = super().__new__(cls, own if isinstance(own, int) else 0)
        made._own, made._rest = own, rest
        return made

    def __await__(self) -> Generator[Any, None, T_co]:
        """Tell the store, and return the whole answer."""
        if self._rest is not None:
            had = yield from self._rest().__await__()
            self._rest = None
            if had is True and not self:
                self._own = cast("T_co", had)
        return self._own

    def __repr__(self) -> str:
        """Show the answer."""
        return repr(self._own)
