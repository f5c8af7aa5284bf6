"""Random schedules of threads under a judge that knows only the promises, and those that it found fault with."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from tests import ROOT
from tests.concurrency import wrong_caches
from tests.support.calling import MINE, Call, Gate, waiting
from tests.support.child import run
from versioned_lru_cache import versioned_lru_cache

SECONDS = os.environ.get("STRESS_SECONDS", "20")


@pytest.mark.child
@pytest.mark.slow
@pytest.mark.parametrize("script", ["stress", "stress_fresh"])
def test_random_schedules_keep_the_promises(script: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-X",
            "faulthandler",
            "-m",
            f"tests.concurrency.{script}",
            "--seconds",
            SECONDS,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=float(SECONDS) + 200,
        check=False,
    )
    # What went wrong, and the last of what led to it.
    assert done.returncode == 0, f"{done.stdout[:2_000]}\n...\n{done.stdout[-40_000:]}\n{done.stderr}"


@pytest.mark.child
@pytest.mark.parametrize(
    ("kind", "complaints"),
    [
        ("functools", ["computed twice", "was forgotten before", "in a session or call that began"]),
        ("no cache", ["computed twice", "two objects", "asked twice in a session"]),
    ],
    ids=["functools", "no cache"],
)
def test_the_judge_notices_what_keeps_no_promise(kind: str, complaints: list[str]) -> None:
    done = run(wrong_caches.plain, kind, timeout=120)
    for complaint in complaints:
        assert complaint in done.stdout, f"nothing of {complaint!r}\n{done.stdout[:2000]}\n{done.stderr}"


# What the stress has found, each as the schedule that makes it happen every time.


def test_a_session_gets_nothing_older_than_the_version_that_it_was_told() -> None:
    """Its version function began before another's and ended after a change that the other did not see."""
    data, gate, asked = [9], Gate(), []

    def version() -> int:
        asked.append(1)
        if len(asked) == 1:
            gate.stop()
        return data[0]

    @versioned_lru_cache(version, session=MINE)
    def f() -> int:
        return data[0]

    slow = Call(f, session={})
    gate.wait()
    assert Call(f, session={}).result() == 9
    data[0] = 10
    gate.open()
    assert slow.result() == 10


def test_a_session_gets_nothing_that_rests_on_what_was_old_when_it_began() -> None:
    data, gate, asked = [5], Gate(), []

    def slow() -> int:
        asked.append(1)
        if len(asked) == 1:
            gate.stop()
        return data[0]

    @versioned_lru_cache(slow, session=MINE)
    def whole() -> tuple[int, int]:
        return data[0], part()

    @versioned_lru_cache(lambda: data[0], session=MINE)
    def part() -> int:
        return data[0]

    old: dict[str, Any] = {}
    first = Call(whole, session=old)
    gate.wait()
    assert Call(part, session=old).result() == 5
    data[0] = 6
    gate.open()
    assert first.result() == (6, 5)
    assert Call(whole, session={}).result() == (6, 6)


@pytest.mark.parametrize("forget", ["cache_invalidate", "cache_clear"])
def test_what_was_forgotten_before_a_waiter_woke_is_not_remembered_by_its_session(forget: str) -> None:
    landing = Gate()

    @versioned_lru_cache(lambda: 1, session=MINE)
    def f(x: int) -> list[int]:
        landing.stop()
        return [x]

    def lead() -> list[int]:
        found = f(1)
        # Who waits is awake, but has no turn yet: with a GIL this thread gives it up only now.
        getattr(f, forget)(*[1] if forget == "cache_invalidate" else [])
        return found

    before = sys.getswitchinterval()
    sys.setswitchinterval(100)
    try:
        leader = Call(lead)
        landing.wait()
        session: dict[str, Any] = {}
        (waiter,) = waiting(1, f, 1, session=session)
        landing.open()
        old = leader.result()
        assert waiter.result() == [1]
    finally:
        sys.setswitchinterval(before)
    assert Call(f, 1, session=session).result() is not old


def test_a_session_gets_one_result_though_a_newer_one_was_stored_while_it_computed() -> None:
    version, gate, runs = [6], Gate(), []

    @versioned_lru_cache(lambda: version[0], session=MINE)
    def f() -> list[int]:
        runs.append(1)
        found = [version[0]]
        if len(runs) == 1:
            gate.stop()
        return found

    session: dict[str, Any] = {}
    leader = Call(f, session=session)
    gate.wait()
    version[0] = 8
    assert f() == [8]
    other = Call(f, session=session).result()
    gate.open()
    assert leader.result() is other
