"""What a page costs that is made of many cached parts, in a session that has read one of them before."""

from __future__ import annotations

import time
from contextvars import Context, ContextVar
from itertools import repeat
from typing import TYPE_CHECKING, Any

from measuring import Sample, Section
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS = 20


def parts_of(cached: Callable[[Callable[..., Any]], Callable[..., Any]]) -> tuple[Callable[[], int], Callable[[], int]]:
    """A user, and a page of so many parts, each of which asks who the user is."""

    @cached
    def user() -> int:
        return 1

    @cached
    def part(number: int) -> int:
        total: int = number + user()
        return total

    @cached
    def page() -> int:
        total: int = sum(part(number) for number in range(PARTS))
        return total

    return user, page


def nested_page(calls: int) -> Section:
    """The second session of a page, which begins with the user as the first did."""
    count = max(1, calls // 40)

    def visit(user: Callable[[], int], page: Callable[[], int], place: ContextVar[Any]) -> float:
        clock, took = time.perf_counter_ns, 0
        for _ in repeat(None, count):
            place.set({})
            began = clock()
            user()
            page()
            took += clock() - began
        return took / count

    def row() -> list[Sample]:
        place: ContextVar[Any] = ContextVar("place")
        user, page = parts_of(lambda function: versioned_lru_cache(lambda: 1, session=place)(function))
        plain_user, plain_page = parts_of(lambda function: function)

        def check() -> None:
            stats: Any = page.cache_stats()  # type: ignore[attr-defined]
            if (stats.misses, stats.not_stored) != (1, 0):
                raise RuntimeError(f"the page was not stored in its first session: {stats}")

        return [
            Sample("without a cache", lambda: Context().run(visit, plain_user, plain_page, place)),
            Sample("ours", lambda: Context().run(visit, user, page, place), check),
        ]

    return Section(
        name="nested",
        unit="ns",
        method=f"a page of {PARTS} cached parts that all use a cached user, in a new session that has used the user "
        "before",
        rows={f"a page of {PARTS} parts, second session": row},
        base="without a cache",
    )
