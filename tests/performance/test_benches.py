"""The benchmark measures all that its table promises. How fast anything is, is not tested here."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.support.calling import GIL

sys.path.append(str(ROOT / "benches"))

from measuring import Row, Sample, Section
from results import Numbers, pooled
from working_requests import Server, Told, working_requests

pytestmark = pytest.mark.child

COMPARE = ROOT / "benches" / "compare.py"
TIME_LIMIT = 200
PEERS = {"cachetools", "cachebox", "moka-py"}
OTHERS = {"functools", *PEERS}
OURS = {"ours, no session", "ours, dict", "ours, ContextVar", "ours, Flask g"}
SHAPES = (
    "f()",
    "f(int)",
    "f(str)",
    "f(equal str)",
    "f(a, b)",
    "f(a, k=v)",
    "obj.m(int)",
    "f(float)",
    "f(None)",
    "f(bytes)",
    "f(tuple)",
    "f(dataclass)",
    "1,000 int keys",
    "100,000 int keys",
)
# In no session nobody is asked for a constant version; what answers for another is measured alone, too.
CONSTANT = ("f(int)", "f(str)", "f(a, b)", "f(a, k=v)", "obj.m(int)")
READ = ("counter", "tags")
ASKED = ("version function", "version function, given the argument", "file")
ALONE = "the version alone"
WORKING = {
    "no cache",
    "ours, Flask g",
    "functools, never cleared",
    "functools, cleared",
    "cachebox, cleared",
    "Flask-Caching memoize, cleared",
}
# Those that let one thread compute and the others wait.
SINGLE = {"ours", "cachetools, condition", "cachebox", "moka-py, wait_concurrent"}
# Those that know coroutine functions.
AWAITED = {"cachebox", "moka-py"}
TABLE = {
    **{("hit", shape): OTHERS | OURS for shape in SHAPES},
    **{
        ("growing", f"{size} entries{order}"): {"functools", "ours, ContextVar"}
        for size in ("1,000", "100,000", "1,000,000")
        for order in ("", ", keys drawn at random")
    },
    **{
        ("scaling", f"{keys}{session}"): {"functools", "ours, ContextVar"}
        for keys in ("disjoint keys", "one hot key")
        for session in ("", ", a session each")
        if not GIL  # with it there is nothing to gain
    },
    **{("constant version, no session", shape): {"functools", "ours", "ours, ttl"} for shape in CONSTANT},
    **{("asked version, no session", kind): {"functools", "ours"} for kind in READ},
    **{("asked version, no session", kind): {"functools", "ours", ALONE} for kind in ASKED},
    **{("awaited hit, asked version, no session", kind): {"trivial coroutine", "ours"} for kind in READ},
    **{("awaited hit, asked version, no session", kind): {"trivial coroutine", "ours", ALONE} for kind in ASKED},
    **{
        ("session", place): {
            "first call",
            ALONE,
            "first call, version given the argument",
            f"{ALONE}, given the argument",
            "g.setdefault + 10 hits",
            "g.setdefault",
            "10 hits",
        }
        for place in ("dict", "ContextVar", "Flask g")
    },
    ("alternating", "ContextVar"): {"functools", "ours"},
    ("alternating", "Flask g"): {"functools", "ours"},
    ("nested", "a page of 20 parts, second session"): {"without a cache", "ours"},
    **{
        ("ending a session", f"{count} entries"): {"one entry", "all of one version", "a version each"}
        for count in ("10", "1,000", "100,000")
    },
    **{("known versions", f"{count} versions"): {"first call", "hit"} for count in ("10", "1,000", "100,000")},
    **{
        ("live sessions", f"{count} others"): {"miss that evicts", "invalidation", "clear"}
        for count in ("0", "1,000", "10,000")
    },
    ("miss", "maxsize 1,000"): OTHERS | OURS | {"ours, constant version"},
    **{
        ("colliding keys", f"{count} {kind}"): {"functools", "ours, no session", "ours, ContextVar"}
        for kind in ("ints", "tuples of ints", "dataclasses", "strs of a subclass")
        for count in ("100", "1,000", "10,000")
        if count != "10,000" or "ints" in kind
    },
    ("memory", "an entry"): OTHERS
    | {
        "functools, unbounded",
        "ours, constant version",
        "ours, version without a session",
        "ours, version in a session",
        "ours, version of the arguments",
    },
    ("memory of a session", "128 results read"): {"ours"},
    ("collecting", "1,000,000 entries"): {"functools", "ours"},
    **{("request with work", f"cached calls: {calls}"): WORKING for calls in (1, 10)},
    **{
        ("request", f"cached calls: {calls}"): OTHERS | {"no cache", "Flask-Caching memoize", "ours, Flask g"}
        for calls in (1, 5, 20, 50)
    },
    ("decorating", "a function"): OTHERS | {"ours, Flask g"},
    ("importing", "the package"): PEERS | {"ours"},
    ("stampede", "16 threads"): SINGLE,
    ("stampede", "16 threads, executions"): SINGLE,
    ("stampede", "256 threads"): SINGLE,
    ("stampede", "256 threads, executions"): SINGLE,
    ("awaited hit", "one key"): AWAITED | {"trivial coroutine"} | OURS,
    ("many tasks", "16,000 computations at once"): {
        "plain tasks",
        "ours, constant version",
        "ours, version function",
    },
    ("stampede of tasks", "1,000 tasks"): AWAITED | {"ours, no session", "ours, dict"},
    ("stampede of tasks", "1,000 tasks, executions"): AWAITED | {"ours, no session", "ours, dict"},
}


def compare(*arguments: str | Path, without: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the benchmark as its Makefile target does, or as if one library were not installed."""
    path = str(COMPARE.parent)
    hidden = (
        f"import sys; sys.path.insert(0, {path!r}); sys.modules[{without!r}] = None; import compare; compare.main()"
    )
    program = ["-c", hidden] if without else [str(COMPARE)]
    command = [sys.executable, "-W", "error", *program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)


