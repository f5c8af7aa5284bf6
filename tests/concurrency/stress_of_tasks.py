"""Random worlds of tasks under a judge that knows only the promises.

    python -m tests.concurrency.stress_of_tasks [--seeds 200] [--first 0]

All follows from the seed, also whose turn it is. Data only ever grows, so of two results it can be told which is older.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from tests.concurrency.shuffled_loop import ShuffledLoop
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.testing import is_validating

CALLERS = 8
CALLS = 12
KEYS = 3
SESSIONS = 2
# How each function is cached. `hasty` may compute what another does.
FUNCTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "small": {"maxsize": 1},
    "nothing": {"maxsize": 0},
    "picky": {"cache_if": lambda value: value.number % 3 != 0},
    "hasty": {"wait": 0.5},
}
# Which functions a function may call: none, those behind it, or any, which makes recursions and circles.
NESTING = ("none", "down", "any")


class Boom(Exception):
    """A failure on purpose."""


@dataclass(eq=False)
class Value:
    """A result that knows what it was made from."""

    number: int
    data: int
    began: int
    oldest: int


@dataclass(eq=False)
class Span:
    """A session, or a call without one."""

    answer: int | None = None
    unsure: bool = False  # two answers were given, as by one who would not wait, and it goes by one or the other


@dataclass(eq=False)
class Run:
    """A computation in progress."""

    what: tuple[str, int]
    version: int | None
    sure: bool  # its session was given one answer only, so it computes for that version
    struck: bool = False


@dataclass
class TaskWorld:
    """What happens, and what was wrong with it."""

    seed: int
    chance: random.Random = field(init=False)
    data: int = 1
    moment: int = 0
    runs: int = 0
    going: list[Run] = field(default_factory=list)
    forgotten: dict[tuple[str, int], int] = field(default_factory=dict)
    errors: set[int] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Draws what kind of world it is, and makes its functions."""
        self.chance = random.Random(self.seed)
        self.nesting = self.chance.choice(NESTING)
        self.names = self.chance.sample(list(FUNCTIONS), 3)
        self.awaits_version = self.chance.random() < 0.5
        self.span: ContextVar[Span] = ContextVar("span")
        self.place: ContextVar[dict[str, Any] | None] = ContextVar("place", default=None)
        self.called: ContextVar[int] = ContextVar("called")
        self.places: list[tuple[dict[str, Any], Span]] = [({}, Span()) for _ in range(SESSIONS)]
        version = self.ask_and_wait if self.awaits_version else self.ask
        self.functions = {
            name: versioned_lru_cache(version, session=self.place.get, name=name, **FUNCTIONS[name])(self.body(name))
            for name in self.names
        }
        self.callers: list[asyncio.Task[Any]] = []

    def tick(self) -> int:
        """The next moment."""
        self.moment += 1
        return self.moment

    def note(self, what: str) -> None:
        """Counts what has happened, so that it can be seen whether anything has."""
        self.seen[what] = self.seen.get(what, 0) + 1

    def expect(self, holds: bool, complaint: str) -> None:
        """Notes what is wrong."""
        if not holds:
            self.complaints.append(f"seed {self.seed}, {self.nesting}: {complaint}")

    async def pause(self) -> None:
        """Lets others have their turn, or time pass."""
        if self.chance.random() < 0.3:
            await asyncio.sleep(self.chance.choice([0.1, 1, 2]))
        else:
            for _ in range(self.chance.randrange(3)):
                await asyncio.sleep(0)

    # What is cached.

    def ask(self) -> int:
        """The version: what the data is now."""
        if is_validating():
            self.note("validations")
            return self.data
        self.note("versions asked")
        answer, span = self.data, self.span.get()
        in_session = self.place.get() is not None
        self.expect(not in_session or span.answer is None or self.awaits_version, "a session was asked for twice")
        span.answer = answer
        return answer

    async def ask_and_wait(self) -> int:
        """The same, for which one has to wait."""
        answer = self.data
        await self.pause()
        if is_validating():
            self.note("validations")
            return answer
        span = self.span.get()
        once = self.place.get() is None or span.answer is None or "hasty" in self.names or self.nesting == "any"
        self.expect(once, "a session asked and was answered twice")
        self.note("versions asked")
        span.unsure |= span.answer not in (None, answer)
        span.answer = answer if span.answer is None else min(answer, span.answer)
        return answer

    def body(self, name: str) -> Any:
        """The function of that name."""

        async def body(x: int) -> Value:
            self.runs += 1
            value = Value(self.runs, self.data, self.tick(), self.data)
            # The cache may take it for begun some time between the call and this note.
            span, struck = self.span.get(), self.forgotten.get((name, x), 0) > self.called.get()
            run = Run((name, x), span.answer, not span.unsure, struck)
            for other in self.going:
                same = (other.what, other.version) == (run.what, run.version) and not (other.struck or run.struck)
                same &= other.sure and run.sure and name != "hasty" and self.nesting != "any"
                self.expect(not same, f"{run.what} is computed twice at once")
            self.going.append(run)
            try:
                await self.pause()
                for part in await self.parts(name):
                    value.oldest = min(value.oldest, part.oldest)
                if self.chance.random() < 0.15:
                    error = Boom(name, x)
                    self.errors.add(id(error))
                    self.kept.append(error)
                    self.note("failures")
                    raise error
                return value
            except asyncio.CancelledError:
                self.note("computations cancelled")
                await self.pause()
                if self.chance.random() < 0.3:
                    return value
                raise
            finally:
                self.going.remove(run)

        return body

    kept: list[BaseException] = field(default_factory=list)

    async def parts(self, name: str) -> list[Value]:
        """What a function calls."""
        allowed = {"none": [], "down": self.names[self.names.index(name) + 1 :], "any": self.names}[self.nesting]
        if not allowed or self.chance.random() < 0.5:
            return []
        calls = [self.call(self.chance.choice(allowed)) for _ in range(self.chance.choice([1, 1, 2]))]
        found = await asyncio.gather(*calls, return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException):
                raise one
        return [one for one in found if isinstance(one, Value)]

    # What happens.

    async def call(self, name: str) -> Value:
        """A call, and what must hold of its result."""
        x = self.chance.randrange(KEYS)
        if self.place.get() is None:
            self.span.set(Span())
        span = self.span.get()
        known = span.answer if self.place.get() is not None else None
        since, forgotten = self.data, self.forgotten.get((name, x), 0)
        self.note("calls")
        self.called.set(self.tick())
        try:
            value: Value = await self.functions[name](x)
        except Boom as error:
            self.expect(id(error) in self.errors, "an exception from nowhere")
            raise
        if self.place.get() is not None:
            self.expect(span.answer is not None, "served to a session that has not asked")
            since = min(since, span.answer or 0) if known is None else known
        self.expect(value.oldest >= since, f"{name}({x}) gave {value} to a session or call that began with {since}")
        self.expect(value.began > forgotten, f"{name}({x}) gave what was forgotten before it was called")
        return value

    async def caller(self) -> None:
        """Some calls, in sessions and without, in between of which something happens."""
        for _ in range(CALLS):
            place, span = self.chance.choice([(None, Span()), *self.places])
            self.place.set(place)
            self.span.set(span)
            try:
                await self.call(self.chance.choice(self.names))
            except Boom:
                pass
            except asyncio.CancelledError:
                self.note("callers cancelled")
            await self.pause_safely()
            self.disturb()

    async def pause_safely(self) -> None:
        """A pause of one that may be cancelled."""
        try:
            await self.pause()
        except asyncio.CancelledError:
            self.note("callers cancelled")

    def disturb(self) -> None:
        """Changes something, mostly nothing."""
        what = self.chance.randrange(10)
        name, x = self.chance.choice(self.names), self.chance.randrange(KEYS)
        if what == 0:
            self.data += 1
        elif what == 1:
            self.functions[name].cache_invalidate(x)
            self.forget(name, [x])
        elif what == 2:
            self.functions[name].cache_clear()
            self.forget(name, range(KEYS))
        elif what == 3:
            place = self.chance.randrange(SESSIONS)
            self.places[place] = ({}, Span())
        elif what in (4, 5):
            self.chance.choice(self.callers).cancel()

    def forget(self, name: str, keys: Any) -> None:
        """Notes that results were forgotten."""
        for x in keys:
            self.forgotten[name, x] = self.tick()
        for run in self.going:
            run.struck |= run.what[0] == name and run.what[1] in keys

    async def live(self) -> None:
        """Lets all callers come to their end. Then all must be quiet."""
        self.callers += [asyncio.ensure_future(self.caller()) for _ in range(CALLERS)]
        for ended in await asyncio.gather(*self.callers, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        await asyncio.sleep(100)  # Those that were cancelled come to their end.
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        self.expect(not left and not self.going, f"still going on: {left} {self.going}")
        for name, function in self.functions.items():
            info = function.cache_info()
            self.expect(info.currsize <= (KEYS if info.maxsize is None else info.maxsize), f"{name} has {info}")
        self.nesting = "none"
        self.chance = random.Random(0)
        for name in self.names:
            for _ in range(KEYS * 2):
                with suppress(Boom):
                    await self.call(name)  # Nothing waits for a flight that is no more.


def one_world(seed: int) -> TaskWorld:
    """Lets one world live."""
    world = TaskWorld(seed)
    loop = ShuffledLoop(world.chance)
    try:
        loop.run_until_complete(world.live())
    finally:
        loop.close()
    world.kept.clear()
    gc.collect()
    world.complaints += [f"seed {seed}: {complaint}" for complaint in loop.complaints]
    return world


def main() -> int:
    """Lets many worlds live; says what was wrong, and how much has happened."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    seen: dict[str, int] = {}
    wrong = False
    for seed in range(options.first, options.first + options.seeds):
        world = one_world(seed)
        for what, count in world.seen.items():
            seen[what] = seen.get(what, 0) + count
        for complaint in world.complaints[:5]:
            wrong = True
            print(complaint)
    print(seen)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
