"""The small world of `sides` on the package, all of whose functions are coroutine functions, in one event loop.

What a function does while it runs is written for plain functions. It runs in a greenlet, from which a call can be
awaited.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent, greenlet

from tests.model.oracle import Made, Span, Terms
from tests.model.real_side import RealSide
from tests.model.sides import Side, pick
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable


class Body(greenlet):
    """A plain function that can wait for coroutines."""


async def driven(function: Callable[..., Any], *args: Any) -> Any:
    """Runs a plain function to its end, and awaits what it wants awaited."""
    body = Body(function)
    body.gr_context = copy_context()
    wanted = body.switch(*args)
    while not body.dead:
        try:
            value = await wanted
        except Exception as error:  # noqa: PERF203 # each may fail
            wanted = body.throw(error)
        else:
            wanted = body.switch(value)
    return wanted


class AwaitedSide(RealSide):
    """The world on the package. Every call is awaited to its end."""

    def __init__(self, functions: list[Terms], keys: list[Callable[[], Hashable]], judged: bool = True) -> None:
        self.loop = asyncio.new_event_loop()
        self.complaints: list[Any] = []
        self.loop.set_exception_handler(lambda _loop, context: self.complaints.append(context))
        super().__init__(functions, keys, judged)

    def decorate(self, terms: Terms, version: object) -> Any:
        def place() -> Any:
            return None if self.place is None else self.mappings[self.place]

        return versioned_lru_cache(
            version=version,
            # A context variable that a function sets stays with its task, so here it is no place for all.
            session={"current": place, "var": place, "first": self.mappings[0], "ambient": None}[terms.session],
            maxsize=terms.maxsize,
            ttl=terms.ttl,
            typed=terms.typed,
            cache_if=pick if terms.picky else None,
            name=terms.name,
        )(self.awaited(self.function(terms)))

    def awaited(self, function: Callable[[Hashable], Made]) -> Callable[[Hashable], Coroutine[Any, Any, Made]]:
        async def awaited(argument: Hashable) -> Made:
            await asyncio.sleep(0)
            made: Made = await driven(function, argument)
            await asyncio.sleep(0)
            return made

        return awaited

    def version(self, label: str) -> object:
        plain = super().version(label)
        if not callable(plain) or label == "y":  # One of them stays a plain function.
            return plain
        if label == "each":

            async def each(argument: Hashable) -> object:
                await asyncio.sleep(0)
                return plain(argument)

            return each

        async def version() -> object:
            await asyncio.sleep(0)
            return plain()

        return version

    def do_switch(self, place: int | None) -> None:
        Side.do_switch(self, place)

    def call(self, terms: Terms, span: Span | None, argument: Hashable) -> Made:
        coroutine = self.writing.call(self.cached[terms.name], argument)
        body = getcurrent()
        made = body.parent.switch(coroutine) if isinstance(body, Body) else self.loop.run_until_complete(coroutine)
        assert isinstance(made, Made)
        return made

    def close(self) -> None:
        super().close()
        left = asyncio.all_tasks(self.loop)
        self.loop.close()
        assert not left
        assert not self.complaints
