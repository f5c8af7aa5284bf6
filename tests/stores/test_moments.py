"""Moments: an age that a jumping clock makes greater, never less."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versioned_lru_cache.stores import _moment
from versioned_lru_cache.stores._moment import Moment

SECOND = 10**9
BOOT, OTHER = b"b" * 16, b"o" * 16
START = Moment(1_000 * SECOND, BOOT, 50 * SECOND)


def moment(wall: float, monotonic: float, boot: bytes = BOOT) -> Moment:
    return Moment(int(wall * SECOND), boot, int(monotonic * SECOND))


@pytest.mark.parametrize(
    ("now", "age"),
    [
        (moment(1_000, 50), 0.0),
        (moment(1_010, 60), 10.0),
        (moment(990, 60), 10.0),
        (moment(-5, 60), 10.0),
        (moment(5_000, 60), 4_000.0),
        (moment(1_005, 60), 10.0),
        (moment(1_010, 49), None),
        (moment(1_010, 1, OTHER), 10.0),
        (moment(1_010, 500, OTHER), 10.0),
        (moment(999, 500, OTHER), None),
        (moment(1_010, 500, b""), 10.0),
        (moment(999, 60, b""), None),
    ],
    ids=[
        "at once",
        "no clock has jumped",
        "the wall clock was set back",
        "the wall clock was set back before the epoch",
        "the wall clock was set forward",
        "the wall clock was set back a little",
        "the monotonic clock ran backwards",
        "another boot",
        "another boot that runs longer",
        "another boot, and from the future",
        "an unknown boot",
        "an unknown boot, and from the future",
    ],
)
def test_the_age_of_a_moment(now: Moment, age: float | None) -> None:
    assert START.age(now) == age


def test_unknown_boots_are_not_one_boot() -> None:
    one, other = moment(1_000, 50, b""), moment(1_010, 9_000, b"")
    assert one.age(other) == 10.0
    assert other.age(one) is None


steps = st.lists(
    st.tuples(st.integers(0, 10**12), st.integers(-(10**13), 10**13), st.booleans()), min_size=1, max_size=10
)


@given(steps, st.integers(0, 10**15), st.integers(0, 10**15))
def test_in_one_boot_a_moment_is_never_younger_than_it_is(
    jumps: list[tuple[int, int, bool]], wall: int, monotonic: int
) -> None:
    began = Moment(wall, BOOT, monotonic)
    passed = 0
    for elapsed, jump, jumps_now in jumps:
        passed += elapsed
        wall += elapsed + (jump if jumps_now else 0)
        age = began.age(Moment(wall, BOOT, monotonic + passed))
        assert age is not None
        assert age >= passed / 1e9


nanoseconds = st.integers(-(2**100), 2**100)


@given(nanoseconds, nanoseconds, nanoseconds, nanoseconds, st.sampled_from([BOOT, OTHER, b""]))
def test_no_age_is_negative(wall: int, monotonic: int, now: int, then: int, boot: bytes) -> None:
    age = Moment(wall, BOOT, monotonic).age(Moment(now, boot, then))
    assert age is None or age >= 0


def test_now_is_now() -> None:
    before, made, after = time.time_ns(), Moment.now(), time.time_ns()
    assert before <= made.wall <= after
    age = made.age(Moment.now())
    assert age is not None
    assert 0 <= age < 60


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of its boots")
def test_processes_of_one_boot_know_that() -> None:
    code = "from versioned_lru_cache.stores._moment import Moment; print(*map(repr, Moment.now()), sep='\\n')"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    wall, boot, monotonic = map(eval, out.splitlines())
    now = Moment.now()
    assert len(boot) == 16
    assert boot == now.boot
    assert 0 <= now.monotonic - monotonic < 60 * SECOND
    assert Moment(wall, boot, monotonic).age(now) is not None


@pytest.mark.thread_unsafe(reason="what is missing is so for the whole process")
@pytest.mark.parametrize("missing", ["the clock", "the file"])
def test_where_no_boot_is_told_the_wall_clock_counts(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise FileNotFoundError

    if missing == "the clock":
        monkeypatch.setattr(_moment, "_CLOCK", None)
    else:
        monkeypatch.setattr(_moment, "open", fails, raising=False)
    monkeypatch.setattr(_moment, "this_boot", _moment.this_boot.__wrapped__)
    made = Moment.now()
    assert made.boot == b""
    age = made.age(Moment.now())
    assert age is not None
    assert 0 <= age < 60
