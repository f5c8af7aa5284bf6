"""An old value that answers at once while a new one is made behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
import weakref
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs import ends_of_programs
from tests.support import calling, child, tasks
from tests.support.calling import Call, Gate
from tests.support.sources import DOWN, Source, counts, of_each_kind, run
from versioned_lru_cache import Refresh, _behind, current_session, session, set_refresh_context, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

MINE: ContextVar[str] = ContextVar("MINE", default="nobody's")


async def changed(source: Source, f: Any, *args: Any) -> None:
    """An old value is stored, and the version has changed since."""
    assert await source.call(f, *args) == "old"
    source.version, source.gives = "v2", "new"
    source.taken()
    source.behind.clear()


async def called_until(source: Source, f: Any, condition: Callable[[], object]) -> None:
    """Calls, and is answered with the old value, until something has come of it behind.

    One call may not be enough: what ran behind before can have told of its failure and not be over yet.
    """
    end = time.monotonic() + calling.WITHIN
    while not condition():
        assert time.monotonic() < end, "nothing comes of it"
        assert await source.call(f) == "old"
        await source.settled()


@of_each_kind
async def test_the_old_value_answers_and_the_next_call_gets_the_new_one(source: Source) -> None:
    f = source.cached(stale_while_revalidate=5)
    await changed(source, f)
    assert await source.call(f) == "old"
    assert source.taken() == counts(asked=1)
    await source.until(lambda: f.cache_peek() == ("new", "v2"))
    assert source.behind == counts(asked=1, ran=1)
    assert await source.call(f) == "new"
    await source.settled()
    assert source.behind == counts(asked=1, ran=1)


@of_each_kind
async def test_the_session_reads_on_what_it_was_told(source: Source) -> None:
    f = source.cached(stale_while_revalidate=5)
    source.gives = kept = ["old"]
    await source.call(f)
    with session() as handle:
        source.version, source.gives = "v2", ["new"]
        assert await source.call(f) is kept
        assert handle.stale == 1
        await source.until(lambda: f.cache_peek() == (["new"], "v2"))
        source.taken()
        assert await source.call(f) is kept
        assert source.taken() == counts()
    assert await source.call(f) == ["new"]


@of_each_kind
async def test_the_version_is_asked_anew_behind(source: Source) -> None:
    f = source.cached(stale_while_revalidate=5)
    await changed(source, f)
    source.version = lambda: "v2" if source.behind["asked"] == 0 else "v3"
    assert await source.call(f) == "old"
    await source.until(lambda: f.cache_peek() == ("new", "v3"))


@of_each_kind
async def test_for_less_than_that_time_after_the_ttl(source: Source) -> None:
    f = source.cached(ttl=10, stale_while_revalidate=5)
    await changed(source, f)
    source.clock.advance(14.999)
    assert await source.call(f) == "old"
    await source.until(lambda: f.cache_peek() == ("new", "v2"))
    source.clock.advance(15)
    source.gives = "newer"
    assert await source.call(f) == "newer"


@of_each_kind
async def test_for_less_than_that_time_after_the_first_observation_that_differs(source: Source) -> None:
    f = source.cached(stale_while_revalidate=5, retry_after=0)
    await changed(source, f)
    source.clock.advance(100)
    source.gives = DOWN
    for seconds in (0, 3, 1.999):
        source.clock.advance(seconds)
        failures = f.cache_stats().refresh_errors
        await called_until(source, f, lambda failures=failures: f.cache_stats().refresh_errors > failures)
    source.clock.advance(0.001)
    assert await source.fails(OSError, f) is DOWN


@of_each_kind
async def test_a_failure_behind_is_counted_logged_and_not_repeated_at_once(source: Source) -> None:
    f = source.cached(stale_while_revalidate=50, retry_after=2, name="the_report")
    await changed(source, f)
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger = logging.getLogger("versioned_lru_cache")
    logger.addHandler(handler)
    try:
        source.gives = DOWN
        assert await source.call(f) == "old"
        await source.until(lambda: f.cache_stats().refresh_errors == 1 and records)
    finally:
        logger.removeHandler(handler)
    assert [record.levelno for record in records] == [logging.WARNING]
    assert "the_report" in records[0].getMessage()
    assert records[0].exc_info is not None
    assert records[0].exc_info[1] is DOWN
    assert f.cache_peek() == ("old", "v1")
    source.clock.advance(1.999)
    assert await source.call(f) == "old"
    await source.settled()
    assert source.behind["ran"] == 1
    source.gives = "new"
    source.clock.advance(0.001)
    await called_until(source, f, lambda: f.cache_peek() == ("new", "v2"))
    assert source.behind["ran"] == 2


@of_each_kind
async def test_a_failure_behind_is_seen_by_no_caller(source: Source) -> None:
    f = source.cached(stale_while_revalidate=5)
    await changed(source, f)
    source.gives = DOWN
    before = f.cache_stats()
    assert await source.call(f) == "old"
    await source.until(lambda: f.cache_stats().refresh_errors == 1)
    assert f.cache_stats().errors == before.errors
    assert f.cache_stats().stale == before.stale + 1


@of_each_kind
async def test_revalidate_runs_behind_where_it_is_given(source: Source) -> None:
    f = source.cached(stale_while_revalidate=5, revalidate=True)
    await changed(source, f, 7)
    assert await source.call(f, 7) == "old"
    await source.until(lambda: f.cache_peek(7) == ("new", "v2"))
    assert source.behind == counts(asked=1, revalidated=1)
    assert source.previous == [("old", "v1")]


@of_each_kind
async def test_it_runs_in_no_session_and_in_a_context_of_its_own(source: Source) -> None:
    f = source.cached(stale_while_revalidate=5)
    await changed(source, f)
    seen: list[Any] = []

    def look() -> str:
        seen.append((current_session(), MINE.get()))
        return "new"

    source.gives = look
    token = MINE.set("the caller's")
    with session():
        assert await source.call(f) == "old"
    MINE.reset(token)
    await source.until(lambda: f.cache_peek() == ("new", "v2"))
    assert seen == [(None, "nobody's")]


@pytest.mark.parametrize("forget", [lambda f: f.cache_clear(), lambda f: f.cache_invalidate(1)], ids=["clear", "inv."])
@pytest.mark.thread_unsafe(reason="one clock for the whole process")
def test_a_clear_or_an_invalidation_is_not_undone_by_what_runs_behind(forget: Callable[[Any], None]) -> None:
    gate = Gate()
    with MockClock() as clock:
        source = Source(clock)
        f = source.cached(stale_while_revalidate=5)
        run(source, lambda: changed(source, f, 1))
        source.gives = lambda: gate.stop() or "new"
        assert f(1) == "old"
        gate.wait()
        forget(f)
        gate.open()
        run(source, source.settled)
        calling.until(lambda: f.cache_stats().not_stored)
        assert not f.cache_contains(1)


class Behind:
    """A plain function whose refresh behind stops at a gate."""

    def __init__(self, **options: Any) -> None:
        self.version, self.gate = 1, Gate()
        self.first = threading.get_ident()
        self.runs: list[tuple[Any, ...]] = []
        self.running = self.most = 0
        self.lock = threading.Lock()

        @versioned_lru_cache(lambda: self.version, stale_while_revalidate=1000, **options)
        def f(x: object = 1) -> tuple[object, int]:
            version = self.version
            self.runs.append((x, version))
            if version == 2:
                with self.lock:
                    self.running += 1
                    self.most = max(self.most, self.running)
                self.gate.stop()
                with self.lock:
                    self.running -= 1
            return x, version

        self.f: Any = f


def test_nobody_waits_for_it_and_one_runs_for_a_key() -> None:
    behind = Behind()
    behind.f(1)
    behind.version = 2
    for _ in range(5):
        assert behind.f(1) == (1, 1)
        assert Call(behind.f, 1).result() == (1, 1)
    behind.gate.wait()
    assert behind.f(1) == (1, 1)
    assert behind.runs == [(1, 1), (1, 2)]
    behind.gate.open()
    calling.until(lambda: behind.f.cache_peek(1) == ((1, 2), 2))
    assert behind.f(1) == (1, 2)
    assert behind.runs == [(1, 1), (1, 2)]
    assert behind.f.cache_stats().version_calls == 13 + 1, "once for each call, and once behind"


def test_who_wants_it_refreshed_waits_for_it_or_computes() -> None:
    """It began before this session did, so it does not count there."""
    behind = Behind()
    behind.f(1)
    behind.version = 2
    assert behind.f(1) == (1, 1)
    behind.gate.wait()
    behind.version = 3
    with session(refresh=Refresh.all()):
        assert behind.f(1) == (1, 3)
    behind.gate.open()
    calling.until(lambda: behind.running == 0)
    assert behind.f(1) == (1, 3), "what ran behind is of an older observation"
    assert behind.f.cache_peek(1) == ((1, 3), 3)


def test_the_threads_are_bounded_and_all_get_done() -> None:
    behind = Behind(maxsize=None)
    for x in range(100):
        behind.f(x)
    behind.version = 2
    for x in range(100):
        assert behind.f(x) == (x, 1)
    behind.gate.wait()
    behind.gate.open()
    calling.until(lambda: all(behind.f.cache_peek(x) == ((x, 2), 2) for x in range(100)))
    assert 1 <= behind.most <= 64
    assert sorted(behind.runs) == sorted([(x, version) for x in range(100) for version in (1, 2)])


@pytest.mark.thread_unsafe(reason="one hook for the whole process")
@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_a_hook_gives_it_a_context(kind: str) -> None:
    seen: list[str] = []

    @contextmanager
    def framework() -> Iterator[None]:
        token = MINE.set("the framework's")
        seen.append("entered")
        yield
        seen.append("left")
        MINE.reset(token)

    source = Source(MockClock(), awaited=kind == "coroutine")
    f = source.cached(stale_while_revalidate=1000)

    async def test() -> None:
        await changed(source, f)
        source.gives = lambda: seen.append(MINE.get()) or "new"
        assert await source.call(f) == "old"
        await source.until(lambda: f.cache_peek() == ("new", "v2") and "left" in seen)

    set_refresh_context(framework)
    try:
        run(source, test)
    finally:
        set_refresh_context(None)
    assert seen == ["entered", "the framework's", "left"]


@pytest.mark.thread_unsafe(reason="one hook for the whole process")
def test_a_hook_that_fails_is_a_failure_of_the_refresh() -> None:
    def framework() -> Any:
        raise LookupError("no context")

    source = Source(MockClock())
    f = source.cached(stale_while_revalidate=1000, retry_after=0)

    async def test() -> None:
        await changed(source, f)
        assert await source.call(f) == "old"
        await source.until(lambda: f.cache_stats().refresh_errors == 1)
        set_refresh_context(None)
        await called_until(source, f, lambda: f.cache_peek() == ("new", "v2"))

    set_refresh_context(framework)
    try:
        run(source, test)
    finally:
        set_refresh_context(None)


@pytest.mark.parametrize("hook", [5, "app", object()])
def test_a_hook_is_callable(hook: Any) -> None:
    with pytest.raises(TypeError, match="set_refresh_context") as raised:
        set_refresh_context(hook)
    assert repr(hook) in str(raised.value)


@pytest.mark.child
def test_what_has_begun_is_done_before_the_program_ends() -> None:
    done = child.run(ends_of_programs.what_has_begun_behind_is_done_before_the_program_ends)
    assert sorted(done.stdout.split("\n")) == ["", "done 0", "done 1", "done 2"]


@tasks.in_loop
async def test_a_task_behind_is_one_for_a_key_and_nobody_waits() -> None:
    source = Source(MockClock(), awaited=True)
    gate = asyncio.Event()

    async def again(previous: Any, x: object) -> str:
        source.note("revalidated")
        await gate.wait()
        return "new"

    version = ["v1"]

    @versioned_lru_cache(lambda: version[0], stale_while_revalidate=1000, revalidate=again)
    async def f(x: object) -> str:
        return "old"

    assert [await f(1), await f(2)] == ["old", "old"]
    version[0] = "v2"
    assert await tasks.ended(tasks.begun(5, f, 1)) == ["old"] * 5
    await tasks.turns()
    assert source.behind["revalidated"] == 1
    assert await f(2) == "old"
    await tasks.turns()
    assert source.behind["revalidated"] == 2
    gate.set()
    await tasks.until(lambda: f.cache_peek(2) == ("new", "v2"))
    assert [await f(1), await f(2)] == ["new", "new"]


def test_a_loop_that_ends_ends_what_runs_behind_and_the_next_begins_anew() -> None:
    version, begun = [1], []

    @versioned_lru_cache(lambda: version[0], stale_while_revalidate=1000, retry_after=0)
    async def f() -> int:
        if version[0] == 2:
            begun.append(1)
            await asyncio.Event().wait()
        return version[0]

    async def first() -> None:
        await f()
        version[0] = 2
        assert await f() == 1
        await tasks.until(lambda: begun)

    asyncio.run(first())
    assert f.cache_peek() == (1, 1)
    version[0] = 3

    async def second() -> None:
        assert await f() == 1
        await tasks.until(lambda: f.cache_peek() == (3, 3))
        assert await f() == 3

    asyncio.run(second())


@pytest.mark.parametrize("collected", [False, True])
def test_a_loop_that_is_closed_before_its_refresh_ends(collected: bool) -> None:
    """Flask's async views run each request on a loop of its own, which may be closed at once."""
    version, held = [1], [True]

    @versioned_lru_cache(lambda: version[0], stale_while_revalidate=60)
    async def f() -> int:
        if held[0] and version[0] == 2:
            await asyncio.sleep(3600)
        return version[0]

    asyncio.run(_awaited(f))
    version[0] = 2
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    assert loop.run_until_complete(_awaited(f)) == 1
    loop.close()  # Its tasks are not cancelled.
    gone = weakref.ref(loop)
    del loop
    held[0] = False

    async def later() -> int:
        assert await f() == 1
        await tasks.until(lambda: f.cache_peek() == (2, 2))
        return await f()

    if not collected:
        gc.disable()
    try:
        assert asyncio.run(asyncio.wait_for(later(), 10)) == 2
    finally:
        gc.enable()
    gc.collect()
    gc.collect()
    assert gone() is None, "nothing keeps the loop"


async def _awaited(f: Callable[[], Awaitable[int]]) -> int:
    value = await f()
    for _ in range(5):
        await asyncio.sleep(0)
    return value


@pytest.mark.thread_unsafe(reason="one pool for the whole process")
def test_where_no_thread_can_be_started_the_caller_refreshes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_behind, "_pool", _behind.Pool())
    monkeypatch.setattr(_behind, "start_new_thread", refuse)
    now = [1]

    @versioned_lru_cache(lambda: now[0], stale_while_revalidate=60)
    def f() -> int:
        if now[0] == 3:
            raise OSError("away")
        return now[0]

    assert f() == 1
    now[0] = 2
    assert [f(), f()] == [1, 2], "the old value for the call that refreshes, and not for ever"
    now[0] = 3
    assert [f(), f()] == [2, 2]
    assert f.cache_stats().refresh_errors >= 1
