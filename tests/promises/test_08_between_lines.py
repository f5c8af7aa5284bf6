"""Promise 8: an exception between two lines of the package's Python code (Ctrl-C, a tracer's), a signal's handler or
a fork there: no key hangs after it, no session stays open, no refresh is for ever under way."""

from __future__ import annotations

import os

import pytest

from tests.support.child import run

pytestmark = pytest.mark.child

PRELUDE = """
import asyncio, inspect, logging, signal, time
from tests.support.each_line import Tracer, awaited, fork_at_each_line, in_time, raise_at_each_line
from versioned_lru_cache import Lag, Refresh, current_session, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

logging.disable(logging.CRITICAL)
clock = MockClock()
clock.__enter__()
"""
# What runs, with an `f`, and how that is called after it.
SCENARIOS = {
    "a miss": (
        """
    @versioned_lru_cache(1)
    async def f(x):
        await asyncio.sleep(0)
        return [x]
""",
        "awaited(f(1))",
    ),
    "several that wait": (
        """
    @versioned_lru_cache(1, wait=30)
    async def f(x):
        for _ in range(3):
            await asyncio.sleep(0)
        return [x]
""",
        "awaited(asyncio.wait_for(every(f), 5))",
    ),
    "a cancelled caller": (
        """
    @versioned_lru_cache(1)
    async def f(x):
        for _ in range(3):
            await asyncio.sleep(0)
        return [x]
""",
        "awaited(cancelled(f))",
    ),
    "a version function": (
        """
    async def version():
        await asyncio.sleep(0)
        return 1

    @versioned_lru_cache(version)
    async def f(x):
        return [x]
""",
        "awaited(within(f))",
    ),
    "a lagging result": (
        """
    @versioned_lru_cache(lambda: next(numbers), lag=Lag(retries=2, delay=0.01))
    async def f(x):
        from versioned_lru_cache import Versioned
        return Versioned([x], 1)
""",
        "awaited(f(1))",
    ),
    "a validation": (
        """
    async def version():
        await asyncio.sleep(0)
        return 1

    @versioned_lru_cache(version)
    async def part(x):
        return [x]

    @versioned_lru_cache(version, maxsize=4)
    async def f(x):
        return [await part(x)]
""",
        "awaited(twice(f, part))",
    ),
    "a failure": (
        """
    @versioned_lru_cache(1)
    async def f(x):
        await asyncio.sleep(0)
        if not over:
            raise OSError("away")
        return [x]
""",
        "awaited(f(1))",
    ),
    "a block": (
        """
    @versioned_lru_cache(lambda: 1)
    def f(x):
        return [x]
""",
        "block(f)",
    ),
    "an asynchronous block": (
        """
    @versioned_lru_cache(lambda: 1)
    async def f(x):
        return [x]
""",
        "awaited(within(f))",
    ),
    "a refresh behind, of a coroutine function": (
        """
    @versioned_lru_cache(lambda: versions[0], stale_while_revalidate=1e9)
    async def f(x):
        await asyncio.sleep(0)
        return [x, versions[0]]
    awaited(f(1))
    versions[0] += 1
""",
        "awaited(behind(f))",
    ),
    "a refresh behind": (
        """
    @versioned_lru_cache(lambda: versions[0], stale_while_revalidate=1e9)
    def f(x):
        return [x, versions[0]]
    f(1), f(2)
    versions[0] += 1
""",
        "f(1)",
    ),
}
HELPERS = """
import itertools
numbers = itertools.count(1)
versions = [1]

async def every(f):
    return await asyncio.gather(f(1), f(1), f(1))

async def cancelled(f):
    task = asyncio.ensure_future(f(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass

async def within(f):
    async with session():
        async with session({}):
            await f(1)
        return await f(1)

async def twice(f, part):
    async with session():
        await part(1)
        await part(2)
        return await f(1)

async def behind(f):
    value = await f(1)
    for _ in range(20):
        await asyncio.sleep(0)
    return value

def block(f):
    with session():
        with session({}):
            f(1)
        with session(refresh=Refresh.all()) as own:
            assert current_session() is own
            f(1)
"""


