"""Random schedules: threads that call, fail, clear, invalidate and change versions, in sessions and without.

    python -m tests.concurrency.stress [--seconds 20] [--seed N] [--threads 6]

Each round is a small world with a program for each thread, drawn from a seed that is printed when something is wrong;
how the threads take turns is up to the machine. The judge knows nothing of how the cache works (`stress_judge.py`).
"""

from __future__ import annotations

import gc
import random
import sys
import threading
import time
import weakref
from contextvars import ContextVar
from typing import Any

from tests.concurrency.stress_judge import Judge, Value
from tests.concurrency.stress_rounds import go, rounds
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.testing import is_validating

CALLS = 60
PLACES = 3
# Names of functions, and how each is cached. What waits not at all may compute twice, and is judged by the rest.
FUNCTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "small": {"maxsize": 2},
    "nothing": {"maxsize": 0},
    "picky": {"cache_if": lambda value: value.number % 3 != 0},
    "unbounded": {"maxsize": None},
    "hasty": {"wait": 0},
}
LARGEST = 10  # more keys than that are not used, so a session remembers all unless its function is small


class Boom(Exception):
    """A failure on purpose."""


class Point:
    """A key with its own equality and one hash for all."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return 3

    def __eq__(self, other: object) -> bool:
        time.sleep(0)  # another thread may have its turn in the middle of a lookup
        return isinstance(other, Point) and self.number == other.number


def key_of(number: int) -> object:
    """A key that is equal to others made for the number, and not the same object."""
    return [number, float(number), f"key {number}", Point(number)][number % 4]


class PlainWorld:
    """Data with a version, functions over it, and places for sessions."""

    def __init__(self, chance: random.Random) -> None:
        self.judge = Judge()
        self.chance = chance
        self.place: ContextVar[dict[str, Any] | None] = ContextVar("place")
        self.places: list[dict[str, Any]] = [{} for _ in range(PLACES)]
        self.local = threading.local()
        self.functions = {name: self.cached(name, options) for name, options in FUNCTIONS.items()}
        self.made: list[weakref.ref[Any]] = []

    def cached(self, name: str, options: dict[str, Any]) -> Any:
        """A function whose body obeys the program of the thread that runs it."""

        def version(x: object) -> int:
            self.give_way()
            if is_validating():
                return self.judge.validates()
            return self.judge.asked(name, x, self.session())

        @versioned_lru_cache(version, session=self.session, key=None, **options)
        def function(x: object) -> Value:
            run = self.judge.begins(name, x, self.session(), threading.get_ident(), name == "hasty")
            try:
                self.give_way()
                parts = self.inner_calls()
                self.give_way()
                if self.dice(12) == 0:
                    error = Boom()
                    self.made.append(weakref.ref(error))
                    run.outcome = error
                    raise error
                value = Value(run.number, run.data, parts)
                self.made.append(weakref.ref(value))
                run.outcome = value
                return value
            finally:
                self.judge.ended(run)

        return function

    def session(self) -> dict[str, Any] | None:
        """The session of the thread that calls."""
        return getattr(self.local, "session", None)

    def dice(self, sides: int) -> int:
        """A number below `sides` from the thread's own program."""
        number: int = self.local.chance.randrange(sides)
        return number

    def give_way(self) -> None:
        """Lets other threads have their turn, more or less often."""
        for _ in range(self.dice(4)):
            time.sleep(0)

    def inner_calls(self) -> list[Value]:
        """What a body calls itself: other keys, other functions, at times itself; so circles come about."""
        if self.local.depth >= 2 or self.dice(3):
            return []
        self.local.depth += 1
        try:
            return [value for value in [self.call() for _ in range(1 + self.dice(2))] if value is not None]
        finally:
            self.local.depth -= 1

    def some(self) -> str:
        """The name of a function."""
        return list(self.functions)[self.dice(len(self.functions))]

    def call(self) -> Value | None:
        """Some call."""
        return self.judged(self.some(), key_of(self.dice(self.keys)))

    def judged(self, name: str, x: object) -> Value | None:
        """One call, which returns nothing when its computation fails."""
        session = self.session()
        call = self.judge.calls(name, x, session, threading.get_ident())
        try:
            value: Value = self.functions[name](x)
        except Boom as error:
            self.judge.raised(call, error)
            return None
        self.judge.returned(call, value)
        return value

    def step(self) -> None:
        """One thing that a thread does."""
        match self.dice(30):
            case 0:
                self.judge.moves()
            case 1:
                name = self.some()
                with self.judge.forgets(name, None):
                    self.functions[name].cache_clear()
            case 2 | 3:
                name, x = self.some(), key_of(self.dice(self.keys))
                with self.judge.forgets(name, x):
                    self.functions[name].cache_invalidate(x)
            case 4 | 5:
                self.places[self.dice(PLACES)] = {}
            case 6:
                gc.collect(0)
            case _:
                self.local.session = None if self.dice(3) == 0 else self.places[self.dice(PLACES)]
                self.call()

    def work(self, seed: int) -> None:
        """What one thread does."""
        self.local.chance, self.local.depth = random.Random(seed), 0
        try:
            for _ in range(CALLS):
                self.step()
        except BaseException as error:
            self.judge.complain(f"{type(error).__name__} in a thread: {error}")
            raise

    def run(self, threads: int) -> None:
        """Runs all threads to their end."""
        self.keys = self.chance.choice([1, 2, 4, LARGEST])
        workers = [
            threading.Thread(target=self.work, args=(self.chance.getrandbits(32),), daemon=True) for _ in range(threads)
        ]
        go(workers)

    def quiet(self) -> None:
        """What must hold when nothing goes on any more: nothing is in progress and nothing is left over."""
        judge, self.local.chance, self.local.depth = self.judge, random.Random(0), 2
        self.local.session = None
        for name, function in self.functions.items():
            size, most = function.cache_info().currsize, FUNCTIONS[name].get("maxsize", 128)
            judge.expect(most is None or size <= most, f"{name} holds {size} results")
        judge.moves()
        before = dict(judge.runs_of)
        for name, function in self.functions.items():
            # A wait for a flight that was left over would never end; a failure that was kept would be raised again.
            runs = self.attempts(name)
            judge.expect(judge.runs_of[name] == before.get(name, 0) + runs, f"{name} did not compute by itself")
            function.cache_clear()
        judge.release()
        self.places.clear()
        gc.collect()
        left = sum(made() is not None for made in self.made)
        judge.expect(left == 0, f"{left} of {len(self.made)} values and exceptions are still held")

    def attempts(self, name: str) -> int:
        """Calls until a computation succeeds; gives how many calls that took."""
        for number in range(1, 100):
            if self.judged(name, key_of(0)) is not None:
                return number
        raise AssertionError("always fails")


def one_round(seed: int, threads: int) -> Judge:
    """Makes a world, lets it run, and looks at what is left."""
    chance = random.Random(seed)
    world = PlainWorld(chance)
    sys.setswitchinterval(chance.choice([1e-6, 1e-5, 1e-4, 5e-3]))
    world.run(threads)
    world.quiet()
    return world.judge


if __name__ == "__main__":
    sys.exit(rounds("Random schedules of threads against a judge.", one_round))
