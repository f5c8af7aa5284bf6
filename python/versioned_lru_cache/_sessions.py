"""Sessions that a program opens itself."""

from __future__ import annotations

from _thread import get_ident

from ._core import (
    SESSION_NAME,
    Session,
    ambient_session,
    begin_session,
    end_session,
    is_open,
    is_within,
    lay_over,
    peek_session,
    session_around,
    session_beneath,
    session_place,
)
from ._options import checked_flag, checked_session
from ._refresh import Refresh, check_refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType
    from typing import Any


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
        innermost counts. One that has ended is never active again, whatever order blocks are left in, and for tasks
        that outlive its block neither. Several threads and tasks may be in blocks of one ``session(...)`` at a time;
        each has a session of its own.

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
        self._open: dict[Session, tuple[Token[Session | None], Session | None, Any, int]] = {}

    def __enter__(self) -> Session:
        """Begin the session."""
        place, before = session_place(self._mapping), ambient_session.get(None)
        new = begin_session(self._refresh, self._offline, before)
        if place is not None:
            peek_session(place)  # Something foreign under the name is an error, not something to hide.
            lay_over(new, _swap(place, new))
        self._open[new] = (ambient_session.set(new), before, place, get_ident())
        return new

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """End the session. Where it is not the active one, what is active stays so."""
        own = self._entered_here()
        token, before, place, _ = self._open.pop(own)
        end_session(own)
        if ambient_session.get(None) is own:
            _bring_back(session_around(own), before, token)
        if place is not None and not is_open(place.get(SESSION_NAME)):  # Else another block has put its own there.
            _swap(place, session_beneath(own))

    def _entered_here(self) -> Session:
        """Return which of its sessions is to end: several threads and tasks may be in blocks of it, each in its own."""
        active = ambient_session.get(None)
        if active is not None and active in self._open:
            return active
        opened = list(self._open.items())
        if not opened:
            raise RuntimeError("session: a block is left that was not entered")
        around = [own for own, _ in opened if active is not None and is_within(active, own)]
        of_thread = [own for own, (*_, thread) in opened if thread == get_ident()]
        return (around or of_thread or [own for own, _ in opened])[-1]

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


def _bring_back(around: Session | None, before: Session | None, token: Token[Session | None]) -> None:
    """Make the session around a block the active one: the one before it, unless that has ended meanwhile."""
    if around is before:
        try:
            ambient_session.reset(token)
        except ValueError:  # Left in another context than it was entered in, as fixtures of async test runners do.
            pass
        else:
            return
    ambient_session.set(around)


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
