"""Worlds in which random functions call each other, under a judge that knows only the data.

    python -m tests.model.graph_world [--seconds 20] [--seed N]

Each world is drawn from a seed, which is printed with the functions and with what happened when something is wrong.
Nothing happens at the same time here; for that see `tests/concurrency/stress_nested.py`.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import random
import sys
from collections import Counter
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.concurrency.stress_rounds import Complaining, rounds
from tests.model.graphs import CELLS, Cell, Graph, Maker, Node, Use, cell_of, cells_in
from tests.support import tasks
from tests.support.nested import flat
from versioned_lru_cache import session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

# Where sessions lie. What leads to nothing leads to the ambient session, if there is one.
BINDINGS = ["provider", "variable", "ambient"]
# One mapping for all, so that calls have to take turns.
ALL_BINDINGS = ["mapping", *BINDINGS]


@dataclass(eq=False)
class Span:
    """A session, what the data was when it began, and what it has seen."""

    moment: int
    data: tuple[int, ...]
    seen: dict[tuple[str, int], Any] = field(default_factory=dict)


@dataclass(eq=False)
class Place:
    """Where a call is made: a context, and the sessions that are found from there."""

    context: Context = field(default_factory=Context)
    spans: dict[str, Span] = field(default_factory=dict)
    mapping: dict[str, Any] = field(default_factory=dict)

    def span(self, binding: str) -> Span | None:
        """The session that counts for what is bound there."""
        return self.spans.get(binding) or self.spans.get("ambient")


@dataclass(eq=False)
class Call:
    """A call in progress."""

    name: str
    x: int
    span: Span | None
    # Its own beginning, or that of the oldest session that it can come to.
    moment: int
    data: tuple[int, ...]
    known: Any


class GraphWorld(Complaining):
    """The data, the functions over it, and what must hold."""

    def __init__(self, chance: random.Random, graph: Graph) -> None:
        super().__init__()
        self.chance, self.graph = chance, graph
        self.data = [1] * CELLS
        self.moved = 0  # when the data moved last
        self.rate = 0.0  # how often it moves where somebody reads
        self.runs: Counter[tuple[str, int]] = Counter()
        self.counts_runs = True
        self.log: list[str] = []
        self.provided: ContextVar[dict[str, Any] | None] = ContextVar("provided", default=None)
        self.variable: ContextVar[dict[str, Any]] = ContextVar("variable")
        self.mapping: dict[str, Any] = {}
        kinds = itertools.product([False, True], repeat=2)
        self.shared = {(awaited, takes): self.shared_version(awaited, takes) for awaited, takes in kinds}
        self.functions: dict[str, Any] = {}
        for node in graph.nodes.values():
            self.functions[node.name] = self.cached(node)

    # The functions.

    def cached(self, node: Node) -> Any:
        """A function of the package."""
        options: dict[str, Any] = {}
        if node.takes and node.given == "part" and node.version != "constant":
            options["version_args"] = lambda x: (x % 2,)
        elif node.version in self.graph.nodes:
            options["version_args"] = ()
        bindings: dict[str, Any] = {
            "provider": self.provided.get,
            "variable": self.variable,
            "ambient": None,
            "mapping": self.mapping,
        }
        decorate = versioned_lru_cache(self.version(node), session=bindings[node.binding], name=node.name, **options)
        return decorate(self.of_kind(lambda x: self.body(node, x), node.awaited, node.takes))

    def version(self, node: Node) -> Any:
        """What its version is."""
        if node.version == "constant":
            return "constant"
        if node.version in self.graph.nodes:
            return self.functions[node.version]
        takes = node.takes and node.given != "nothing"
        if node.version == "shared":
            return self.shared[node.asks_awaited, takes]
        return self.of_kind(lambda x: self.answer(node, x), node.asks_awaited, takes)

    def of_kind(self, work: Callable[[int], Coroutine[Any, Any, Any]], awaited: bool, takes: bool) -> Any:
        """A function that is plain or not, and takes an argument or none."""

        async def with_argument(x: int) -> Any:
            return await work(x)

        async def without() -> Any:
            return await work(0)

        function = with_argument if takes else without
        return function if awaited else flat(function)

    def shared_version(self, awaited: bool, takes: bool) -> Any:
        """A version function for many, of all cells."""

        async def answer(x: int) -> tuple[Cell, ...]:
            return tuple([await self.read(cell, awaited) for cell in range(CELLS)])

        return self.of_kind(answer, awaited, takes)

    async def body(self, node: Node, x: int) -> tuple[Any, ...]:
        """What a function does."""
        if self.counts_runs:
            self.runs[node.name, x] += 1
        parts: list[Any] = []
        for step in node.steps:
            if isinstance(step, int):
                parts.append(await self.read(cell_of(step, x), node.awaited))
            else:
                parts.append(await self.use(step, x))
        return (node.name, x, *parts)

    async def answer(self, node: Node, given: int) -> tuple[Any, ...]:
        """What a version function does."""
        parts = [await self.use(use, given) for use in node.asks]
        parts += [await self.read(cell, node.asks_awaited) for cell in self.graph.cover_of_version(node, given)]
        return tuple(parts)

    async def read(self, cell: int, awaited: bool) -> Cell:
        """Reads a cell. Somebody may change something before."""
        if awaited and self.dice() < 0.3:
            await asyncio.sleep(0)
        self.give_way()
        return Cell(cell, self.data[cell])

    async def use(self, use: Use, own: int) -> Any:
        """Calls another function."""
        self.give_way()
        answer = self.functions[use.name](*self.arguments(use.name, self.graph.argument(use.name, use.x, own)))
        return await answer if inspect.isawaitable(answer) else answer

    def arguments(self, name: str, x: int) -> tuple[int, ...]:
        """What a function is called with."""
        return (x,) if self.graph.nodes[name].takes else ()

    # The world.

    def dice(self) -> float:
        """A number below 1."""
        return self.chance.random()

    def give_way(self) -> None:
        """Something may happen in the middle of a computation."""
        if self.dice() < self.rate:
            self.move()

    def move(self) -> None:
        """The data moves on."""
        cell = self.chance.randrange(CELLS)
        with self.lock:
            self.data[cell] += 1
            self.moved = self.now()
            self.log.append(f"cell {cell} = {self.data[cell]}")

    def open(self, among: list[str], of: Place | None = None) -> Place:
        """A new place, with sessions of its own and, if that is given, some of another one's."""
        place = Place() if of is None else Place(of.context.copy(), dict(of.spans), of.mapping)
        for binding in among:
            is_new = self.dice() < (0.8 if of is None else 0.4)
            if is_new:
                place.spans[binding] = Span(self.now(), tuple(self.data))
            if binding == "ambient":
                if is_new:
                    place.context.run(session().__enter__)
            elif binding != "mapping":
                variable: ContextVar[Any] = self.provided if binding == "provider" else self.variable
                if is_new:
                    place.context.run(variable.set, {})
                elif self.dice() < 0.2:
                    place.context.run(variable.set, None)
                    place.spans.pop(binding, None)
            elif is_new or of is None:
                # There is always one: the first call begins it.
                place.mapping = {}
                place.spans[binding] = Span(self.now(), tuple(self.data))
        return place

    # The judge.

    def begins(self, place: Place, name: str, x: int) -> Call:
        """A call begins."""
        with self.lock:
            reached = [span for span in map(place.span, self.graph.bindings(name)) if span]
            oldest = min(reached, key=lambda span: span.moment, default=Span(self.now(), tuple(self.data)))
            moment, data = oldest.moment, oldest.data
            for span in reached:
                # What it is given now may be what the oldest has seen, and it keeps to that.
                span.moment, span.data = moment, data
            own = place.span(self.graph.nodes[name].binding)
            return Call(name, x, own, moment, data, own.seen.get((name, x)) if own else None)

    def returned(self, call: Call, result: Any) -> None:
        """It has ended."""
        with self.lock:
            self.seen["calls"] += 1
            shown = f"{call.name}({call.x}) is {result}"
            for cell in cells_in(result):
                self.expect(cell.value >= call.data[cell.number], f"stale: {shown}, and was {call.data} before")
            if self.moved < call.moment:
                self.seen["judged by the truth"] += 1
                truth = self.graph.truth(self.data, call.name, call.x)
                self.expect(result == truth, f"not what is true: {shown}, true is {truth}")
            if call.known is not None:
                self.seen["repeated"] += 1
                self.expect(result is call.known, f"another object in the same session: {shown}")
            elif call.span:
                call.span.seen.setdefault((call.name, call.x), result)

    def check_counts(self) -> None:
        """Nothing has ever moved: each result was stored, and each validation has held."""
        for name, function in self.functions.items():
            stats = getattr(function, "cache_stats", lambda: None)()
            if stats is not None:
                self.expect(stats.not_stored == 0, f"not stored: {stats.not_stored} of {name}")
                self.expect(stats.invalidated == 0, f"did not hold: {stats.invalidated} validations of {name}")

    def is_fresh(self, place: Place) -> bool:
        """Whether all its sessions began when the data stood still."""
        return all(span.moment > self.moved for span in place.spans.values())

    def report(self) -> str:
        """What is wrong, the first of each kind, and how that came about."""
        kinds = {complaint.partition(":")[0]: complaint for complaint in reversed(self.complaints)}
        return "\n".join(["", *kinds.values(), "", str(self.graph), "", *self.log])


