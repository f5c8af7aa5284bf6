"""One row that moves, cached functions over it that use each other, and sessions of each kind to call them in."""

from __future__ import annotations

import inspect
from collections import Counter
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, g

from tests.support import sources, tasks
from versioned_lru_cache import session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    Test = Callable[..., Coroutine[Any, Any, None]]

KINDS = sources.KINDS
PLACES = ["dict", "variable", "g", "ambient"]

# Whether the row moves while something is computed.
still_or_moving = pytest.mark.parametrize("moves", [False, True], ids=["still", "moving"])


class Places:
    """Where sessions lie. What is bound to `binding` takes part in the innermost block of `new`."""

    def __init__(self, kind: str = "dict") -> None:
        self.kind = kind
        self.current: dict[str, Any] | None = None
        self.variable: ContextVar[dict[str, Any]] = ContextVar("place")
        self.app = Flask(__name__)
        bindings = {"dict": lambda: self.current, "variable": self.variable, "g": g, "ambient": None}
        self.binding: Any = bindings[kind]

    @contextmanager
    def new(self) -> Iterator[None]:
        """A block with a session of its own. Blocks nest, and the outer counts again when the inner is over."""
        if self.kind == "dict":
            before, self.current = self.current, {}
            try:
                yield
            finally:
                self.current = before
        elif self.kind == "variable":
            token = self.variable.set({})
            try:
                yield
            finally:
                self.variable.reset(token)
        else:
            with self.app.app_context() if self.kind == "g" else session():
                yield


def flat(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """The plain function that does what a coroutine function does, which waits for nothing then."""

    def plain(*args: Any, **kwargs: Any) -> Any:
        return sources.now(function(*args, **kwargs))

    plain.__name__, plain.__qualname__, plain.__module__ = function.__name__, function.__qualname__, function.__module__
    plain.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return plain


class Site:
    """Functions of one kind, all of the row. Tells which ran, and which were asked for their version."""

    def __init__(self, place: str = "dict", *, awaited: bool = False, asks_awaited: bool = False) -> None:
        self.places = Places(place)
        self.awaited, self.asks_awaited = awaited, asks_awaited
        self.row = 1
        self.runs: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        # What a version function raises in place of answering.
        self.fails: dict[str, BaseException] = {}

    def new(self) -> Any:
        """A block with a session of its own."""
        return self.places.new()

    def version(
        self, name: str, *uses: Any, takes: bool = False, answer: Callable[..., Any] | None = None
    ) -> Callable[..., Any]:
        """A version function that asks others, and answers with the row, or what `answer` is of what it is given.

        If it `takes` something, that is the first argument of the call, else nothing.
        """

        async def answered(*args: Any) -> Any:
            self.asked[name] += 1
            for use in uses:
                await self.call(use)
            if name in self.fails:
                raise self.fails[name]
            return self.row if answer is None else answer(*args)

        async def with_argument(x: Any = 0) -> Any:
            return await answered(x)

        async def without() -> Any:
            return await answered()

        made = with_argument if takes else without
        return made if self.asks_awaited else flat(made)

    def function(self, *uses: Any, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        """What returns the row and what it has from others: cached functions, or whatever else can be called."""

        async def function(x: Any = 0) -> Any:
            self.runs[name] += 1
            parts = [await self.call(use) for use in uses]
            return (name, x, self.row, *parts)

        return function

    def cached(
        self,
        name: str,
        *uses: Any,
        version: Any = None,
        body: Callable[..., Coroutine[Any, Any, Any]] | None = None,
        for_versions: bool = False,
        **options: Any,
    ) -> Any:
        """That, or another body, cached, with a version function of its own unless one is given.

        What is made `for_versions` may be used by version functions, which may be plain where functions are not.
        """
        version = self.version(name) if version is None else version
        awaited = self.asks_awaited if for_versions else self.awaited
        function = self.function(*uses, name=name) if body is None else body
        cached = versioned_lru_cache(version, session=self.places.binding, name=name, **options)
        return cached(function if awaited else flat(function))

    def function_with(self, function: Callable[..., Any], *args: Any) -> Callable[[], Any]:
        """A use of a function that gives it these arguments."""
        return lambda: function(*args)

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Calls what may be a function of either kind."""
        answer = function(*args)
        return await answer if inspect.isawaitable(answer) else answer

    async def fresh(self, function: Callable[..., Any], *args: Any) -> Any:
        """What a session gets that begins now."""
        with self.new():
            return await self.call(function, *args)

    def rows(self, result: Any) -> list[int]:
        """The rows from which a result and its parts were made."""
        return [result[2], *(row for part in result[3:] for row in self.rows(part))]

    async def check_truth(self, function: Callable[..., Any], *args: Any) -> None:
        """A session that begins now sees the row of now and nothing else, and what it sees is stored for the next."""
        first = await self.fresh(function, *args)
        assert set(self.rows(first)) == {self.row}, f"stale: {first}"
        assert await self.fresh(function, *args) is first


def validations(function: Any) -> tuple[int, int]:
    """How many validations of what a function has read held, and how many did not."""
    stats = function.cache_stats()
    return stats.validated, stats.invalidated


def run(site: Site, main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Runs what calls functions of a site: in a loop of its own if they are coroutine functions."""
    return tasks.run(main) if site.awaited else sources.now(main())


def kinds_of(kinds: dict[str, dict[str, bool]], places: list[str]) -> Callable[[Test], Callable[..., None]]:
    """Makes tests of these kinds of functions, in sessions at these places."""

    def decorate(test: Test) -> Callable[..., None]:
        def tested(place: str, kind: str, **more: Any) -> None:
            site = Site(place, **kinds[kind])
            run(site, lambda: test(site, **more))

        tested.__name__, tested.__doc__, tested.__module__ = test.__name__, test.__doc__, test.__module__
        tested.__dict__.update(test.__dict__)  # what it is marked with
        names = ["place", "kind", *list(inspect.signature(test).parameters)[1:]]
        tested.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
        )
        marked: Callable[..., None] = pytest.mark.parametrize("kind", kinds)(tested)
        marked = pytest.mark.parametrize("place", places)(marked)
        return marked

    return decorate


everywhere = kinds_of(KINDS, PLACES)
of_each_kind = kinds_of(KINDS, ["dict"])
with_tasks = kinds_of({kind: options for kind, options in KINDS.items() if kind != "plain"}, PLACES)
in_each_place = kinds_of({"plain": {}}, PLACES)
