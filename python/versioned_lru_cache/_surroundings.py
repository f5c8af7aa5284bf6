"""What refreshes behind run in."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any

entered: Callable[[], AbstractContextManager[Any]] | None = None


def run_behind_in(context: Callable[[], AbstractContextManager[Any]] | None) -> None:
    """Give refreshes behind (``stale_while_revalidate``) a context of their own, for the whole process.

    They run where no session is active and no context variable is set, so that they see the data as it is. What their
    functions need beside, an app context say, is entered around each of them.

    Args:
        context: A callable that returns a context manager, such as ``app.app_context``. ``None``: nothing more.

    Raises:
        TypeError: ``context`` is not callable.

    Example:
        >>> from contextlib import nullcontext
        >>> from versioned_lru_cache import run_behind_in
        >>> run_behind_in(nullcontext)
        >>> run_behind_in(None)
    """
    global entered
    if context is not None and not callable(context):
        raise TypeError(
            f"run_behind_in({context!r}): a {type(context).__name__} is not callable; it must be a callable that "
            "returns a context manager, such as app.app_context"
        )
    entered = context