def measured(*arguments: str, folder: Path, without: str = "") -> tuple[str, dict[str, Any]]:
    """What a short run printed, and what it wrote. Where a part is taken off, one sample could fall below zero."""
    file = folder / "numbers.json"
    few = ("--processes", "1", "--rounds", "3", "--calls", "5000")
    ended = compare(*few, "--json", file, *arguments, without=without)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout, json.loads(file.read_text(encoding="utf-8"))


def samples(numbers: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["section"], row["row"]): row["samples"] for row in numbers["rows"]}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is measured as Linux tells it")
def test_every_row_of_the_table_has_every_library_and_a_positive_number(tmp_path: Path) -> None:
    printed, numbers = measured(folder=tmp_path)
    rows = samples(numbers)
    assert {row: set(found) for row, found in rows.items()} == TABLE
    # Of a file the system's own part, which varies by more than what is left, is taken off.
    assert {row for row, found in rows.items() if not all(sample["median"] > 0 for sample in found.values())} <= {
        row for row in rows if row[1] == "file"
    }
    lines = printed.splitlines()
    for section, row in TABLE:
        assert any(line.startswith(f"{section}, ") for line in lines)
        assert any(row in line for line in lines)
    assert all(any(variant in line for line in lines) for found in TABLE.values() for variant in found)
    assert {line.partition(":")[0] for line in lines[:6]} == {
        "interpreter",
        "machine",
        "versions",
        "method",
        "command",
        "date",
    }
    assert "left out" not in numbers["about"]


def test_ratios_are_to_the_base_of_the_row(tmp_path: Path) -> None:
    _, numbers = measured("--only", "hit f(int)", folder=tmp_path)
    (row,) = numbers["rows"]
    found = row["samples"]
    assert row["base"] == "functools"
    assert found["functools"]["ratio"] == {"low": 1, "median": 1, "high": 1}
    base = found["functools"]
    for sample in found.values():
        assert sample["low"] / base["high"] <= sample["ratio"]["median"] <= sample["high"] / base["low"]


def test_what_is_taken_off_is_of_the_same_round() -> None:
    samples = [
        Sample("alone", float, values=[10.0, 20.0]),
        Sample("ours", float, less="alone", values=[15.0, 40.0]),
        Sample("functools", float, values=[5.0, 4.0]),
    ]
    row = Row(Section("hit", "ns", "", {}), "f()", samples).as_data()
    assert row["values"] == {"alone": [10.0, 20.0], "ours": [5.0, 20.0], "functools": [5.0, 4.0]}
    (result,) = pooled([[row]])
    assert result.samples["ours"] == Numbers.of([5.0, 20.0], [5.0, 4.0])


def test_old_data_is_noticed_in_requests_that_should_have_none() -> None:
    (sample,) = (
        each for each in working_requests().rows["cached calls: 1"]() if each.variant == "functools, never cleared"
    )
    with pytest.raises(RuntimeError, match="1 fresh and 0 old answers"):
        sample.check()  # it is said to serve some
    sample.take()
    sample.check()
    never_told = Server(lambda _app, world: Told(functools.cache(world.report), lambda key: None), 1)
    never_told.request()
    never_told.requests()
    assert (never_told.fresh, never_told.old) == (1, 10)


def test_processes_measure_a_part_each(tmp_path: Path) -> None:
    _, numbers = measured("--only", "hit f()", "--processes", "2", folder=tmp_path)
    (row,) = numbers["rows"]
    assert {sample["rounds"] for sample in row["samples"].values()} == {2 * 3}


def test_a_file_is_named_for_the_interpreter(tmp_path: Path) -> None:
    measured("--only", "hit f()", "--json-in", tmp_path / "new", folder=tmp_path)
    (file,) = (tmp_path / "new").iterdir()
    assert file.name.startswith(f"cpython-{sys.version_info.major}.{sys.version_info.minor}")
    assert file.read_text(encoding="utf-8") == (tmp_path / "numbers.json").read_text(encoding="utf-8")


def test_flask_caching_is_in_the_requests_only(tmp_path: Path) -> None:
    printed, numbers = measured("--only", "calls: 1", folder=tmp_path, without="flask_caching")
    rows = samples(numbers)
    assert set(rows["request", "cached calls: 1"]) == OTHERS | {"no cache", "ours, Flask g"}
    assert set(rows["request with work", "cached calls: 1"]) == WORKING - {"Flask-Caching memoize, cleared"}
    assert "left out: Flask-Caching (not installed)" in printed.splitlines()


@pytest.mark.parametrize(("library", "module"), [("cachebox", "cachebox"), ("moka-py", "moka_py")])
def test_a_library_that_is_missing_is_told_and_left_out(tmp_path: Path, library: str, module: str) -> None:
    printed, numbers = measured("--only", "HIT F(INT)", folder=tmp_path, without=module)
    assert samples(numbers).keys() == {("hit", "f(int)")}
    assert set(samples(numbers)["hit", "f(int)"]) == (OTHERS | OURS) - {library}
    assert f"left out: {library} (not installed)" in printed.splitlines()


def test_a_word_that_no_row_has_is_told() -> None:
    ended = compare("--only", "no such row")
    assert ended.returncode == 2
    assert ended.stderr == "No row has 'no such row' in its name\n"
