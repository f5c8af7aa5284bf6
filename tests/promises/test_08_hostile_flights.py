"""Promise 8: garbage collections, and keys and values whose methods call the cache, while threads compute and wait."""

from __future__ import annotations

from typing import Any

import pytest

from tests.programs import hostile_flights
from tests.support.child import each_bound, run

pytestmark = pytest.mark.child


@pytest.mark.parametrize("generation", [0, 2])
def test_garbage_collections_while_threads_compute_and_wait(generation: int) -> None:
    run(hostile_flights.garbage_collections_while_threads_compute_and_wait, generation)


def test_what_nobody_needs_any_more_is_collected_though_it_was_waited_for() -> None:
    run(hostile_flights.what_nobody_needs_any_more_is_collected_though_it_was_waited_for)


@pytest.mark.parametrize("method", ["__eq__", "__hash__"])
@each_bound({}, {"session": {}}, {"maxsize": 1}, {"wait": 0})
def test_keys_that_call_the_cache_during_a_flight(method: str, bound: dict[str, Any]) -> None:
    """A lookup among flights compares keys too. The comparing thread calls for the very key that is computed."""
    run(hostile_flights.keys_that_call_the_cache_during_a_flight, method, bound)


def test_an_equality_that_waits_for_the_flight_it_is_compared_with() -> None:
    """To compare, it calls for the key that is computed: so the caller waits within a lookup."""
    run(hostile_flights.an_equality_that_waits_for_the_flight_it_is_compared_with)


def test_a_value_whose_destructor_calls_the_cache_while_it_is_replaced() -> None:
    run(hostile_flights.a_value_whose_destructor_calls_the_cache_while_it_is_replaced)


def test_a_destructor_that_wants_what_its_own_thread_computes() -> None:
    run(hostile_flights.a_destructor_that_wants_what_its_own_thread_computes)


def test_a_destructor_that_takes_its_time_when_the_traceback_of_a_failure_is_set_back() -> None:
    """Each who waited gets the same exception; what its traceback has got of another who raised it is dropped."""
    run(hostile_flights.a_destructor_that_takes_its_time_when_the_traceback_of_a_failure_is_set_back)
