"""Cached functions as fixtures and tests of pytest, and in them."""

from __future__ import annotations

import pytest

from versioned_lru_cache import CachedFunction, versioned_lru_cache

pytestmark = pytest.mark.thread_unsafe(reason="cached functions as tests are more than pytest-run-parallel knows")

cached = versioned_lru_cache(lambda: 1)


@cached
def listed(a: int) -> list[int]:
    return [a]


@pytest.fixture
@cached
def one() -> tuple[int, ...]:
    return (1,)


@pytest.fixture(params=[1, 2])
@cached
def parametrized(request: pytest.FixtureRequest) -> list[int]:
    return [request.param]


@pytest.fixture
def calls_one() -> list[int]:
    return listed(1)


@pytest.fixture
def function() -> CachedFunction[[int], list[int]]:
    @cached
    def f(a: int, /) -> list[int]:
        return [a]

    return f


def test_a_cached_fixture(one: tuple[int, ...]) -> None:
    assert one == (1,)


def test_a_cached_fixture_with_parameters(parametrized: list[int]) -> None:
    assert parametrized in ([1], [2])


def test_fixtures_that_use_cached_functions(calls_one: list[int], function: CachedFunction[[int], list[int]]) -> None:
    assert calls_one is listed(1)
    assert function(1) is function(1)


@cached
def test_a_cached_test(one: tuple[int, ...]) -> None:
    assert one == (1,)


class TestInAClass:
    @pytest.fixture
    @cached
    def own(self) -> tuple[int, ...]:
        return (2,)

    @pytest.mark.parametrize("number", [1, 2])
    @cached
    def test_method(self, own: tuple[int, ...], number: int) -> None:
        assert own == (2,)
        assert number in (1, 2)
