"""What `seed` tells of a line is what the store has then, however the function, its memory and its session fare."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

import pytest

from tests.commands.program import Program
from versioned_lru_cache.commands import main
from versioned_lru_cache.stores import LocalStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.thread_unsafe(reason="the functions of one module, and what is printed")

AWKWARD = "tests.programs.awkward_seeds"


class Seeding(Program):
    """A program, and what `seed` makes of its calls."""

    module, variable = AWKWARD, "AWKWARD"

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(folder, monkeypatch, capsys)
        self.image = folder / "image"

    def run(self, function: str, lines: Sequence[object], *more: str) -> tuple[int, dict[str, int], str]:
        """Seed from these lines. Return the code, what became of how many calls, and what was complained of."""
        text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        (self.folder / "calls.jsonl").write_text(text)
        sys.modules.pop(AWKWARD, None)
        self.capsys.readouterr()
        where = ("--args", str(self.folder / "calls.jsonl"), "--store", str(self.image))
        code = main(["seed", f"{AWKWARD}:{function}", *where, "--json", *more])
        printed = self.capsys.readouterr()
        return code, {what: count for what, count in json.loads(printed.out).items() if count}, printed.err

    def versions(self) -> list[str]:
        with LocalStore(self.image, namespace="awkward", read_only=True) as store:
            return sorted(str(record.version) for record in store.records())


@pytest.fixture
def seeding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Seeding:
    return Seeding(tmp_path, monkeypatch, capsys)


def test_each_call_has_a_session_of_its_own_also_where_the_function_is_bound_to_one(seeding: Seeding) -> None:
    assert seeding.run("bound", [["first"], ["turns"], ["last"]])[:2] == (0, {"computed": 3})
    # What was read before the data changed is of the old version, and what comes after it is not.
    assert seeding.versions() == ["'1'", "'1'", "'2'"]


def test_a_record_that_the_store_does_not_take_is_not_counted_as_stored(seeding: Seeding) -> None:
    code, counted, said = seeding.run("large", [[10], [2**20 + 1]])
    assert (code, counted) == (1, {"computed": 1, "not_stored": 1})
    assert "calls.jsonl:2: the function keeps no such result" in said
    assert "max_bytes" in said


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_store_that_is_too_small_for_all_is_told(seeding: Seeding, jobs: str) -> None:
    lines = [[2**17 + number] for number in range(12)]  # 1.5 MiB, and the bound is 1 MiB
    code, counted, said = seeding.run("large", lines, "--jobs", jobs)
    kept = len(seeding.versions())
    assert (code, counted) == (1, {"computed": 12, "evicted": 12 - kept})
    assert f"{12 - kept} records were evicted to make room" in said
    assert "larger max_bytes" in said


def test_what_only_memory_has_is_not_there(seeding: Seeding) -> None:
    code, counted, _ = seeding.run("large", [[2**20 + 1], [2**20 + 1]])
    assert (code, counted) == (1, {"not_stored": 2})


def test_what_the_function_keeps_not_is_not_stored(seeding: Seeding) -> None:
    code, counted, said = seeding.run("unwanted", [["a"]])
    assert (code, counted) == (1, {"not_stored": 1})
    assert "cache_if" in said


def test_a_record_that_was_damaged_is_computed_again_and_counted_so(seeding: Seeding) -> None:
    seeding.run("large", [[10]])
    with LocalStore(seeding.image, namespace="awkward") as store:
        (record,) = store.records()
        lease = store.acquire(record.address, b"version")
        assert lease is not None
        assert store.save(lease, b"damaged")
        store.release(lease)
    assert seeding.run("large", [[10]])[:2] == (0, {"computed": 1})
    assert seeding.run("large", [[10]])[:2] == (0, {"there": 1})


def test_an_old_result_that_stands_in_for_its_source_is_a_failure(seeding: Seeding) -> None:
    assert seeding.run("stands_in", [["a"]])[:2] == (0, {"computed": 1})
    seeding.set_version("empty")
    code, counted, said = seeding.run("stands_in", [["a"], ["b"]])
    assert (code, counted) == (1, {"failed": 2})
    assert "calls.jsonl:1: an old result answered, since the source of its data fails" in said
    assert "calls.jsonl:2: LookupError: the source is empty" in said


def test_what_was_found_unchanged_is_there_under_the_new_version(seeding: Seeding) -> None:
    seeding.run("revalidated", [["a"]])
    seeding.set_version("2")
    assert seeding.run("revalidated", [["a"]])[0] == 0
    assert seeding.versions() == ["'2'"]
    assert seeding.run("revalidated", [["a"]])[:2] == (0, {"there": 1})


def test_lists_in_arguments_are_tuples_unless_the_function_makes_its_own_key(seeding: Seeding) -> None:
    assert seeding.run("pair", [[["a", ["b", "c"]]], {"both": ["a", ["b", "c"]]}])[:2] == (
        0,
        {"computed": 1, "there": 1},
    )
    assert seeding.run("keyed", [[["a", "b"]]])[:2] == (0, {"computed": 1})
    program = seeding.start()
    program.store.reopen(seeding.image, read_only=True)
    assert program.pair(("a", ("b", "c"))) == "('a', ('b', 'c'))"
    assert program.keyed(["a", "b"]) == "['a', 'b']"
    assert program.pair.cache_stats().store_hits == program.keyed.cache_stats().store_hits == 1
    program.store.close()


def test_a_function_of_the_original_decorator_finds_what_was_seeded(seeding: Seeding) -> None:
    assert seeding.run("by_the_original", [["a"], {"item": "b"}])[:2] == (0, {"computed": 2})
    program = seeding.start()
    program.store.reopen(seeding.image, read_only=True)
    assert [program.by_the_original("a"), program.by_the_original("b")] == ["a", "b"]
    assert program.by_the_original.cache_info().misses == 0
    program.store.close()


def test_coroutines_share_one_event_loop(seeding: Seeding) -> None:
    assert seeding.run("in_a_loop", [["a"], ["b"]])[:2] == (0, {"computed": 2})
    first, second = sys.modules[AWKWARD].loops
    assert first is second
    assert first.is_closed()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_the_program_prints_is_no_part_of_the_json(seeding: Seeding, jobs: str) -> None:
    code, counted, said = seeding.run("prints", [["a"]], "--jobs", jobs)  # It has read the JSON.
    assert (code, counted) == (0, {"computed": 1})
    assert "what a module prints" in said


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_line_that_is_no_call_ends_it_after_those_before(seeding: Seeding, jobs: str) -> None:
    code, counted, said = seeding.run("prints", [["a"], ["b"], "nonsense", ["c"]], "--jobs", jobs)
    assert (code, counted) == (2, {"computed": 2})
    assert "calls.jsonl:3: 'nonsense' is no JSON" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("line", [b'["\xff"]', b"[" * 100_000], ids=["no text", "too deep"])
def test_a_line_that_can_not_be_read_is_wrong_usage(seeding: Seeding, line: bytes) -> None:
    lines = seeding.folder / "odd.jsonl"
    lines.write_bytes(b'["a"]\n' + line + b"\n")
    code = main(["seed", f"{AWKWARD}:prints", "--args", str(lines), "--store", str(seeding.image)])
    assert code == 2
    assert "odd.jsonl:" in seeding.capsys.readouterr().err


def test_the_logger_of_stores_is_as_it_was(seeding: Seeding) -> None:
    log = logging.getLogger("versioned_lru_cache.stores")
    before = log.handlers[:], log.level, log.propagate
    seeding.run("prints", [["a"]])
    assert (log.handlers, log.level, log.propagate) == before


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('boom')", "ValueError: boom"),
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("raise SystemExit(7)", "SystemExit: 7"),
        ("import no_such_module_at_all", "No module named 'no_such_module_at_all'"),
    ],
)
def test_a_module_that_can_not_be_imported_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], source: str, said: str
) -> None:
    (tmp_path / "unsound_module.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    sys.modules.pop("unsound_module", None)
    code = main(["seed", "unsound_module:f", "--args", "-", "--store", str(tmp_path / "store")])
    told = capsys.readouterr().err
    assert code == 2
    assert "unsound_module can't be imported: " in told
    assert said in told
    assert told.count("\n") == 1
