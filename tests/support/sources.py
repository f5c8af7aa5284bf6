"""A source whose version changes, fails and lags, and tests of cached plain and coroutine functions that read it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import calling, tasks
from versioned_lru_cache import Versioned, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

# Set where a test makes its calls. Work behind runs in a context of its own and sees the default.
DOWN = OSError("down")
IN_FRONT: ContextVar[bool] = ContextVar("IN_FRONT", default=False)


def given(answer: Any, *args: Any) -> Any:
    """What an answer stands for: an exception is raised, a callable called, anything else returned."""
    if isinstance(answer, BaseException):
        raise answer
    return answer(*args) if callable(answer) else answer


class Source:
    """What a cached function reads. Tells who asked for its version and who read it, in front of the caller or behind.

    ``version`` and ``gives`` are what the version function, and the function or `revalidate`, answer with (`given`).
    """

    def __init__(self, clock: MockClock, *, awaited: bool = False, asks_awaited: bool = False) -> None:
        self.clock = clock
        self.awaited, self.asks_awaited = awaited, asks_awaited
        self.version: Any = "v1"
        self.gives: Any = "old"
        self.front: Counter[str] = Counter()
        self.behind: Counter[str] = Counter()
        self.previous: list[Versioned[Any]] = []
        self.given_args: list[tuple[Any, ...]] = []
        self.raised: list[BaseException] = []

    def note(self, what: str) -> None:
        """Counts what happens."""
        (self.front if IN_FRONT.get() else self.behind)[what] += 1

    def answer(self, answer: Any, *args: Any) -> Any:
        """Answers, and keeps what is raised."""
        try:
            return given(answer, *args)
        except BaseException as error:
            self.raised.append(error)
            raise

    def ask(self) -> Any:
        """The version function."""
        self.note("asked")
        return self.answer(self.version)

    async def ask_awaited(self) -> Any:
        """The version function as a coroutine function."""
        await asyncio.sleep(0)
        return self.ask()

    def read(self, *args: Any) -> Any:
        """The function."""
        self.note("ran")
        self.given_args.append(args)
        return self.answer(self.gives)

    async def read_awaited(self, *args: Any) -> Any:
        """The function as a coroutine function."""
        await asyncio.sleep(0)
        return self.read(*args)

    def check(self, previous: Versioned[Any], *args: Any) -> Any:
        """What may be given as `revalidate`. A callable in ``gives`` is given what was there before."""
        self.note("revalidated")
        self.previous.append(previous)
        self.given_args.append(args)
        return self.answer(self.gives, *([previous] if callable(self.gives) else []))

    async def check_awaited(self, previous: Versioned[Any], *args: Any) -> Any:
        """The same as a coroutine function."""
        await asyncio.sleep(0)
        return self.check(previous, *args)

    def cached(self, *, revalidate: bool = False, constant: Any = None, **options: Any) -> Any:
        """A cached function of this source, with a constant version if one is given."""
        version = constant if constant is not None else self.ask_awaited if self.asks_awaited else self.ask
        if revalidate:
            options["revalidate"] = self.check_awaited if self.awaited else self.check

        def f(x: object = 1) -> Any:
            return self.read(x)

        async def coroutine(x: object = 1) -> Any:
            return await self.read_awaited(x)

        function: Any = coroutine if self.awaited else f
        return versioned_lru_cache(version, **options)(function)

    async def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls a cached function, or a method such as `cache_refresh`, as its kind is called."""
        answer = function(*args, **kwargs)
        return await answer if self.awaited else answer

    async def fails(self, kind: type[BaseException], function: Callable[..., Any], *args: Any) -> BaseException:
        """A call that raises exactly this; returns what it raised."""
        with pytest.raises(kind) as raised:
            await self.call(function, *args)
        assert type(raised.value) is kind
        return raised.value

    async def until(self, condition: Callable[[], object]) -> None:
        """Returns as soon as what runs behind has brought something about."""
        if self.awaited:
            await tasks.until(condition)
        else:
            calling.until(condition)

    async def settled(self) -> None:
        """Returns when all has ended, or at least begun, that was to run behind until now."""
        if self.awaited:
            await tasks.turns()
            return
        marker = Source(self.clock)
        f, outside = marker.cached(stale_while_revalidate=5), Context()  # in no session
        outside.run(f)
        marker.version = "v2"
        outside.run(f)
        calling.until(lambda: marker.behind["ran"] == 2, "a refresh behind")
        calling.until(lambda: f.cache_peek() == ("old", "v2"), "its result")

    def taken(self) -> Counter[str]:
        """What was counted in front since the last time."""
        counted, self.front = +self.front, Counter()
        return counted


def counts(**expected: int) -> Counter[str]:
    """As `Source.taken` tells it."""
    return Counter(expected)


def now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Runs a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise AssertionError("it waits")


def run(source: Source, main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Runs what calls functions of this source: in a loop of its own if they are coroutine functions."""
    token = IN_FRONT.set(True)
    try:
        return tasks.run(main) if source.awaited else now(main())
    finally:
        IN_FRONT.reset(token)


KINDS = {
    "plain": {},
    "coroutine": {"awaited": True},
    "both": {"awaited": True, "asks_awaited": True},
}


def of_each_kind(test: Callable[[Source], Coroutine[Any, Any, None]]) -> Callable[[str], None]:
    """Makes a test of each kind: with a plain function, with a coroutine function, and with both as such."""

    @pytest.mark.thread_unsafe(reason="one clock for the whole process")
    @pytest.mark.parametrize("kind", KINDS)
    def tested(kind: str) -> None:
        with MockClock() as clock:
            source = Source(clock, **KINDS[kind])
            run(source, lambda: test(source))

    tested.__name__, tested.__doc__, tested.__module__ = test.__name__, test.__doc__, test.__module__
    return tested