class Life:
    """One world from its beginning to its end, call by call."""

    def __init__(self, seed: int, *, awaited: bool, moves: bool) -> None:
        chance = random.Random(seed)
        graph = Maker(chance, ALL_BINDINGS, awaited, moves).make()
        self.world = GraphWorld(chance, graph)
        self.chance, self.awaited, self.moves = chance, awaited, moves
        self.loop: asyncio.AbstractEventLoop | None = None
        self.places: list[Place] = []

    def call(self, place: Place, name: str, x: int) -> None:
        """One call."""
        world = self.world
        number = self.places.index(place) if place in self.places else "none"
        world.log.append(f"in {number}: {name}({x})")
        world.mapping.clear()
        world.mapping.update(place.mapping)
        call = world.begins(place, name, x)
        function, arguments = world.functions[name], world.arguments(name, x)
        try:
            if self.loop:
                task = place.context.run(self.loop.create_task, called(function, *arguments))
                result = self.loop.run_until_complete(task)
            else:
                result = place.context.run(function, *arguments)
        except Exception as error:
            world.complain(f"{name}({x}) raises {error!r}")
        else:
            world.returned(call, result)
        place.mapping.clear()
        place.mapping.update(world.mapping)

    def place(self, fresh: bool = False) -> Place:
        """A place: a new one, or an old one, or one that has something of both; or one without any session."""
        world = self.world
        old = [place for place in self.places if not fresh or world.is_fresh(place)]
        kind = self.chance.random()
        if kind < 0.1:
            return world.open(["mapping"])
        if old and kind < 0.5:
            return self.chance.choice(old)
        place = world.open(ALL_BINDINGS, self.chance.choice(old) if old and kind < 0.9 else None)
        self.places.append(place)
        return place

    def every(self) -> list[tuple[str, int]]:
        """All calls, in some order."""
        calls = self.world.graph.calls()
        self.chance.shuffle(calls)
        return calls

    def some(self) -> tuple[str, int]:
        """Some call."""
        return self.chance.choice(self.world.graph.calls())

    def live(self) -> GraphWorld:
        """Lives, and gives the judge."""
        self.loop = asyncio.new_event_loop() if self.awaited else None
        try:
            if self.moves:
                self.move_on()
            self.stand_still()
        finally:
            if self.loop:
                tasks.end(self.loop)
        return self.world

    def move_on(self) -> None:
        """Calls while the data moves, between them and in the midst of them."""
        self.world.rate = self.chance.choice([0, 0.02, 0.1])
        for _ in range(self.chance.randrange(5, 40)):
            if self.chance.random() < 0.2:
                self.world.move()
            self.call(self.place(), *self.some())
        self.world.rate = 0.0
        for _ in range(self.chance.randrange(10)):
            self.call(self.place(), *self.some())

    def stand_still(self) -> None:
        """From now on nothing moves, so in sessions that have not seen it move nothing runs twice."""
        world = self.world
        world.log.append("the data stands still")
        world.runs.clear()
        for _ in range(2):
            for name, x in self.every():
                if self.moves and self.chance.random() < 0.3:
                    world.counts_runs = False
                    self.call(self.place(), *self.some())
                    world.counts_runs = True
                self.call(self.place(fresh=True), name, x)
                if world.complaints:
                    return
            world.expect(
                len(world.runs) <= len(world.graph.calls()) and set(world.runs.values()) <= {1},
                f"ran twice: {[each for each, count in world.runs.items() if count > 1]}",
            )
        if not self.moves:
            world.check_counts()


async def called(function: Any, *args: Any) -> Any:
    """What can be made a task of."""
    answer = function(*args)
    return await answer if inspect.isawaitable(answer) else answer


def one_life(seed: int, _threads: int = 1) -> GraphWorld:
    """A world of one of four kinds."""
    world = Life(seed, awaited=bool(seed & 1), moves=bool(seed & 2)).live()
    if world.complaints:
        world.complaints[:] = [world.report()]
    return world


if __name__ == "__main__":
    sys.exit(rounds("Random functions that call each other, under a judge that knows only the data.", one_life))