def prepared(scenario: str, returned: str, *, more: str = "") -> str:
    """Return code of a `prepare`, which makes the `f` of a scenario anew. `USED` stands for how that is called."""
    made, used = SCENARIOS[scenario]
    return (
        PRELUDE
        + HELPERS
        + f"""
def prepare():
    over = False
    versions[0] = 1
{made}
{more}
    return {returned.replace("USED", used)}
"""
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_exception(scenario: str) -> None:
    after = """
    def after():
        nonlocal over
        over = True
        end = time.monotonic() + 3
        while time.monotonic() < end:
            got = awaited(behind(f)) if inspect.iscoroutinefunction(f) else f(1)
            if len(got) == 1 or got[1] == versions[0]:
                return True
            clock.advance(2)
            time.sleep(0.001)
        raise AssertionError(f"still {got}")
"""
    run(prepared(scenario, "(lambda: USED), after", more=after) + "raise_at_each_line(prepare)", timeout=240)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("scenario", ["a miss", "a refresh behind, of a coroutine function", "a refresh behind"])
def test_a_fork(scenario: str) -> None:
    """Nothing is imported there, and no lock is held: what the child needs it has."""
    run(
        prepared(scenario, "lambda: USED")
        + """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads
assert fork_at_each_line(prepare) > 0
""",
        timeout=240,
    )


@pytest.mark.parametrize("scenario", ["a miss", "a refresh behind"])
def test_a_call_of_a_signals_handler(scenario: str) -> None:
    """Or of a finalizer: at each line that runs for a call another is made, of another key."""
    run(
        prepared(scenario, "(lambda: USED), f")
        + """
turn = 0
while True:
    call, f = prepare()

    def again():
        if inspect.iscoroutinefunction(f):
            coroutine = f(2)
            coroutine.send(None)
            coroutine.close()
        else:
            f(1), f(2)

    tracer = Tracer(turn, again)
    found = []
    in_time(lambda: found.append(tracer.run(call)) or True, "a call within a call")
    if not found[0]:
        break
    turn += 1
assert turn > 0
""",
        timeout=240,
    )


def test_calls_import_nothing() -> None:
    """Not even the first: what is being imported is locked, and half a module to whoever comes between."""
    run(
        """
import asyncio, sys, threading
from versioned_lru_cache import Lag, Refresh, Versioned, session, versioned_lru_cache

versions = [1]

@versioned_lru_cache(lambda: versions[0], stale_while_revalidate=1e9, stale_if_error=60)
def plain(x):
    return Versioned([x], versions[0])

@versioned_lru_cache(lambda: versions[0], stale_while_revalidate=1e9)
async def awaited(x):
    await asyncio.sleep(0)
    return [x]

@versioned_lru_cache(lambda: versions[0])
def part(x):
    return [x]

@versioned_lru_cache(lambda: versions[0])
def whole(x):
    return [part(x)]

async def main():
    async with session():
        await asyncio.gather(awaited(1), awaited(1))
    versions[0] += 1
    await awaited(1)
    for _ in range(9):
        await asyncio.sleep(0)

loop = asyncio.new_event_loop()
loop.run_until_complete(asyncio.sleep(0))
imported = []
sys.addaudithook(lambda event, args: imported.append(args[0]) if event == "import" else None)
with session():
    part(1), part(2), whole(1), plain(1)
threads = [threading.Thread(target=plain, args=(2,)) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
versions[0] += 1
plain(1)
loop.run_until_complete(main())
part.cache_put(Versioned([3], versions[0]), 3)
assert part.cache_peek(4) is None and not part.cache_contains(x=4) and not part.cache_invalidate(4)
part.cache_key(4), part.cache_info(), part.cache_clear()
with session(offline=True):
    try:
        part(5)
    except LookupError:
        versions.clear()
assert not versions and not imported, imported
"""
    )
