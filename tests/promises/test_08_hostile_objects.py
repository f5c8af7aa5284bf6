"""Promise 8: keys, versions and values whose own methods call the cache, change it or raise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.programs import hostile_objects
from tests.support.child import SESSIONS, run

pytestmark = pytest.mark.child


@SESSIONS
@pytest.mark.parametrize("method", ["__eq__", "__hash__"])
def test_a_key_that_calls_the_cache(bound: dict[str, Any], method: str) -> None:
    run(hostile_objects.a_key_that_calls_the_cache, bound, method)


@SESSIONS
def test_a_version_that_calls_the_cache_when_compared(bound: dict[str, Any]) -> None:
    run(hostile_objects.a_version_that_calls_the_cache_when_compared, bound)


@SESSIONS
def test_a_value_that_calls_the_cache_when_it_dies(bound: dict[str, Any]) -> None:
    run(hostile_objects.a_value_that_calls_the_cache_when_it_dies, bound)


def test_a_key_that_calls_the_cache_when_it_dies() -> None:
    run(hostile_objects.a_key_that_calls_the_cache_when_it_dies)


@SESSIONS
def test_an_eq_that_raises_reaches_its_own_caller_only(bound: dict[str, Any]) -> None:
    run(hostile_objects.an_eq_that_raises_reaches_its_own_caller_only, bound)


def test_an_eq_that_raises_never_reaches_the_caller_of_another_key() -> None:
    run(hostile_objects.an_eq_that_raises_never_reaches_the_caller_of_another_key)


@SESSIONS
def test_an_eq_that_changes_the_cache(bound: dict[str, Any]) -> None:
    run(hostile_objects.an_eq_that_changes_the_cache, bound)


@SESSIONS
@pytest.mark.parametrize("call", ["f(key)", "f(0, key)", "f(x=key)"])
def test_what_comes_in_the_place_of_a_key_while_it_is_compared(bound: dict[str, Any], call: str) -> None:
    run(hostile_objects.what_comes_in_the_place_of_a_key_while_it_is_compared, bound, call)


def test_an_eq_that_never_settles_ends_all_the_same() -> None:
    run(hostile_objects.an_eq_that_never_settles_ends_all_the_same)


def test_an_eq_that_raises_inside_a_tuple_never_reaches_the_caller_of_another_key() -> None:
    run(hostile_objects.an_eq_that_raises_inside_a_tuple_never_reaches_the_caller_of_another_key)


def test_a_lookup_that_never_settles_is_an_error() -> None:
    run(hostile_objects.a_lookup_that_never_settles_is_an_error)
