"""Sessions that a program opens itself."""

from __future__ import annotations

from ._core import Session, SessionBlocks, peek_session
from ._options import checked_flag, checked_session
from ._refresh import Refresh, check_refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Self


class _Called(type):
    """The type of ``session``, which tells of ``with session:``: there the class stands in place of an instance."""

    if not TYPE_CHECKING:  # Type checkers tell of it themselves, as long as they do not see these.

        def __enter__(cls) -> None:
            raise TypeError(
                f"`with {cls.__name__}:` is given {cls!r} itself, a class, which begins no session; write "
                f"`with {cls.__name__}():`"
            )

        def __exit__(cls, *error: object) -> None: ...

        __aenter__, __aexit__ = __enter__, __exit__


class session(SessionBlocks, metaclass=_Called):
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
        TypeError: ``mapping`` is nothing of the above or a visitor's session, or ``refresh`` or ``offline`` is of a
            wrong type.
        ValueError: ``refresh`` and ``offline`` are both given: an offline session renews nothing.
        NotStored: In an offline session, by a call whose result is not stored.

    Example:
        >>> from versioned_lru_cache import session, versioned_lru_cache, versions
        >>> changes = versions.counter("changes of a session's example")
        >>> @versioned_lru_cache(changes)
        ... def newest() -> int:
        ...     return changes()
        >>> with session():
        ...     newest(), changes.bump(), newest()
        (0, 1, 0)
        >>> newest()
        1
    """

    # With a dict, CPython 3.11 could run out of memory for that and let go of an instance that is not filled yet.
    __slots__ = ("__weakref__",)

    def __new__(cls, mapping: object = None, *, refresh: Refresh | None = None, offline: bool = False) -> Self:
        """Prepare a session; it begins with the block."""
        checked_session(mapping, "session(mapping)")
        check_refresh(refresh)
        checked_flag(offline, "session(offline)")
        if refresh and offline:
            raise ValueError(
                f"session(refresh={refresh!r}, offline=True): an offline session computes nothing, so it renews "
                "nothing either; leave one of the two out"
            )
        return super().__new__(cls, mapping, refresh or None, offline)


def current_session(mapping: object = None) -> Session | None:
    """Return the session that is active now, or ``None``. Begins none.

    Outside of a session there is nothing to renew, so write ``if own := current_session(): own.renew()``.

    Args:
        mapping: What a function is bound to by ``session=``; ``None`` asks for the ambient session.

    Returns:
        The session, or ``None`` where there is none.

    Raises:
        TypeError: ``mapping`` can't be bound to, or holds something foreign under the session's name.

    Example:
        >>> from versioned_lru_cache import current_session, session
        >>> with session() as own:
        ...     current_session() is own
        True
        >>> current_session() is None
        True
    """
    return peek_session(mapping)
