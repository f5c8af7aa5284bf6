"""Does something at each line of the package's Python code in turn: raises, forks. Imported by child processes."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import versioned_lru_cache
from versioned_lru_cache import current_session

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = str(Path(versioned_lru_cache.__file__).parent)
LIMIT = 20.0


class Raised(Exception):
    """What comes between two lines."""


class RaisedAsExit(BaseException):
    """The same, as Ctrl-C is none of the exceptions that code expects."""


class Tracer:
    """Calls `act` at one line, the `turn`-th that runs, counted from 0."""

    def __init__(self, turn: int, act: Callable[[], None]) -> None:
        self.left = turn
        self.act = act
        self.where = ""

    def trace(self, frame: Any, event: str, _argument: object) -> Any:
        """Be a trace function."""
        if self.where or not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            if self.left == 0:
                self.left = -1
                self.where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                self.act()
                return None
            self.left -= 1
        return self.trace

    def run(self, scenario: Callable[[], object]) -> bool:
        """Run a scenario. Whether there was such a line."""
        trace = self.trace
        threading.settrace(trace)
        sys.settrace(trace)
        try:
            scenario()
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
        return bool(self.where)


def raise_at_each_line(prepare: Callable[[], tuple[Callable[[], object], Callable[[], object]]]) -> None:
    """Prepare a scenario, let it raise at one line, and look whether all goes on as if nothing had been; for each line.

    `prepare` returns the scenario, and what has to work after it.
    """
    for kind in (Raised, RaisedAsExit, KeyboardInterrupt):
        turn = 0
        while True:
            scenario, after = prepare()
            exception = kind()

            def act(exception: BaseException = exception) -> None:
                raise exception

            tracer = Tracer(turn, act)
            try:
                there = tracer.run(scenario)
            except BaseException as error:
                # Held until the look is over, as a debugger would.
                raised: BaseException | None = error
                there = bool(tracer.where)
            else:
                raised = None
            assert current_session() is None, f"{kind.__name__} at {tracer.where}: a session is open"
            in_time(after, f"{kind.__name__} at {tracer.where}: {raised!r}")
            if not there:
                break
            turn += 1
        assert turn > 0


def in_time(after: Callable[[], object], what: str) -> None:
    """Run something in a thread of its own, which has to end."""
    ended: list[object] = []

    def run() -> None:
        try:
            ended.append(after())
        except BaseException as error:
            error.add_note(what) if hasattr(error, "add_note") else None
            traceback.print_exception(error)
            raise

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT)
    if not ended:
        faulthandler.dump_traceback()
    assert ended, what


def fork_at_each_line(prepare: Callable[[], Callable[[], object]]) -> int:
    """Fork at each line of a scenario in turn. The child has to be able to do the same. How many lines there were."""
    turn = 0
    while True:
        scenario, children = prepare(), list[int]()

        def fork(scenario: Callable[[], object] = scenario, children: list[int] = children) -> None:
            child = os.fork()
            if child == 0:
                try:
                    in_time(lambda: (scenario(), True), "the child")
                except BaseException:
                    os._exit(1)
                os._exit(0)
            children.append(child)

        tracer = Tracer(turn, fork)
        there = tracer.run(scenario)
        for child in children:
            end = time.monotonic() + LIMIT + 5
            while os.waitpid(child, os.WNOHANG) == (0, 0):
                assert time.monotonic() < end, f"the child of {tracer.where} hangs"
                time.sleep(0.001)
        if not there:
            return turn
        turn += 1


def awaited(coroutine: Any) -> Any:
    """Run a coroutine on an event loop of its own, for no longer than the limit."""

    async def main() -> Any:
        return await asyncio.wait_for(coroutine, LIMIT / 2)

    return asyncio.run(main())
