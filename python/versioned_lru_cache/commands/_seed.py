"""`seed`: fills a store, by making a cached function's calls one line of a file after another.

A call whose result is in the store, of the version of now, is loaded and not computed. So a run that was interrupted
goes on where it was when it is started again.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, nullcontext

from .. import session
from .._signatures import COROUTINE, kind
from ._calls import calls_of
from ._problems import WrongUsage
from ._progress import Progress
from ._tables import show_one
from ._targets import function_at, local_store_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from concurrent.futures import Future, ProcessPoolExecutor
    from contextlib import AbstractContextManager
    from typing import IO, Any, Literal, TypeAlias

    from .. import CachedFunction
    from ._calls import CallArguments

    # What became of a line, and why if it is no good.
    Outcome: TypeAlias = tuple[int, Literal["computed", "there", "not_stored", "failed"], str]

_MOST_TOLD = 10


class _Reasons(logging.Handler):
    """What the store's logger has said of the running call."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


class _Seeder:
    """Makes calls in this process, with the store at a path in the place of the function's own folder."""

    def __init__(self, target: str, path: str) -> None:
        self.function: CachedFunction[..., Any] = function_at(target)
        local_store_of(self.function, target).reopen(path)
        self._reasons = _Reasons()
        log = logging.getLogger("versioned_lru_cache.stores")
        log.addHandler(self._reasons)
        log.setLevel(logging.INFO)
        log.propagate = False  # The summary says it.

    def make(self, number: int, call: CallArguments) -> Outcome:
        """Make the call of a line."""
        (args, kwargs), function = call, self.function
        before = function.cache_stats()
        self._reasons.told.clear()
        try:
            with session():
                result = function(*args, **kwargs)
                if kind(function) == COROUTINE:
                    import asyncio

                    asyncio.run(result)
        except Exception as error:  # of the function's, or of wrong arguments
            return number, "failed", f"{type(error).__name__}: {error}"
        after = function.cache_stats()
        if after.misses == before.misses:
            return number, "there", ""
        reasons = self._reasons.told
        if reasons or not function.cache_contains(*args, **kwargs):
            return number, "not_stored", reasons[-1] if reasons else "the cache did not store it"
        return number, "computed", ""


_seeder: _Seeder | None = None


def _begin(target: str, path: str) -> None:
    global _seeder  # One for each process of the pool.
    _seeder = _Seeder(target, path)


def _make(numbered: tuple[int, CallArguments]) -> Outcome:
    assert _seeder is not None
    return _seeder.make(*numbered)


def seed(chosen: Namespace) -> int:
    """Make the calls of a file, and tell what became of them."""
    if chosen.jobs < 1:
        raise WrongUsage(f"--jobs {chosen.jobs} is not allowed; it must be 1 at least")
    store = local_store_of(function_at(chosen.function), chosen.function)
    counted: Counter[str] = Counter()
    told: list[str] = []
    code = 0
    with ExitStack() as stack:
        lines = stack.enter_context(_opened(chosen.args))
        progress = stack.enter_context(Progress(counted))
        outcomes = _outcomes(stack, chosen, calls_of(lines, chosen.args))
        try:
            for number, what, why in outcomes:
                counted[what] += 1
                if why and len(told) < _MOST_TOLD:
                    told.append(f"{chosen.args}:{number}: {why}")
                progress.advance()
        except KeyboardInterrupt:
            code = 130
        except BrokenExecutor:
            code = 1
    # Whoever closes it last writes the log into the file, and processes of a pool end without.
    store.reopen(chosen.store)
    store.stats()
    store.close()
    for line in told:
        print(line, file=sys.stderr)
    if code:
        why = "Interrupted" if code == 130 else "A process was killed"
        print(f"{why}. The same command goes on where it was.", file=sys.stderr)
    show_one({each: counted[each] for each in ("computed", "there", "not_stored", "failed")}, as_json=chosen.json)
    return code or int(counted["failed"] + counted["not_stored"] > 0)


def _outcomes(stack: ExitStack, chosen: Namespace, calls: Iterator[tuple[int, CallArguments]]) -> Iterator[Outcome]:
    """Make calls in this process or in several, and read the file only a little ahead."""
    if chosen.jobs == 1:
        _begin(chosen.function, chosen.store)
        return map(_make, calls)
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Not forked: the function's module may have threads.
    pool = ProcessPoolExecutor(chosen.jobs, get_context("spawn"), _begin_quietly, (chosen.function, chosen.store))
    stack.callback(pool.shutdown, cancel_futures=True)
    return _in_processes(pool, calls, 4 * chosen.jobs)


def _in_processes(
    pool: ProcessPoolExecutor, calls: Iterator[tuple[int, CallArguments]], ahead: int
) -> Iterator[Outcome]:
    from concurrent.futures import FIRST_COMPLETED, wait

    made: set[Future[Outcome]] = set()
    for numbered in calls:
        made.add(pool.submit(_make, numbered))
        if len(made) >= ahead:
            done, made = wait(made, return_when=FIRST_COMPLETED)
            yield from (each.result() for each in done)
    while made:
        done, made = wait(made, return_when=FIRST_COMPLETED)
        yield from (each.result() for each in done)


def _begin_quietly(target: str, path: str) -> None:
    """Begin in a process of the pool, which leaves Ctrl-C to the one that asked."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _begin(target, path)


def _opened(path: str) -> AbstractContextManager[IO[str]]:
    if path == "-":
        return nullcontext(sys.stdin)
    try:
        return open(path, encoding="utf-8")
    except OSError as error:
        raise WrongUsage(f"--args {path}: {error.strerror or error}") from error
