"""The small world of `fresh_sides` on the package, all of whose functions are coroutine functions, in one loop."""

from __future__ import annotations

import asyncio
from contextvars import Context
from functools import partial, wraps
from typing import TYPE_CHECKING, Any
from unittest import mock

from greenlet import getcurrent

from tests.model.awaited_side import Body, driven
from tests.model.fresh_real_side import RealSide
from versioned_lru_cache import _async

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.model.fresh_oracle import Terms


class AwaitedSide(RealSide):
    """The world on the package. Every call is awaited to its end."""

    def __init__(self, functions: list[Terms]) -> None:
        self.loop = asyncio.new_event_loop()
        self.complaints: list[Any] = []
        self.loop.set_exception_handler(lambda _loop, context: self.complaints.append(context))
        super().__init__(functions)
        self.stack.enter_context(mock.patch.object(_async, "begin_task", self.behind.append))

    def function(self, terms: Terms) -> Callable[..., Coroutine[Any, Any, object]]:
        return self.awaited(super().function(terms))

    def revalidate(self, terms: Terms) -> Callable[..., Coroutine[Any, Any, object]]:
        return self.awaited(super().revalidate(terms))

    def awaited(self, function: Callable[..., object]) -> Callable[..., Coroutine[Any, Any, object]]:
        @wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> object:
            await asyncio.sleep(0)
            answer: object = await driven(partial(function, **kwargs), *args)
            await asyncio.sleep(0)
            return answer

        return awaited

    def wait(self, coroutine: Any) -> object:
        """Awaits something, in a function that runs or outside of all."""
        body = getcurrent()
        return body.parent.switch(coroutine) if isinstance(body, Body) else self.loop.run_until_complete(coroutine)

    def call(self, name: str, key: int) -> object:
        return self.wait(super().call(name, key))

    def refresh(self, name: str, key: int) -> object:
        async def refresh() -> object:
            return await RealSide.refresh(self, name, key)

        return self.wait(refresh())

    def do_behind(self) -> None:
        async def run() -> None:
            await Context().run(asyncio.ensure_future, _async._refresh(self.behind.pop(0)))

        if self.behind:
            self.wait(run())

    def end(self) -> None:
        super().end()
        left = asyncio.all_tasks(self.loop)
        self.loop.close()
        assert not left
        assert not self.complaints
