"""`seed`: fills a store, by making a cached function's calls one line of a file after another.

A call whose result is in the store, of the version of now, is loaded and not computed. So a run that was interrupted
goes on where it was when it is started again.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import ExitStack, nullcontext

from ._calls import calls_of
from ._problems import WrongUsage
from ._progress import Progress
from ._seeding import Seeder
from ._tables import show_one
from ._targets import stored_function_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from concurrent.futures import Future, ProcessPoolExecutor
    from contextlib import AbstractContextManager
    from typing import IO, TypeAlias

    from ._calls import CallArguments
    from ._seeding import Outcome

    Numbered: TypeAlias = tuple[int, CallArguments]

_MOST_TOLD = 10
_FULL = (
    "{} records were evicted to make room, perhaps some of this run. Give the function's store a larger max_bytes, or "
    "clear what is no longer used, and run the same command again."
)


class _Died(Exception):
    """A process died while it was at one of some lines."""


def seed(chosen: Namespace) -> int:
    """Make the calls of a file, and tell what became of them."""
    if chosen.jobs < 1:
        raise WrongUsage(f"--jobs {chosen.jobs} is not allowed; it must be 1 at least")
    _, store = stored_function_at(chosen.function, chosen.namespace, chosen.store)
    counted: Counter[str] = Counter()
    evicted = 0
    told: list[str] = []
    code, wrong = 0, None
    with ExitStack() as stack:
        lines = stack.enter_context(_opened(chosen.args))
        try:
            with Progress(counted, lines) as progress:
                for made in _outcomes(stack, chosen, calls_of(progress.reading(), chosen.args)):
                    counted[made.what] += 1
                    evicted += made.evicted
                    if made.why and len(told) < _MOST_TOLD:
                        told.append(f"{chosen.args}:{made.number}: {made.why}")
                    progress.advance(made.number)
        except KeyboardInterrupt:
            code = 130
            told.append("Interrupted. The same command goes on where it was.")
        except _Died as died:
            code = 1
            told.append(f"{chosen.args}: {died}. The same command goes on where it was.")
        except WrongUsage as error:
            wrong = error
        if evicted:
            told.append(_FULL.format(evicted))
        for line in told:
            print(line, file=sys.stderr, flush=True)
    # Whoever closes it last writes the log into the file, and processes of a pool end without.
    store.reopen(chosen.store)
    store.stats()
    store.close()
    became = {each: counted[each] for each in ("computed", "there", "not_stored", "failed")}
    show_one({**became, "evicted": evicted}, as_json=chosen.json)
    if wrong is not None:
        raise wrong
    return code or int(counted["failed"] + counted["not_stored"] + evicted > 0)


def _outcomes(stack: ExitStack, chosen: Namespace, calls: Iterator[Numbered]) -> Iterator[Outcome]:
    """Make calls in this process or in several, and read the file only a little ahead."""
    if chosen.jobs == 1:
        seeder = stack.enter_context(Seeder(chosen.function, chosen.namespace, chosen.store))
        return (seeder.make(*numbered) for numbered in calls)
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Not forked: the function's module may have threads.
    given = chosen.function, chosen.namespace, chosen.store
    pool = ProcessPoolExecutor(chosen.jobs, get_context("spawn"), _begin, given)
    stack.callback(pool.shutdown, cancel_futures=True)
    return _in_processes(pool, calls, 2 * chosen.jobs)


def _in_processes(pool: ProcessPoolExecutor, calls: Iterator[Numbered], ahead: int) -> Iterator[Outcome]:
    """Make calls in the processes of a pool. A line that is no call ends it, after those before have been made."""
    from concurrent.futures import FIRST_COMPLETED, wait
    from concurrent.futures.process import BrokenProcessPool

    made: dict[Future[Outcome], int] = {}
    numbers: list[int] = []  # of the calls that may be running
    wrong: WrongUsage | None = None
    more = True
    try:
        while more or made:
            try:
                while more and len(made) < ahead:
                    number, call = next(calls)
                    made[pool.submit(_make, (number, call))] = number
            except StopIteration:
                more = False
            except WrongUsage as error:
                more, wrong = False, error
            numbers = sorted(made.values())
            for done in wait(made, return_when=FIRST_COMPLETED).done:
                yield done.result()
                del made[done]
    except BrokenProcessPool:
        among = ", ".join(map(str, numbers))
        raise _Died(f"a process died, killed or out of memory, at one of the lines {among}") from None
    if wrong is not None:
        raise wrong


_seeder: Seeder | None = None


def _begin(target: str, namespace: str | None, path: str) -> None:
    """Begin in a process of the pool, which leaves Ctrl-C to the one that asked, and ends with it."""
    import signal
    from threading import Thread

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    global _seeder  # One for each process of the pool.
    _seeder = Seeder(target, namespace, path).__enter__()


def _end_with_parent() -> None:
    """End when the process that asked is killed: those of its pool would wait for ever for its next call."""
    import os
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)  # What it computes is not saved, and its lease is free.


def _make(numbered: Numbered) -> Outcome:
    assert _seeder is not None
    return _seeder.make(*numbered)


def _opened(path: str) -> AbstractContextManager[IO[str]]:
    if path == "-":
        return nullcontext(sys.stdin)
    try:
        return open(path, encoding="utf-8", newline="")  # No character of a line is lost: they are counted.
    except OSError as error:
        raise WrongUsage(f"--args {path}: {error.strerror or error}") from error
