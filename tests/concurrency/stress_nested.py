"""Random functions that call each other in several threads, or tasks, while the data moves.

    python -m tests.concurrency.stress_nested [--seconds 20] [--seed N] [--threads 6]

The functions and the judge are those of `tests/model/graph_world.py`. In rounds of an even seed threads call plain
functions, in others tasks call coroutine functions, and whose turn it is follows from the seed. Some of what a function
uses is read for it by a thread or a task that knows nothing of the computation. When all is over the data stands
still: then each function runs at most once more, and returns what is true.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from tests.concurrency.shuffled_loop import ShuffledLoop
from tests.concurrency.stress_rounds import ROUND_LIMIT, go, rounds
from tests.model.graph_world import BINDINGS, GraphWorld, Place, called
from tests.model.graphs import Maker, Use

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

CALLS = 40
PLACES = 3
MOVES = 30
# The place at which a call was made, for what is read from there by others.
HERE: ContextVar[Place] = ContextVar("HERE")


class Company(GraphWorld):
    """A world in which several call at once."""

    def __init__(self, chance: random.Random, awaited: bool) -> None:
        # What is read from afar is known to be part of a computation by the session that they have in common.
        self.from_afar = chance.choice([0, 0.05, 0.2])
        bindings = [chance.choice(BINDINGS)] if self.from_afar else BINDINGS
        super().__init__(chance, Maker(chance, bindings, awaited, moves=True).make())
        self.calls = self.graph.calls()
        self.common = self.new_places()
        self.rate = chance.choice([0, 0.01, 0.05])
        self.counts_runs = False

    def some_place(self, of: Place | None = None) -> Place:
        """A new place. Sessions that are found together may have told each other what they have seen."""
        with self.lock:
            place = self.open(BINDINGS, of)
            spans = sorted(place.spans.values(), key=lambda span: span.moment)
            for span in spans:
                span.moment, span.data = spans[0].moment, spans[0].data
            place.context.run(HERE.set, place)
            return place

    def new_places(self) -> list[Place]:
        """Places for one or for many."""
        return [self.some_place() for _ in range(PLACES)]

    def own_places(self) -> list[Place]:
        """The places of one caller.

        Nobody sees who waits for whom where something is read from afar: then callers have no sessions in common, since
        what others read in a session counts for all computations of it, and may be about to wait for those.
        """
        return self.new_places() if self.from_afar else self.common

    def here(self, places: list[Place]) -> Place:
        """Where the next call is made. At times it is a new place from then on, for those who come."""
        number = self.pick(PLACES)
        if self.dice() < 0.15:
            places[number] = self.some_place(places[number] if self.dice() < 0.3 else None)
        return Place() if self.dice() < 0.1 else places[number]

    def any_call(self) -> tuple[str, int]:
        """Some call."""
        return self.calls[self.pick(len(self.calls))]

    def pick(self, sides: int) -> int:
        """A number below `sides`."""
        return int(self.dice() * sides)

    def move(self) -> None:
        """The data moves on, but not for ever."""
        if self.seen["moves"] < MOVES:
            self.seen["moves"] += 1
            super().move()

    def quiet(self) -> list[tuple[Place, str, int]]:
        """From now on the data stands still. Gives calls in sessions that begin now: each twice."""
        self.rate, self.from_afar, self.counts_runs = 0, 0, True
        self.log.append("the data stands still")
        found = []
        for _ in range(2):
            place = self.some_place()
            for name, x in self.chance.sample(self.calls, len(self.calls)):
                if self.dice() < 0.3:
                    place = self.some_place()
                found.append((place, name, x))
        return found

    def check_quiet(self) -> None:
        """What must hold after those."""
        twice = [what for what, count in self.runs.items() if count > 1]
        self.expect(not twice, f"ran twice: {twice}")


class Threads(Company):
    """One of threads."""

    def __init__(self, seed: int) -> None:
        self.local = threading.local()
        self.local.chance = chance = random.Random(seed)
        super().__init__(chance, awaited=False)

    def dice(self) -> float:
        """Each thread has its own."""
        chance: random.Random = self.local.chance
        return chance.random()

    def give_way(self) -> None:
        """Others have their turn, more or less often."""
        for _ in range(self.pick(3)):
            time.sleep(0)
        super().give_way()

    async def use(self, use: Use, own: int) -> Any:
        """Calls another function, at times in a thread that it does not know, or in the context of before."""
        if self.dice() >= self.from_afar:
            return await super().use(use, own)
        self.seen["from afar"] += 1
        function, arguments = (
            self.functions[use.name],
            self.arguments(use.name, self.graph.argument(use.name, use.x, own)),
        )
        context = HERE.get(Place()).context.copy()
        if self.dice() < 0.5:
            return context.run(function, *arguments)
        answers: list[Any] = []
        seed = self.pick(1 << 30)

        def work() -> None:
            self.local.chance = random.Random(seed)
            answers.append(context.run(function, *arguments))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(ROUND_LIMIT)
        return answers[0]

    def call(self, place: Place, name: str, x: int) -> None:
        """One call."""
        call = self.begins(place, name, x)
        result = place.context.copy().run(self.functions[name], *self.arguments(name, x))
        self.returned(call, result)

    def work(self, seed: int, act: Callable[[], None]) -> None:
        """What one thread does."""
        self.local.chance = random.Random(seed)
        try:
            for _ in range(CALLS):
                act()
        except BaseException as error:
            self.complain(f"{type(error).__name__} in a thread: {error}")
            raise

    def write(self) -> None:
        """The data moves on, at some time."""
        time.sleep(0)
        if self.dice() < 0.5:
            self.move()

    def reader(self) -> Callable[[], None]:
        """What one thread does that calls."""
        places = self.own_places()
        return lambda: self.call(self.here(places), *self.any_call())

    def live(self, threads: int) -> None:
        """Runs all threads to their end, and looks at what is then."""
        acts = [self.write, *[self.reader() for _ in range(threads)]]
        go([threading.Thread(target=self.work, args=(self.pick(1 << 30), act), daemon=True) for act in acts])
        for each in self.quiet():
            self.call(*each)
        self.check_quiet()


class Tasks(Company):
    """One of tasks."""

    def __init__(self, seed: int) -> None:
        super().__init__(random.Random(seed), awaited=True)
        self.loop = ShuffledLoop(self.chance)

    async def use(self, use: Use, own: int) -> Any:
        """Calls another function, at times in a task that it does not know."""
        if self.dice() >= self.from_afar or not self.graph.nodes[use.name].awaited:
            return await super().use(use, own)
        self.seen["from afar"] += 1
        return await self.task(HERE.get(Place()), super().use(use, own))

    def task(self, place: Place, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task at a place."""
        task: asyncio.Task[Any] = place.context.run(self.loop.create_task, work)
        return task

    async def call(self, place: Place, name: str, x: int) -> None:
        """One call."""
        call = self.begins(place, name, x)
        result = await self.task(place, called(self.functions[name], *self.arguments(name, x)))
        self.returned(call, result)

    async def calls_some(self) -> None:
        """What one task does."""
        places = self.own_places()
        for _ in range(CALLS // 2):
            await self.call(self.here(places), *self.any_call())

    async def write(self) -> None:
        """The data moves on, at some time."""
        for _ in range(CALLS):
            for _ in range(self.pick(20)):
                await asyncio.sleep(0)
            self.move()

    async def all(self, callers: int) -> None:
        """Lets all come to their end, and looks at what is then."""
        await asyncio.gather(self.write(), *[self.calls_some() for _ in range(callers)])
        for each in self.quiet():
            await self.call(*each)
        self.check_quiet()

    def live(self, callers: int) -> None:
        """Does all that."""
        try:
            self.loop.run_until_complete(self.all(callers))
        finally:
            self.loop.close()
        self.complaints += self.loop.complaints


def one_round(seed: int, threads: int) -> Company:
    """A world, from its beginning to its end."""
    interval = sys.getswitchinterval()
    world: Threads | Tasks = Tasks(seed) if seed % 2 else Threads(seed)
    try:
        sys.setswitchinterval(world.chance.choice([1e-6, 1e-5, 1e-4, 5e-3]))
        world.live(threads)
    finally:
        sys.setswitchinterval(interval)
    if world.complaints:
        world.complaints[:] = [world.report()]
    return world


if __name__ == "__main__":
    sys.exit(rounds("Random functions that call each other at once, under a judge of the data.", one_round))
