"""Promise 8: finalizers that call the cache while anybody changes a context variable. Before CPython 3.12 the
collector, and with it a finalizer, runs in the midst of `ContextVar.set` itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.programs import hostile_finalizers
from tests.support.child import run as run_child

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.child

EACH = pytest.mark.parametrize("done", hostile_finalizers.DONE)


def run(program: Callable[..., None], *arguments: object) -> None:
    """With allocators that fill what is freed, so that whoever goes on to read it is caught."""
    run_child(program, *arguments, PYTHONMALLOC="debug")


@EACH
def test_a_finalizer_in_the_midst_of_a_set(done: str) -> None:
    """Each turn changes the variable and leaves a cycle behind; the collector comes when enough has been allocated."""
    run(hostile_finalizers.a_finalizer_in_the_midst_of_a_set, done, 3_000 if "loop" in done else 60_000)


@EACH
def test_a_finalizer_in_the_midst_of_a_block(done: str) -> None:
    run(hostile_finalizers.a_finalizer_in_the_midst_of_a_block, done, 1_000 if "loop" in done else 20_000)


@EACH
def test_what_dies_with_its_session(done: str) -> None:
    """The results of a session go with it, where its block is left; what they do then has no effect but its own."""
    run(hostile_finalizers.what_dies_with_its_session, done)


def test_a_flask_context_that_is_pushed_meanwhile() -> None:
    pytest.importorskip("flask")
    run(hostile_finalizers.a_flask_context_that_is_pushed_meanwhile)
