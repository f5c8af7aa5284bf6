"""Whether a call would be answered with its record: the call is made, with a body that stops in place of computing.

So the version function is asked, and the rest is decided where it always is: by version, age and options. Nothing can
be saved, as nothing is computed.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from functools import wraps

from .. import current_version, session
from .._signatures import COROUTINE, kind
from ._decorated_again import decorated_again
from ._targets import identity_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .. import CachedFunction

# An old record is no answer, nor is what is made of one.
_STRICT: dict[str, Any] = {
    "revalidate": None,
    "stale_if_error": None,
    "stale_while_revalidate": None,
    "retry_after": 1.0,
    "session": None,
    "wait": None,
}


class _WouldCompute(Exception):
    """The body has been reached."""


def would_load(function: CachedFunction[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, str]:
    """Return whether a call would be answered from the function's store; and if not, its version as it is written."""
    stands_in = _without_body(function)
    with redirect_stdout(sys.stderr), session():
        try:
            result = stands_in(*args, **kwargs)
            if kind(function) == COROUTINE:
                import asyncio

                asyncio.run(result)
        except _WouldCompute as stopped:
            return False, repr(stopped.args[0])
    return True, ""


def _without_body(function: CachedFunction[..., Any]) -> CachedFunction[..., Any]:
    """Return the function with the same options, and a body that stops."""
    name, revision = identity_of(function)
    stop = wraps(function.__wrapped__)(_stop_awaited if kind(function) == COROUTINE else _stop)
    return decorated_again(function, stop, **_STRICT, name=name, revision=revision)


def _stop(*args: Any, **kwargs: Any) -> Any:
    raise _WouldCompute(current_version())


async def _stop_awaited(*args: Any, **kwargs: Any) -> Any:
    raise _WouldCompute(current_version())
