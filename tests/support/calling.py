"""Calls that are made in threads of their own, and that tell when they wait for another's computation."""

from __future__ import annotations

import sys
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WITHIN = 20.0
# What functions are bound to whose calls are to be in sessions: each thread has its own, if it has one.
MINE: ContextVar[dict[str, Any]] = ContextVar("mine")
GIL = getattr(sys, "_is_gil_enabled", lambda: True)()


def until(condition: Callable[[], object], what: str = "", within: float = WITHIN) -> None:
    """Returns as soon as a condition holds, and fails when it does not in time."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"did not come in time: {what or condition}"
        time.sleep(0.001)


class Call(threading.Thread):
    """A call in a thread of its own, and in a session if it is given one. Begins at once."""

    def __init__(self, function: Callable[..., Any], *args: Any, session: dict[str, Any] | None = None) -> None:
        super().__init__(daemon=True)
        self.function, self.args, self.session = function, args, session
        self.called = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        if self.session is not None:
            MINE.set(self.session)
        try:
            self.value = self.call()
        except BaseException as error:
            self.error = error

    def call(self) -> Any:
        """Makes the call. Between the note and the call the interpreter does not switch threads."""
        self.called = True
        return self.function(*self.args)

    def is_waiting(self) -> bool:
        """Whether the call has begun and runs no Python code: so it waits, as it could only be in the cache itself."""
        for _ in range(1 if GIL else 5):
            # Without a GIL it could be on its way yet: it has to stand still for a while.
            time.sleep(0 if GIL else 0.01)
            frame = sys._current_frames().get(self.ident or 0)
            if not self.called or frame is None or frame.f_code is not Call.call.__code__:
                return False
        return True

    def result(self, within: float = WITHIN) -> Any:
        """What the call returned; raises what it raised."""
        self.join(within)
        assert not self.is_alive(), "the call does not end"
        if self.error is not None:
            raise self.error
        return self.value


def until_waiting(*waiting: Call) -> None:
    """Returns when all these calls wait."""
    for call in waiting:
        until(lambda call=call: call.is_waiting() or not call.is_alive(), f"the wait of {call.args}")
        assert call.is_alive(), f"the call with {call.args} did not wait"


def waiting(count: int, function: Callable[..., Any], *args: Any, session: dict[str, Any] | None = None) -> list[Call]:
    """So many equal calls. Returns when all of them wait."""
    begun = [Call(function, *args, session=session) for _ in range(count)]
    until_waiting(*begun)
    return begun


def results(made: Iterable[Call]) -> list[Any]:
    """What the calls returned."""
    return [call.result() for call in made]


class Gate:
    """A point in a computation at which it stops until the test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def stop(self) -> None:
        """Stops here."""
        self.reached.set()
        assert self.opened.wait(WITHIN), "nobody opened the gate"

    def wait(self) -> None:
        """Returns when a computation stands at the gate."""
        assert self.reached.wait(WITHIN), "nobody came to the gate"

    def open(self) -> None:
        """Lets all go on, now and later."""
        self.opened.set()


def main_waits(function: Callable[..., object]) -> Callable[[], bool]:
    """Whether the main thread is in a call that this function has made, and in no other Python code."""
    main = threading.main_thread().ident or 0
    return lambda: sys._current_frames()[main].f_code is function.__code__


def quiet() -> None:
    """Returns when nothing is left of threads: a child process has come to its end without one that hangs."""
    until(lambda: threading.active_count() == 1, "the end of all threads")
