"""Promise 8: the garbage collector comes where it is least expected, and what it finalizes uses the cache."""

from __future__ import annotations

import pytest

from tests.programs import hostile_collections
from tests.support.child import run

pytestmark = pytest.mark.child


def test_a_finalizer_that_calls_the_cache_while_a_call_begins() -> None:
    """Before 3.12 the collector runs in the midst of an allocation, here in each of a call's in turn."""
    run(hostile_collections.a_finalizer_that_calls_the_cache_while_a_call_begins, PYTHONMALLOC="debug")


def test_a_collection_while_a_function_is_decorated() -> None:
    run(hostile_collections.a_collection_while_a_function_is_decorated)


def test_a_collector_that_is_turned_off_meanwhile_stays_off() -> None:
    run(hostile_collections.a_collector_that_is_turned_off_meanwhile_stays_off)
