"""The command line: what each command does to a store, what it prints, and which code it ends with."""

from __future__ import annotations

import importlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT
from tests.commands.program import Program
from tests.support.calling import until
from versioned_lru_cache import __version__
from versioned_lru_cache.commands import main
from versioned_lru_cache.stores import LocalStore, Pickle

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.thread_unsafe(reason="the functions of one module, and what is printed")

SEEDED = "tests.programs.seeded"
ITEMS = ["tea", "rice", "salt"]


class Shop(Program):
    """A program, its data, and a file of its calls."""

    module, variable = SEEDED, "SEEDED"

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(folder, monkeypatch, capsys)
        self.image = str(folder / "image")
        self.lines = folder / "calls.jsonl"
        self.write_calls(ITEMS)
        self.start()

    def write_calls(self, items: Sequence[str]) -> None:
        self.lines.write_text("".join(f"{json.dumps([item])}\n" for item in items))

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command in this process; what it returned, printed, and complained of."""
        self.start()
        self.capsys.readouterr()
        code = main(arguments)
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err

    def run_json(self, *arguments: str) -> tuple[int, Any]:
        code, out, _ = self.run(*arguments, "--json")
        return code, json.loads(out)

    def seed(self, *more: str, function: str = "price") -> tuple[int, Any]:
        target = f"{SEEDED}:{function}"
        return self.run_json("seed", target, "--args", str(self.lines), "--store", self.image, *more)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(tmp_path, monkeypatch, capsys)


def counts(computed: int = 0, there: int = 0, not_stored: int = 0, failed: int = 0) -> dict[str, int]:
    return {"computed": computed, "there": there, "not_stored": not_stored, "failed": failed, "evicted": 0}


def test_what_was_seeded_a_program_with_a_read_only_store_does_not_compute(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READ_ONLY", "1")
    assert shop.seed() == (0, counts(computed=3))
    assert shop.runs() == ITEMS
    program = shop.start()
    assert [program.price(item)["item"] for item in ITEMS] == ITEMS
    assert shop.runs() == ITEMS
    assert program.price.cache_stats().store_hits == 3


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_was_seeded_can_be_copied_at_once(shop: Shop, jobs: str, tmp_path: Path) -> None:
    shop.seed("--jobs", jobs)
    copy = tmp_path / "copy"
    shutil.copytree(shop.image, copy)
    with LocalStore(copy, namespace="shop", read_only=True) as store:
        assert len(list(store.records())) == 3
    assert not list(Path(shop.image).glob("format-*/*-wal"))


def test_a_second_run_computes_only_what_is_not_there_of_the_version_of_now(shop: Shop) -> None:
    shop.seed()
    shop.write_calls([*ITEMS, "oil"])
    assert shop.seed() == (0, counts(computed=1, there=3))
    shop.set_version("2")
    assert shop.seed() == (0, counts(computed=4))


def test_calls_are_lists_or_objects_or_both(shop: Shop) -> None:
    calls = [
        '["tea"]',
        '{"item": "tea"}',
        '{"args": ["tea"], "kwargs": {"amount": 1}}',
        "",
        '{"item": "tea", "amount": 2}',
    ]
    shop.lines.write_text("\n".join(calls))
    assert shop.seed() == (0, counts(computed=2, there=2))


def test_calls_come_from_standard_input_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('["tea"]\n'))
    code, told = shop.run_json("seed", f"{SEEDED}:price", "--args", "-", "--store", shop.image)
    assert (code, told) == (0, counts(computed=1))


def test_a_coroutine_function_is_seeded_too(shop: Shop) -> None:
    assert shop.seed(function="awaited") == (0, counts(computed=3))
    assert shop.seed(function="awaited") == (0, counts(there=3))


def test_calls_that_fail_are_told_by_line_and_all_others_are_made(shop: Shop) -> None:
    shop.write_calls(["tea", "none", "rice"])
    code, out, err = shop.run("seed", f"{SEEDED}:price", "--args", str(shop.lines), "--store", shop.image)
    assert code == 1
    assert out.split() == ["computed", "2", "there", "0", "not_stored", "0", "failed", "1", "evicted", "0"]
    assert err == f"{shop.lines}:2: LookupError: there is no such item\n"


def test_what_is_not_stored_is_told_with_why(shop: Shop) -> None:
    shop.write_calls(["tea"])
    code, _, err = shop.run("seed", f"{SEEDED}:odd", "--args", str(shop.lines), "--store", shop.image)
    assert code == 1
    assert "calls.jsonl:1: " in err
    assert "a result stays in memory, and is not stored: result" in err


def test_several_processes_compute_each_line_once(shop: Shop) -> None:
    items = [f"item{number}" for number in range(40)]
    shop.write_calls([*items, *items])
    code, told = shop.seed("--jobs", "4")
    assert (code, told["failed"], told["not_stored"]) == (0, 0, 0)
    assert sorted(shop.runs()) == sorted(items)
    assert told["computed"] == 40
    assert told["there"] == 40


def test_a_run_that_was_interrupted_goes_on_where_it_was(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [f"item{number}" for number in range(12)]
    shop.write_calls(items)
    monkeypatch.setenv("SECONDS_OF_A_RUN", "0.1")
    command = [sys.executable, "-m", "versioned_lru_cache", "seed", f"{SEEDED}:price", "--json"]
    with subprocess.Popen(
        [*command, "--args", str(shop.lines), "--store", shop.image],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as child:
        until(lambda: len(shop.runs()) >= 3)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert "goes on where it was" in err
    assert "Traceback" not in err
    done = json.loads(out)["computed"]
    assert 2 <= done < 12
    monkeypatch.setenv("SECONDS_OF_A_RUN", "0")
    assert shop.seed() == (0, counts(computed=12 - done, there=done))
    assert max(Counter(shop.runs()).values()) <= 2, "at most what it was at when it was interrupted"


def test_a_process_that_is_killed_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILLS", "salt")
    code, _, err = shop.run("seed", f"{SEEDED}:price", "--args", str(shop.lines), "--store", shop.image, "--jobs", "2")
    assert code == 1
    assert err.startswith(f"{shop.lines}: a process died, killed or out of memory, at one of the lines ")
    assert err.endswith(". The same command goes on where it was.\n")
    assert "3" in err


def test_a_store_is_inspected_by_function_and_by_record(shop: Shop) -> None:
    shop.seed()
    shop.set_version("2")
    shop.seed("--jobs", "1", function="awaited")
    code, rows = shop.run_json("inspect", shop.image)
    assert code == 0
    assert [(row["namespace"], row["function"], row["records"]) for row in rows] == [
        ("shop", f"{SEEDED}.awaited", 3),
        ("shop", f"{SEEDED}.price", 3),
    ]
    assert all(0 <= row["newest"] <= row["oldest"] < 600 for row in rows)
    code, records = shop.run_json("inspect", shop.image, "--function", f"{SEEDED}.price")
    assert (code, [record["version"] for record in records]) == (0, ["'1'"] * 3)
    code, out, _ = shop.run("inspect", shop.image)
    head, first, second = out.splitlines()
    assert head.split() == ["NAMESPACE", "FUNCTION", "REVISION", "RECORDS", "BYTES", "NEWEST", "OLDEST", "VERSIONS"]
    assert (first.split()[3], second.split()[3]) == ("3", "3")
    assert shop.run("inspect", shop.image, "--function", "unknown")[0] == 1


def test_nothing_is_unpickled_by_a_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = importlib.import_module("versioned_lru_cache")
    store = LocalStore(tmp_path / "store", namespace="shop", codec=Pickle("a key that nobody else has, of this test"))

    @program.versioned_lru_cache("1", store=store, name="pickled")
    def pickled(item: str) -> Any:
        return Hostile(tmp_path / "ran")

    with store:
        pickled("tea")
    assert main(["inspect", str(tmp_path / "store"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["records"] == 1
    assert main(["check", str(tmp_path / "store")]) == 0
    assert not (tmp_path / "ran").exists()


class Hostile:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_call_is_explained_by_what_memory_and_the_store_have(shop: Shop) -> None:
    shop.seed()
    code, told = shop.run_json("explain", f"{SEEDED}:price", "--args", '["tea"]')
    assert code == 0
    assert (told["record"], told["version"], told["function"]) == ("there", "'1'", f"{SEEDED}.price")
    assert (told["loads"], told["why"]) == (True, None)
    assert "fwd=miss" in told["call"]
    code, told = shop.run_json("explain", f"{SEEDED}:price", "--args", '["oil"]', "--store", shop.image)
    assert (code, told["record"]) == (1, "none")


def test_a_sound_store_is_checked_and_a_damaged_one_set_aside(shop: Shop) -> None:
    shop.seed()
    code, told = shop.run_json("check", shop.image)
    assert (code, told["ok"], told["records"]) == (0, True, 3)
    (database,) = Path(shop.image).glob("format-*/records-*.sqlite3")
    data = bytearray(database.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    database.write_bytes(data)
    code, told = shop.run_json("check", shop.image)
    assert (code, told["ok"]) == (1, False)
    assert shop.run_json("check", shop.image)[0] == 0


def test_records_that_can_not_be_read_are_told(shop: Shop) -> None:
    shop.seed()
    with LocalStore(shop.image, namespace="shop") as store:
        lease = store.acquire(b"x" * 32, b"version")
        assert lease is not None
        store.save(lease, b"no record")
        store.release(lease)
    code, told = shop.run_json("check", shop.image)
    assert code == 1
    assert told["problems"] == [f"{(b'x' * 32).hex()}: it has 9 bytes, which is too few for a record"]


def test_a_store_is_pruned(shop: Shop) -> None:
    shop.seed()
    assert shop.run_json("prune", shop.image)[1]["evicted"] == 0
    code, told = shop.run_json("prune", shop.image, "--max-bytes", "0")
    assert (code, told["evicted"], told["records"]) == (0, 3, 0)
    assert shop.run("prune", shop.image, "--max-bytes", "-1")[0] == 2


def test_records_are_cleared_by_function_by_namespace_or_all(shop: Shop) -> None:
    def fill() -> None:
        shop.seed()
        shop.seed(function="awaited")

    fill()
    clear = ("clear", shop.image)
    assert shop.run_json(*clear, "--function", f"{SEEDED}.price") == (0, {"removed": 3, "records": 3})
    assert shop.run_json(*clear, "--function", f"{SEEDED}.price") == (1, {"removed": 0, "records": 3})
    assert shop.run_json(*clear, "--namespace", "shop") == (0, {"removed": 3, "records": 0})
    fill()
    assert shop.run_json(*clear, "--namespace", "other") == (1, {"removed": 0, "records": 6})
    assert shop.run_json(*clear, "--all") == (0, {"removed": 6, "records": 0})
    assert shop.run_json(*clear, "--all") == (0, {"removed": 0, "records": 0})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["inspect", "nowhere"], "nowhere is no local store; name the folder"),
        (["check", "nowhere"], "nowhere is no local store"),
        (["clear", "nowhere"], "say which records go"),
        (["clear", "nowhere", "--all", "--namespace", "a"], "say which records go"),
        (["explain", "price"], "'price' is not allowed; it must be MODULE:FUNCTION"),
        (["explain", "no_such_module:price"], "no_such_module can't be imported: ModuleNotFoundError"),
        (["explain", f"{SEEDED}:nothing"], "has no attribute 'nothing'"),
        (["explain", f"{SEEDED}:version"], "is no cached function but a function; decorate it"),
        (["explain", f"{SEEDED}:without"], "has no store; say with --namespace and --store"),
        (["explain", f"{SEEDED}:price", "--args", "tea"], "--args: 'tea' is no JSON"),
        (["explain", f"{SEEDED}:price"], "missing a required argument: 'item'"),
        (["explain", f"{SEEDED}:price", "--args", '[{"a": 1}]'], "unhashable"),
        (["explain", f"{SEEDED}:price", "--args", "5"], "'5' is no call; a call is a JSON list or a JSON object"),
        (["seed", f"{SEEDED}:price", "--args", "nowhere", "--store", "x"], "--args nowhere: No such file"),
        (["seed", f"{SEEDED}:price", "--args", "-", "--store", "x", "--jobs", "0"], "--jobs 0 is not allowed"),
    ],
)
def test_wrong_usage_is_told_in_a_line_and_makes_nothing(shop: Shop, arguments: list[str], said: str) -> None:
    code, out, err = shop.run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"versioned_lru_cache {arguments[0]}: ")
    assert said in err
    assert err.count("\n") == 1
    assert not Path("nowhere").exists()


def test_a_line_that_is_no_call_is_told_by_its_number(shop: Shop) -> None:
    shop.lines.write_text('["tea"]\ntea\n')
    code, _, err = shop.run("seed", f"{SEEDED}:price", "--args", str(shop.lines), "--store", shop.image)
    assert code == 2
    assert f"{shop.lines}:2: 'tea' is no JSON" in err


def test_the_version_is_printed_by_a_real_process() -> None:
    command = [sys.executable, "-m", "versioned_lru_cache", "--version"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == f"versioned-lru-cache {__version__}\n"
    ran = subprocess.run([*command[:3], "inspect"], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_who_reads_no_further_gets_no_complaint(shop: Shop, unbuffered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    shop.seed()
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "versioned_lru_cache", "inspect", shop.image],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ran.returncode, ran.stderr) == (1, "")


def test_a_terminal_gets_tables_that_rich_draws(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.seed()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    _, out, _ = shop.run("inspect", shop.image)
    assert "┃" in out
    assert f"{SEEDED}.price" in out
    monkeypatch.setitem(sys.modules, "rich.console", None)
    _, out, _ = shop.run("inspect", shop.image)
    assert out.startswith("NAMESPACE")
