"""Random worlds of tasks, each of which follows from its seed, and a judge that is shown to notice what it should."""

from __future__ import annotations

import asyncio
import functools
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT
from tests.concurrency import stress_of_tasks
from tests.concurrency.shuffled_loop import Hang, ShuffledLoop

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = os.environ.get("STRESS_SEEDS", "150")

pytestmark = pytest.mark.thread_unsafe(reason="looks at all garbage")


@pytest.mark.child
@pytest.mark.slow
def test_random_schedules_keep_the_promises() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-X",
            "faulthandler",
            "-m",
            "tests.concurrency.stress_of_tasks",
            "--seeds",
            SEEDS,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60 + 2 * int(SEEDS),
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for what in ("computations cancelled", "callers cancelled", "failures", "versions asked"):
        assert what in done.stdout


def without_promises(cached: Callable[[Any], Any]) -> Callable[..., Any]:
    """A decorator like ours, that does something else."""

    def decorator(version: Any, **_options: Any) -> Any:
        def decorate(function: Any) -> Any:
            @functools.wraps(function)
            async def asks(x: int) -> Any:
                asked = version()
                if asyncio.iscoroutine(asked):
                    await asked
                return await inner(x)

            inner, made = cached(function), asks
            made.cache_invalidate = lambda x: None  # type: ignore[attr-defined]
            made.cache_clear = lambda: None  # type: ignore[attr-defined]
            made.cache_info = lambda: functools._CacheInfo(0, 0, 0, 0)  # type: ignore[attr-defined]
            return made

        return decorate

    return decorator


def one_task_a_key(function: Any) -> Any:
    """What is often written by hand: the task is stored, whatever becomes of its data."""
    tasks: dict[int, Any] = {}

    async def cached(x: int) -> Any:
        if x not in tasks:
            tasks[x] = asyncio.ensure_future(function(x))
        return await asyncio.shield(tasks[x])

    return cached


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("cached", "complaints"),
    [
        (lambda function: function, ["computed twice", "asked"]),
        (one_task_a_key, ["forgotten before", "that began with"]),
    ],
    ids=["no cache", "one task a key"],
)
def test_the_judge_notices_what_keeps_no_promise(
    cached: Callable[[Any], Any], complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stress_of_tasks, "versioned_lru_cache", without_promises(cached))
    found: list[str] = []
    for seed in range(20):
        try:
            found += stress_of_tasks.one_world(seed).complaints
        except Exception as error:  # noqa: PERF203 # one in each world
            found.append(repr(error))
    for complaint in complaints:
        assert any(complaint in one for one in found), found[:20]


def test_a_world_follows_from_its_seed() -> None:
    def lived(seed: int) -> object:
        world = stress_of_tasks.one_world(seed)
        return world.seen, world.moment, world.runs

    with_limits = [seed for seed in range(30) if "hasty" in stress_of_tasks.TaskWorld(seed).names]
    assert len(with_limits) > 10
    for seed in with_limits:
        assert lived(seed) == lived(seed), f"seed {seed} lived two lives"


def test_the_loop_notices_a_hang() -> None:
    async def hangs() -> None:
        await asyncio.get_running_loop().create_future()

    loop = ShuffledLoop(random.Random(1))
    try:
        with pytest.raises(Hang):
            loop.run_until_complete(hangs())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(1000))
        assert loop.time() == 1000
    finally:
        loop.close()
