"""Promise 2: what one call of a session was shown of a run, the run itself returns, and every call after it."""

from __future__ import annotations

import operator
import threading
from contextvars import Context, copy_context
from typing import Any

from versioned_lru_cache import Lag, Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import is_validating


def test_what_a_session_was_shown_while_it_was_validated_is_what_the_run_returns() -> None:
    shown: list[Any] = []

    def version() -> int:
        if is_validating() and not shown:
            beside = threading.Thread(target=lambda: shown.append(within.run(f)))
            beside.start()
            beside.join(30)
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
