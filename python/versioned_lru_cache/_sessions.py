"""Sessions that a program opens itself."""

from __future__ import annotations

from ._core import SESSION_NAME, Session, ambient_session, begin_session, peek_session, session_place
from ._options import checked_flag, checked_session
from ._refresh import Refresh, check_refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType


class session:
    """A context manager, plain or async, in which answers do not change.

    Args:
        mapping: A mapping or namespace with ``get``, ``setdefault`` and ``pop`` (a dict, ``flask.g``), or a
            ContextVar, proxy or callable that leads to one. The new session is placed in it for the block, so that
            functions bound to it take part; what was there comes back after.
        refresh: Which results the session renews, once each, though they would do: :class:`Refresh`.
        offline: Whether the session takes what is stored, whatever its state, and neither asks nor computes.

    Yields:
        The :class:`Session`. Functions with ``session=None`` use it within the block. Sessions nest, and the
        innermost counts.

    Raises:
        TypeError: ``mapping`` is nothing of the above, or ``refresh`` or ``offline`` is of a wrong type.
        NotStored: In an offline session, by a call whose result is not stored.
    """

    def __init__(self, mapping: object = None, *, refresh: Refresh | None = None, offline: bool = False) -> None:
        """Prepare a session; it begins with the block."""
        checked_session(mapping, "session(mapping)")
        check_refresh(refresh)
        self._mapping = mapping
        self._refresh = refresh or None
        self._offline = checked_flag(offline, "session(offline)")
        self._open: list[tuple[Token[Session | None], Session | None, object, Session | None]] = []

    def __enter__(self) -> Session:
        """Begin the session."""
        new, place = begin_session(self._refresh, self._offline), session_place(self._mapping)
        if place is not None:
            peek_session(place)  # Something foreign under the name is an error, not something to hide.
        hidden = None
        if place is not None:
            hidden = _swap(place, new)
        before = ambient_session.get(None)
        self._open.append((ambient_session.set(new), before, place, hidden))
        return new

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """End the session."""
        token, before, place, hidden = self._open.pop()
        try:
            ambient_session.reset(token)
        except ValueError:  # Left in another context than it was entered in, as fixtures of async test runners do.
            ambient_session.set(before)
        if place is not None:
            _swap(place, hidden)

    async def __aenter__(self) -> Session:
        """Begin the session."""
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """End the session."""
        self.__exit__(kind, error, traceback)


def _swap(place: object, new: Session | None) -> Session | None:
    """Put a session in a mapping in place of the one that is there, which is returned."""
    pop = getattr(place, "pop", None)
    if pop is None:
        raise TypeError(
            f"session(mapping): {place!r} has no pop(name, default), which is needed to put a new session in it"
        )
    old: Session | None = pop(SESSION_NAME, None)
    if new is not None:
        place.setdefault(SESSION_NAME, new)  # type: ignore[attr-defined]
    return old


def current_session(mapping: object = None) -> Session | None:
    """Return the session that is active now, or ``None``. Begins none.

    Args:
        mapping: What a function is bound to by ``session=``; ``None`` asks for the ambient session.

    Raises:
        TypeError: ``mapping`` can't be bound to, or holds something foreign under the session's name.
    """
    return peek_session(mapping)
