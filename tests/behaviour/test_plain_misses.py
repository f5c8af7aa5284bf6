"""Misses of which nothing is known: what happens while the function runs decides what becomes of the result."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import Versioned, session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

SESSIONS = pytest.mark.parametrize("within", [nullcontext, session], ids=["in none", "in a session"])
VERSIONS = pytest.mark.parametrize("version", ["v", lambda: 1], ids=["constant", "asked"])


@SESSIONS
@VERSIONS
def test_it_is_stored_and_counted(version: Any, within: Callable[[], Any]) -> None:
    @versioned_lru_cache(version, maxsize=2)
    def f(x: int) -> object:
        return object()

    with within() as own:
        results = [f(x) for x in range(4)]
        assert [f(3), f(2)] == [results[3], results[2]]
        if own is not None:
            assert own.cache_status().count("fwd=miss; stored") == 4
            assert f(0) is results[0], "the session sees again what it has seen"
    info = f.cache_info()
    assert (info.misses, info.currsize, f.cache_stats().evictions) == (4, 2, 2)


@SESSIONS
@VERSIONS
@pytest.mark.parametrize("how", ["clear", "invalidate", "put", "call"])
def test_what_happens_to_its_key_meanwhile_counts(how: str, version: Any, within: Callable[[], Any]) -> None:
    runs: list[int] = []

    @versioned_lru_cache(version)
    def f(x: int) -> object:
        runs.append(x)
        if len(runs) == 2:
            if how == "clear":
                f.cache_clear()
            elif how == "invalidate":
                f.cache_invalidate(2)
            elif how == "put":
                f.cache_put(Versioned("put", version if isinstance(version, str) else 1), 2)
            else:
                f(2)
        return len(runs)

    with within():
        f(1)
        first = f(2)
        assert first == (3 if how == "call" else 2), "it returns its own"
    if how in {"clear", "invalidate"}:
        assert not f.cache_contains(2)
    else:
        assert f.cache_peek(2) == Versioned("put" if how == "put" else 3, version if isinstance(version, str) else 1)


@SESSIONS
@VERSIONS
def test_a_failure_and_what_is_more_than_a_value(version: Any, within: Callable[[], Any]) -> None:
    answers: list[Any] = [1]

    @versioned_lru_cache(version)
    def f(x: int) -> Any:
        if isinstance(answers[-1], Exception):
            raise answers[-1]
        return answers[-1]

    with within():
        f(1)
        answers.append(LookupError("down"))
        with pytest.raises(LookupError, match="down"):
            f(2)
        assert f.cache_stats().errors == 1
        answers.append(iter([]))
        with pytest.raises(TypeError, match="iterator"):
            f(3)
        answers.append(x for x in [1])
        with pytest.raises(TypeError, match="generator"):
            f(3)
        answers.append(Versioned("told", version if isinstance(version, str) else 1))
        assert f(3) == "told"
        answers.append((1, 2))
        assert f(4) == (1, 2)
    assert f.cache_peek(3) == answers[-2]
    assert not f.cache_contains(5)


def test_what_was_made_with_something_older_is_its_sessions_only() -> None:
    number = [1]

    @versioned_lru_cache(lambda: number[0])
    def inner() -> int:
        return number[0]

    @versioned_lru_cache(lambda: 1)
    def outer(x: int) -> int:
        return inner() if x == 2 else 0

    with session():
        assert inner() == 1
        outer(1)
        number[0] = 2
        assert outer(2) == 1, "its session sees what it saw"
        assert outer(2) == 1
    with session():
        assert outer(2) == 2
