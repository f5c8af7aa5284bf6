"""Promise 2: what one call of a session was shown of a run, the run itself returns, and every call meanwhile and
after it."""

from __future__ import annotations

import operator
import threading
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from versioned_lru_cache import Lag, Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import is_validating

if TYPE_CHECKING:
    from collections.abc import Callable


def in_thread(act: Callable[[], object]) -> None:
    beside = threading.Thread(target=act)
    beside.start()
    beside.join(30)
    assert not beside.is_alive()


def test_what_a_session_was_shown_while_it_was_validated_is_what_the_run_returns() -> None:
    shown: list[Any] = []

    def version() -> int:
        if is_validating() and not shown:
            in_thread(lambda: shown.append(within.run(f)))
            Context().run(f.cache_put, Versioned("of a later version", 2))
        return 1

    @versioned_lru_cache(version)
    def part() -> int:
        return 1

    @versioned_lru_cache(lambda: 1, lag=Lag(order=operator.ge))
    def f() -> object:
        part()
        return Versioned(object(), 1)

    with session():
        within = copy_context()
        part()
        own = f()
        assert shown == [own]
        assert f() is own


def test_what_a_session_was_shown_it_is_shown_again_though_a_later_version_was_stored() -> None:
    shown: list[Any] = []

    def version() -> int:
        if is_validating() and not shown:
            in_thread(lambda: shown.append(within.run(f)))
            Context().run(f.cache_put, Versioned("of a later version", 2))
            in_thread(lambda: shown.append(within.run(f)))
        return 1

    @versioned_lru_cache(version)
    def part() -> int:
        return 1

    @versioned_lru_cache(lambda: 1)
    def f() -> object:
        part()
        return object()

    with session():
        within = copy_context()
        part()
        own = f()
        assert shown == [own, own]
        assert f() is own


def test_what_a_session_was_shown_is_stored_when_it_is_validated() -> None:
    shown: list[Any] = []

    def version() -> int:
        if is_validating() and not shown:
            in_thread(lambda: shown.append(within.run(f)))
        return 1

    @versioned_lru_cache(version)
    def part() -> int:
        return 1

    @versioned_lru_cache(lambda: 1)
    def f() -> object:
        part()
        return object()

    with session():
        within = copy_context()
        part()
        own = f()
    assert shown == [own]
    assert f() is own
    assert f.cache_info().misses == 1
