"""The calls of `seed` in one process: each is made in a session of its own, and what the store has then is looked at.

What became of a call is told by the store, not by the function: a result that memory keeps may be too large for a
record, or of an old version.
"""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractContextManager, redirect_stdout, suppress
from typing import NamedTuple

from .. import session
from .._signatures import COROUTINE, kind
from ._targets import address_of, identity_of, passed, stored_function_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Literal, TypeAlias

    from typing_extensions import Self

    from ._calls import CallArguments

    What: TypeAlias = Literal["computed", "there", "not_stored", "failed"]

_log = logging.getLogger("versioned_lru_cache.stores")
_STALE = "an old result answered, since the source of its data fails or is slow"
_NOT_KEPT = (
    "the function keeps no such result (cache_if, ttl, maxsize, max_weight), its data changed meanwhile, or the record "
    "is larger than the store's max_bytes"
)


class Outcome(NamedTuple):
    """What became of a line, why if it is no good, and how many records were evicted to make room for its result."""

    number: int
    what: What
    why: str
    evicted: int


class Seeder(AbstractContextManager["Seeder", None]):
    """A cached function whose store is the one at a path, in the place of its own folder or of none."""

    def __init__(self, target: str, namespace: str | None, path: str) -> None:
        self._function, self._store = stored_function_at(target, namespace, path)
        self._store.reopen(path)
        self._session = self._function.cache_parameters()["session"]
        self._reasons = _Reasons(identity_of(self._function)[0])
        self._loop: Any = None

    def __enter__(self) -> Self:
        """Listen to what the store's logger says: the summary tells it, not standard error."""
        _log.addHandler(self._reasons)
        self._propagated, _log.propagate = _log.propagate, False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all that is open."""
        _log.removeHandler(self._reasons)
        _log.propagate = self._propagated
        if self._loop is not None:
            self._loop.close()
        self._store.close()

    def make(self, number: int, call: CallArguments) -> Outcome:
        """Make the call of a line, and tell what became of it."""
        evicted = self._evicted()
        what, why = self._made(call)
        return Outcome(number, what, why, self._evicted() - evicted)

    def _made(self, call: CallArguments) -> tuple[What, str]:
        try:
            args, kwargs = passed(self._function, call)
            address = address_of(self._function, args, kwargs)
        except TypeError as error:
            return "failed", f"TypeError: {error}"
        before, misses = self._store.load(address), self._function.cache_info().misses
        self._reasons.told.clear()
        try:
            stale = self._call(args, kwargs)
        except Exception as error:  # of the function's, or of its version function
            return "failed", f"{type(error).__name__}: {error}"
        if stale:
            return "failed", _STALE
        after, ran = self._store.load(address), self._function.cache_info().misses > misses
        if after is None or (ran and after == before):
            return "not_stored", self._reasons.told[-1] if self._reasons.told else _NOT_KEPT
        return "computed" if ran else "there", ""

    def _evicted(self) -> int:
        return self._store._evicted  # pyright: ignore[reportPrivateUsage]  # stats() would count all records.

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Make a call in a session of its own, bound where the function is; return how many answers in it were old."""
        with redirect_stdout(sys.stderr), session(self._session) as own:
            result = self._function(*args, **kwargs)
            if kind(self._function) == COROUTINE:
                self._wait_for(result)
            return own.stale

    def _wait_for(self, result: Any) -> None:
        """Run a coroutine in the one event loop of all calls, as what they share may belong to a loop."""
        import asyncio

        async def awaited() -> None:
            await result

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        task = self._loop.create_task(awaited())
        try:
            self._loop.run_until_complete(task)
        except KeyboardInterrupt:
            task.cancel()
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(task)
            raise


class _Reasons(logging.Handler):
    """What the store's logger has said of one function during the running call."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.WARNING)
        self.told: list[str] = []
        self._name = name

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and record.args[:1] == (self._name,):
            self.told.append(record.getMessage())
