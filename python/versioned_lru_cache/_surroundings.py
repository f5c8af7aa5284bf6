"""The context of refreshes that run in the background."""

from __future__ import annotations

from ._signatures import kind, shape
from ._words import a_type, with_article

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any

entered: Callable[[], AbstractContextManager[Any]] | None = None


def set_refresh_context(context: Callable[[], AbstractContextManager[Any]] | None) -> None:
    """Give refreshes behind (``stale_while_revalidate``) a context of their own, for the whole process.

    They run where no session is active and no context variable is set, so that they see the data as it is. What their
    functions need beside, an app context say, is entered around each of them.

    Args:
        context: A callable that returns a context manager, such as ``app.app_context``. ``None``: nothing more.

    Raises:
        TypeError: ``context`` is not callable, needs arguments, or is an app in place of ``app.app_context``.

    Example:
        >>> from contextlib import nullcontext
        >>> from versioned_lru_cache import set_refresh_context
        >>> set_refresh_context(nullcontext)
        >>> set_refresh_context(None)
    """
    global entered
    reason = None if context is None else _never_fits(context)
    if reason:
        raise TypeError(f"set_refresh_context({context!r}): {reason} (run_behind_in is the older name of this)")
    entered = context


def _never_fits(context: object) -> str | None:
    """Say why no context manager would come of a call without arguments, and what to write instead."""
    allowed = "it must be a callable that takes nothing and returns a context manager, such as app.app_context, or None"
    if hasattr(type(context), "app_context"):
        return f"{a_type(context)} is an app, and makes no context manager when it is called; write app.app_context"
    if not callable(context):
        return f"{a_type(context)} is not callable; {allowed}"
    unfit = kind(context)
    if unfit is not None:
        return f"{with_article(unfit)} returns no context manager; write @contextmanager above it"
    parameters = shape(context)
    if parameters is not None and not parameters.takes(0):
        return f"it needs arguments; {allowed}"
    return None


run_behind_in = set_refresh_context  # Its older name.
