"""`make bench-check` notices a hit that takes more instructions, and counts where valgrind is installed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests import ROOT

BENCHES = ROOT / "benches"
sys.path.append(str(BENCHES))

import check_counts  # noqa: E402
from check_counts import Figures, check, compared, main, read, renewed  # noqa: E402
from counts import counted, dumped  # noqa: E402
from interpreter import full_name  # noqa: E402
from profile_of_a_hit import by_function  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

HERE = "CPython 3.11.7 (no PGO), GCC 12.2.0"
COMMITTED = Figures(HERE, {"functools, f(int)": 500.0, "ours, dict, f(int)": 400.0, "ours, dict, f()": 300.0})


def now(interpreter: str = HERE, **changed: float) -> Figures:
    """The committed figures with other counts for some shapes, named by their last word; 0 takes one out."""
    named = {"yardstick": "functools, f(int)", "one": "ours, dict, f(int)", "none": "ours, dict, f()"}
    counts = {**COMMITTED.counts, **{named[short]: count for short, count in changed.items()}}
    return Figures(interpreter, {shape: count for shape, count in counts.items() if count})


def test_growth_of_five_percent_passes_and_more_fails() -> None:
    assert compared(COMMITTED, now(one=420.0))[1] == []
    assert compared(COMMITTED, now(one=420.1))[1] == [
        "ours, dict, f(int): grew from 400.0 to 420.1 instructions, +5.0%"
    ]
    assert compared(COMMITTED, now(one=100.0, none=600.0))[1] == [
        "ours, dict, f(): grew from 300.0 to 600.0 instructions, +100.0%"
    ]


def test_a_shape_on_one_side_only_fails() -> None:
    assert compared(COMMITTED, now(none=0))[1] == ["ours, dict, f(): was not measured"]
    assert compared(now(none=0), COMMITTED)[1] == ["ours, dict, f(): has no committed figure"]


def test_what_failed_and_what_to_do_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert check([COMMITTED], now(one=500.0)) == 1
    told = capsys.readouterr().out
    assert "ours, dict, f(int): grew from 400.0 to 500.0 instructions, +25.0%" in told
    assert "make bench-counts" in told
    assert check([COMMITTED], now()) == 0
    assert "FAILED" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (now("CPython 3.12.1 (no PGO), GCC 12.2.0"), "There are no figures for CPython 3.12."),
        (now(yardstick=400.0), "but of other builds, as functools shows. Here: functools, f(int) 400.0. There:"),
        (now(yardstick=0), "but of other builds"),
    ],
)
def test_another_interpreter_is_told_and_fails_only_where_figures_are_required(
    other: Figures, reason: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUIRE_BENCH_CHECK", raising=False)
    assert check([COMMITTED], other) == 0
    assert reason in capsys.readouterr().out
    monkeypatch.setenv("REQUIRE_BENCH_CHECK", "1")
    assert check([COMMITTED], other) == 1


def test_another_patch_release_of_the_same_build_is_compared() -> None:
    assert check([COMMITTED], now("CPython 3.11.9 (no PGO), GCC 12.2.0", yardstick=505.0)) == 0
    assert check([COMMITTED], now("CPython 3.11.9 (no PGO), GCC 12.2.0", yardstick=505.0, one=500.0)) == 1


def test_renewing_replaces_the_figures_of_the_same_build_only() -> None:
    other_build = Figures("CPython 3.11.2 (PGO), GCC 12.2.0", {"functools, f(int)": 400.0})
    assert renewed([COMMITTED, other_build], now(one=390.0)) == [other_build, now(one=390.0)]


def test_without_valgrind_that_is_told_and_fails_only_where_it_is_required(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_counts, "valgrind", lambda: None)
    monkeypatch.delenv("REQUIRE_BENCH_CHECK", raising=False)
    assert main([]) == 0
    assert "valgrind is not installed" in capsys.readouterr().out
    monkeypatch.setenv("REQUIRE_BENCH_CHECK", "1")
    assert main([]) == 1


def test_the_committed_figures_have_every_shape_for_several_interpreters() -> None:
    committed = read(BENCHES / "counts.json")
    assert {each.minor for each in committed} >= {"CPython 3.11", "CPython 3.13"}
    assert {frozenset(each.counts) for each in committed} == {frozenset(committed[0].counts)}
    for shape in (
        "ContextVar, f()",
        "dict, f(dataclass)",
        "Flask g, f(int)",
        "no session, f(int)",
        "no session, counter, f(int)",
        "no session, given the argument, f(int)",
        "no session, file, f(int)",
        "no session, awaited f(int)",
        "ContextVar, first call of a session",
        "Flask g, first call of a session",
        "constant version, a miss",
        "ContextVar, a miss",
    ):
        assert f"ours, {shape}" in committed[0].counts
    assert json.loads((BENCHES / "counts.json").read_text(encoding="utf-8"))[0]["interpreter"]


@pytest.fixture
def _valgrind() -> None:
    """A developer goes on without valgrind; CI, which brings it, does not."""
    if shutil.which("valgrind") is None:
        if os.environ.get("REQUIRE_BENCH_CHECK"):
            pytest.fail("REQUIRE_BENCH_CHECK is set, but there is no valgrind")
        pytest.skip("there is no valgrind; on Debian: apt-get install valgrind")


@pytest.mark.child
@pytest.mark.slow
@pytest.mark.usefixtures("_valgrind")
def test_hits_are_counted() -> None:
    shapes = ("functools, f(int)", "ours, dict, f(int)", "ours, dict, f(a, k=v)")
    found = counted(*shapes)
    assert tuple(found) == shapes
    one, two = found["ours, dict, f(int)"], found["ours, dict, f(a, k=v)"]
    # The least that a call of Python takes, and more than it takes with a key that Python code compares.
    assert 50 < one < two < 20_000
    assert Figures(full_name(), found).minor.startswith("CPython 3.")


@pytest.mark.child
@pytest.mark.slow
@pytest.mark.usefixtures("_valgrind")
def test_what_is_no_hit_is_counted_alike_each_time() -> None:
    hit, *others = shapes = (
        "ours, Flask g, f(int)",
        "ours, no session, f(int)",
        "ours, no session, awaited f(int)",
        "ours, Flask g, first call of a session",
        "ours, ContextVar, a miss",
    )
    once, again = counted(*shapes), counted(*shapes)
    assert tuple(once) == tuple(again) == shapes
    assert again == pytest.approx(once, rel=0.025)  # half of what the check allows
    assert all(once[hit] < once[shape] for shape in others)


@pytest.mark.child
@pytest.mark.slow
@pytest.mark.usefixtures("_valgrind")
def test_a_profile_has_all_instructions_of_a_hit(tmp_path: Path) -> None:
    (dumps,) = dumped(tmp_path, "functools, f(int)")
    functions = by_function(dumps)
    assert len(functions) > 3
    assert sum(functions.values()) == pytest.approx(dumps.a_call(), rel=0.1)
