"""Random schedules of threads that use the freshness options: refresh, offline, revalidation, old values, lag.

    python -m tests.concurrency.stress_fresh [--seconds 20] [--seed N] [--threads 6]

As in `stress.py`: each round is a small world with a program for each thread, drawn from a seed. The clock is a mock
that the threads move. The judge knows nothing of how the cache works (`stress_fresh_judge.py`).
"""

from __future__ import annotations

import gc
import logging
import operator
import random
import sys
import threading
import time
import weakref
from contextvars import copy_context
from typing import Any
from unittest import mock

from tests.concurrency.stress_fresh_judge import Judge, Terms, Value
from tests.concurrency.stress_rounds import ROUND_LIMIT, go, rounds
from versioned_lru_cache import (
    IMMUTABLE,
    NOT_MODIFIED,
    Lag,
    NotStored,
    Refresh,
    Versioned,
    _behind,
    session,
    versioned_lru_cache,
)
from versioned_lru_cache.testing import MockClock

CALLS = 60
PLACES = 3
FUNCTIONS = [
    Terms("plain"),
    Terms("small", maxsize=2),
    Terms("expires", ttl=10, verify=True),
    Terms("failing", stale_if_error=6),
    Terms("for ever", ttl=10, stale_if_error=float("inf")),
    Terms("behind", stale_while_revalidate=6),
    Terms("both", ttl=10, stale_if_error=8, stale_while_revalidate=4),
    Terms("checked", revalidates=True, stale_while_revalidate=4),
    Terms("lagging", lags=True),
    Terms("lasting", immutable=True),
]


class Down(Exception):
    """The source can't be reached."""


class Watched:
    """A refresh behind, of whose end the judge hears."""

    def __init__(self, judge: Judge, behind: Any) -> None:
        self.judge, self.behind, self.job = judge, behind, judge.job()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)

    def run(self) -> None:
        """It runs."""
        self.judge.local.job = self.job
        self.behind.run()

    def end(self) -> None:
        """It is over."""
        self.judge.done(self.job)
        self.behind.end()


