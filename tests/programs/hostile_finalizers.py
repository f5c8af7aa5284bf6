"""Finalizers that call the cache while context variables are set, sessions end and Flask pushes contexts."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
from typing import TYPE_CHECKING

from versioned_lru_cache import current_session, session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

numbers = itertools.count()
var = contextvars.ContextVar("var")


@versioned_lru_cache(version=1)
def f(x):
    return [x]


@versioned_lru_cache(lambda: f(next(numbers))[0])
def g(x):
    return [x]


@versioned_lru_cache(version=1)
async def h(x):
    return [x]


def a_session() -> None:
    with session():
        f(1)


def a_session_in_a_mapping() -> None:
    with session({}):
        f(1)


# What a finalizer does, by which the context changes.
DONE: dict[str, Callable[[], object]] = {
    "a miss": lambda: f(next(numbers)),
    "a version": lambda: g(1),
    "a refresh": lambda: f.cache_refresh(1),
    "a session": a_session,
    "a session in a mapping": a_session_in_a_mapping,
    "a miss in an event loop": lambda: asyncio.run(h(next(numbers))),
}


class InACycle:
    """Dies in a garbage collection, and does what it is told then."""

    def __init__(self, done: str) -> None:
        self.itself: InACycle | None = self
        self.act = DONE[done]

    def __del__(self) -> None:
        self.act()


def a_finalizer_in_the_midst_of_a_set(done: str, turns: int) -> None:
    others = [contextvars.ContextVar(str(number)) for number in range(40)]
    for variable in others:
        variable.set(0)  # A tree that is deep takes allocations to change.
    for turn in range(turns):
        var.set(turn)
        others[turn % 40].set(turn)
        InACycle(done)
        assert var.get() == turn


def a_finalizer_in_the_midst_of_a_block(done: str, turns: int) -> None:
    for turn in range(turns):
        with session() as own:
            f(turn)
            InACycle(done)
            assert current_session() is own
        assert current_session() is None


def what_dies_with_its_session(done: str) -> None:
    @versioned_lru_cache(lambda: 1, maxsize=1)
    def object_for(x):
        made = InACycle(done)
        made.itself = None
        return made

    for place in (None, {}):
        for turn in range(2_000):
            around = session()
            outer = around.__enter__() if turn % 2 else None
            with session(place):
                object_for(0)
                object_for.cache_clear()
                object_for(1)
                object_for(2)
            assert current_session() is outer, turn
            assert not place
            if outer is not None:
                around.__exit__()
            assert current_session() is None
            assert contextvars.copy_context().get(var) is None


def a_flask_context_that_is_pushed_meanwhile() -> None:
    from flask import Flask
    from flask import g as names

    app = Flask("app")

    @versioned_lru_cache(lambda: 1, session=names)
    def in_g(x):
        return [x]

    for turn in range(5_000):
        with app.app_context():
            in_g(turn % 3)
            InACycle("a miss")
