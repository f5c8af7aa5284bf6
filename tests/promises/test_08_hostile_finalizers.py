"""Promise 8: finalizers that call the cache while anybody changes a context variable. Before CPython 3.12 the
collector, and with it a finalizer, runs in the midst of `ContextVar.set` itself."""

from __future__ import annotations

import pytest

from tests.support.child import run as run_child

pytestmark = pytest.mark.child

# What a finalizer does, by which the context changes.
DONE = {
    "a miss": "f(next(numbers))",
    "a version": "g(1)",
    "a refresh": "f.cache_refresh(1)",
    "a session": "with session(): f(1)",
    "a session in a mapping": "with session({}): f(1)",
    "a miss in an event loop": "asyncio.run(h(next(numbers)))",
}
PRELUDE = """
import asyncio, contextvars, itertools
from versioned_lru_cache import current_session, session, versioned_lru_cache

numbers = itertools.count()
var = contextvars.ContextVar("var")

@versioned_lru_cache(1)
def f(x):
    return [x]

@versioned_lru_cache(lambda: f(next(numbers))[0])
def g(x):
    return [x]

@versioned_lru_cache(1)
async def h(x):
    return [x]

class InACycle:
    def __init__(self):
        self.itself = self
    def __del__(self):
        DO
"""


def run(code: str) -> None:
    """With allocators that fill what is freed, so that whoever goes on to read it is caught."""
    run_child(code, PYTHONMALLOC="debug")


def prelude(done: str) -> str:
    return PRELUDE.replace("DO", DONE[done])


@pytest.mark.parametrize("done", DONE)
def test_a_finalizer_in_the_midst_of_a_set(done: str) -> None:
    """Each turn changes the variable and leaves a cycle behind; the collector comes when enough has been allocated."""
    turns = 3_000 if "loop" in done else 60_000
    run(
        prelude(done)
        + f"""
others = [contextvars.ContextVar(str(number)) for number in range(40)]
for variable in others:
    variable.set(0)  # A tree that is deep takes allocations to change.
for turn in range({turns}):
    var.set(turn)
    others[turn % 40].set(turn)
    InACycle()
    assert var.get() == turn
"""
    )


@pytest.mark.parametrize("done", DONE)
def test_a_finalizer_in_the_midst_of_a_block(done: str) -> None:
    turns = 1_000 if "loop" in done else 20_000
    run(
        prelude(done)
        + f"""
for turn in range({turns}):
    with session() as own:
        f(turn)
        InACycle()
        assert current_session() is own
    assert current_session() is None
"""
    )


@pytest.mark.parametrize("done", DONE)
def test_what_dies_with_its_session(done: str) -> None:
    """The results of a session go with it, where its block is left; what they do then has no effect but its own."""
    run(
        prelude(done)
        + """
@versioned_lru_cache(lambda: 1, maxsize=1)
def object_for(x):
    made = InACycle()
    made.itself = None
    return made

for place in (None, {}):
    for turn in range(2_000):
        around = session()
        outer = around.__enter__() if turn % 2 else None
        with session(place):
            object_for(0)
            object_for.cache_clear()
            object_for(1), object_for(2)
        assert current_session() is outer, turn
        assert not place
        if outer is not None:
            around.__exit__()
        assert current_session() is None
        assert contextvars.copy_context().get(var) is None
"""
    )


def test_a_flask_context_that_is_pushed_meanwhile() -> None:
    pytest.importorskip("flask")
    run(
        prelude("a miss")
        + """
from flask import Flask, g as names

app = Flask("app")

@versioned_lru_cache(lambda: 1, session=names)
def in_g(x):
    return [x]

for turn in range(5_000):
    with app.app_context():
        in_g(turn % 3)
        InACycle()
"""
    )