class FreshWorld:
    """Sources with versions, functions over them, and places for sessions."""

    def __init__(self, chance: random.Random, clock: MockClock) -> None:
        self.chance = chance
        self.judge = Judge(FUNCTIONS, clock)
        self.local = threading.local()
        self.places: list[dict[str, Any]] = [{} for _ in range(PLACES)]
        self.blocks: list[tuple[Any, Any]] = []
        self.made: list[weakref.ref[Any]] = []
        self.down = 0
        self.functions = {terms.name: self.cached(terms) for terms in FUNCTIONS}

    def cached(self, terms: Terms) -> Any:
        """A function whose body obeys the program of the thread that runs it."""
        name, judge = terms.name, self.judge

        def version(part: int) -> Any:
            with judge.asks(name, part) as ask:
                self.give_way()
                self.fail_at_times(terms)
                ask.answer = judge.data[part]
                self.give_way()
            return IMMUTABLE if terms.immutable and ask.answer % 3 == 0 else ask.answer

        def body(x: int) -> Any:
            return self.run(terms, x, None)

        def revalidate(previous: Versioned[Value], x: int) -> Any:
            return self.run(terms, x, previous)

        return versioned_lru_cache(
            version,
            version_args=lambda x: (judge.part(x),),
            session=self.session,
            name=name,
            maxsize=terms.maxsize,
            ttl=terms.ttl,
            on_expiry="verify" if terms.verify else "recompute",
            revalidate=revalidate if terms.revalidates else None,
            stale_if_error=terms.stale_if_error,
            retry_after=1,
            errors=Down,
            stale_while_revalidate=terms.stale_while_revalidate,
            lag=Lag(retries=1, delay=0.5, order=operator.ge) if terms.lags else None,
        )(body)

    def run(self, terms: Terms, x: int, previous: Versioned[Value] | None) -> Any:
        """What the function, or `revalidate`, does."""
        with self.judge.runs(terms.name, x) as run:
            self.give_way()
            self.fail_at_times(terms)
            if previous is not None and self.judge.is_good_still(run, previous.value):
                self.give_way()
                return NOT_MODIFIED
            value = self.judge.made(run, behind_by=self.dice(2) if terms.lags else 0)
            self.made.append(weakref.ref(value))
            self.give_way()
        return Versioned(value, value.data) if terms.lags else value

    def fail_at_times(self, terms: Terms) -> None:
        """The source is down; or it fails once."""
        if self.down or self.dice(12) == 0:
            error = Down()
            self.made.append(weakref.ref(error))
            raise error

    def session(self) -> dict[str, Any] | None:
        """The session of the thread that calls."""
        return getattr(self.local, "session", None)

    def dice(self, sides: int) -> int:
        """A number below `sides` from the thread's own program; threads of the package have one as well."""
        if not hasattr(self.local, "chance"):
            self.local.chance = random.Random(threading.get_ident())
        number: int = self.local.chance.randrange(sides)
        return number

    def give_way(self) -> None:
        """Lets other threads have their turn, more or less often."""
        for _ in range(self.dice(4)):
            time.sleep(0)

    def some(self) -> tuple[str, Any, int]:
        """Some function and key. Keys are few, and two of them have one hash."""
        terms = self.focus[self.dice(len(self.focus))]
        return terms.name, self.functions[terms.name], self.dice(self.keys) - 2

    def called(self, what: str, name: str, x: int, act: Any) -> None:
        """One call, or one refresh."""
        call = self.judge.calls(what, name, x, self.session())
        try:
            value = act(x)
        except (Down, NotStored) as error:
            self.judge.raised(call, error)
        else:
            self.judge.returned(call, value)

    def step(self) -> None:
        """One thing that a thread does."""
        name, function, x = self.some()
        self.local.session = None if self.dice(3) == 0 else self.places[self.dice(PLACES)]
        match self.dice(40):
            case 0 | 1 | 2:
                self.judge.moves(x)
            case 3 | 4:
                self.judge.passes(1 + self.dice(3))
            case 5:
                with self.judge.forgets(name, None):
                    function.cache_clear()
            case 6 | 7:
                with self.judge.forgets(name, x):
                    function.cache_invalidate(x)
            case 8 | 9 | 10:
                self.open(self.dice(PLACES))
            case 11 | 12:
                self.called("refresh", name, x, function.cache_refresh)
            case 13:
                self.put(name, function, x)
            case 14:
                self.down = self.dice(2)
            case 15:
                gc.collect(0)
            case 16:
                str(function.cache_explain(x))
            case 17 | 18 | 19:
                self.judge.peeks(name, x, function.cache_peek)
            case _:
                self.called("call", name, x, function)

    def put(self, name: str, function: Any, x: int) -> None:
        """Puts what is right now."""
        with self.judge.puts(name, x, self.session()) as value:
            self.made.append(weakref.ref(value))
            function.cache_put(Versioned(value, value.data), x)

    def open(self, place: int) -> None:
        """Begins a session of some kind in the place of another, which goes on for those who are in it."""
        kind = self.dice(5)
        mapping: dict[str, Any] = {}
        self.judge.opens(mapping, renews=kind in (0, 1), offline=kind == 2)
        block = session(
            mapping,
            refresh=Refresh.all(hard=kind == 1) if kind < 2 else Refresh.none(),
            offline=kind == 2,
        )
        # In a context of its own, so that nobody takes part but through the mapping.
        context = copy_context()
        context.run(block.__enter__)
        self.blocks.append((context, block))
        self.places[place] = mapping

    def work(self, seed: int) -> None:
        """What one thread does."""
        self.local.chance = random.Random(seed)
        self.judge.in_front(True)
        try:
            for _ in range(CALLS):
                self.step()
        except BaseException as error:
            self.judge.complain(f"{type(error).__name__} in a thread: {error}")
            raise

    def go(self, threads: int) -> None:
        """Runs all threads to their end."""
        self.keys = self.chance.choice([1, 2, 4, 6])
        self.focus = FUNCTIONS if self.chance.randrange(2) else [self.chance.choice(FUNCTIONS)]
        workers = [
            threading.Thread(target=self.work, args=(self.chance.getrandbits(32),), daemon=True) for _ in range(threads)
        ]
        go(workers)

    def quiet(self) -> None:
        """What must hold when nothing goes on any more: nothing is in progress and nothing is left over."""
        judge, self.local.chance, self.local.session = self.judge, random.Random(0), None
        judge.in_front(True)
        drain()
        judge.expect(not judge.going, "something is in progress")
        for terms in FUNCTIONS:
            size = self.functions[terms.name].cache_info().currsize
            judge.expect(terms.maxsize is None or size <= terms.maxsize, f"{terms.name} holds {size} results")
        self.down = 0
        for terms in FUNCTIONS:
            # A wait for a flight that was left over would never end.
            self.functions[terms.name].cache_clear()
            attempts = 0
            while not self.functions[terms.name].cache_contains(0):
                self.called("call", terms.name, 0, self.functions[terms.name])
                attempts += 1
                judge.expect(attempts < 100, f"{terms.name} always fails or stores nothing")
                if attempts == 100:
                    break
            self.functions[terms.name].cache_clear()
        drain()
        judge.release()
        for context, block in self.blocks:
            context.run(block.__exit__, None, None, None)
        self.blocks.clear()
        self.places.clear()
        self.local.session = None
        end = time.monotonic() + 10
        while left := sum(made() is not None for made in self.made):
            gc.collect()
            if time.monotonic() > end:
                break
            time.sleep(0.001)  # a thread of the pool may be about to let go of its last task
        judge.expect(left == 0, f"{left} of {len(self.made)} values and exceptions are still held")


def drain() -> None:
    """Returns when all has ended that was to run behind: then each thread of the pool waits for the others here."""
    all_of_them = threading.Barrier(_behind.THREADS + 1)

    class Waiting:
        name = "none"

        def run(self) -> None:
            all_of_them.wait(ROUND_LIMIT)

        def end(self) -> None: ...

    for _ in range(_behind.THREADS):
        _behind._pool.takes(Waiting())  # type: ignore[arg-type]
    all_of_them.wait(ROUND_LIMIT)


def one_round(seed: int, threads: int) -> Judge:
    """Makes a world, lets it run, and looks at what is left."""
    chance = random.Random(seed)
    begin = _behind.begin
    with (
        MockClock() as clock,
        mock.patch.object(
            _behind,
            "begin",
            lambda behind: begin(Watched(world.judge, behind)),  # type: ignore[arg-type]
        ),
    ):
        world = FreshWorld(chance, clock)
        sys.setswitchinterval(chance.choice([1e-6, 1e-5, 1e-4, 5e-3]))
        world.go(threads)
        world.quiet()
        return world.judge


if __name__ == "__main__":
    logging.getLogger("versioned_lru_cache").disabled = True
    sys.exit(rounds("Random schedules of threads against a judge of freshness.", one_round))
