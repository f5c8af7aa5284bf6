"""Functions that have no store where they are seeded: `--namespace` says under which one the program will look."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT
from versioned_lru_cache.commands import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.thread_unsafe(reason="the functions of one module, and what is printed")

BAKED_IN = "tests.programs.baked_in"


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Any, str]]:
    """Run a command on a function of the program; its code, its JSON and its complaint."""
    monkeypatch.delenv("BAKED", raising=False)
    monkeypatch.chdir(ROOT)
    (tmp_path / "calls.jsonl").write_text('["tea"]\n')

    def run(command: str, function: str, *more: str) -> tuple[int, Any, str]:
        sys.modules.pop(BAKED_IN, None)
        importlib.import_module(BAKED_IN)
        args = str(tmp_path / "calls.jsonl") if command == "seed" else '["tea"]'
        capsys.readouterr()
        code = main([command, f"{BAKED_IN}:{function}", "--args", args, "--json", *more])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else None, printed.err

    return run


def test_a_program_that_has_the_store_computes_nothing(run: Any, tmp_path: Path) -> None:
    where = ("--store", str(tmp_path / "image"), "--namespace", "shop")
    for function, jobs in (("price", "1"), ("awaited", "1"), ("by_the_original", "2")):
        assert run("seed", function, *where, "--jobs", jobs)[:2] == (
            0,
            {"computed": 1, "there": 0, "not_stored": 0, "failed": 0, "evicted": 0},
        )
    assert run("seed", "price", *where)[1]["there"] == 1

    (tmp_path / "elsewhere").mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", f"from {BAKED_IN} import answer; answer()"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path / "elsewhere",
        env={**os.environ, "BAKED": str(tmp_path / "image"), "PYTHONPATH": str(ROOT)},
    )
    assert (ran.returncode, ran.stdout) == (0, "[]\n"), ran.stderr


def test_it_is_explained_by_what_is_there(run: Any, tmp_path: Path) -> None:
    where = ("--store", str(tmp_path / "image"), "--namespace", "shop")
    run("seed", "price", *where)
    code, told, _ = run("explain", "price", *where)
    assert (code, told["record"], told["loads"], told["function"]) == (0, "there", True, f"{BAKED_IN}.price")
    code, told, _ = run("explain", "price", *where[:2], "--namespace", "other")
    assert (code, told["record"], told["loads"]) == (1, "none", False)


@pytest.mark.parametrize(
    ("command", "function", "more", "said"),
    [
        ("seed", "price", ["--store", "x"], "has no store; say with --namespace and --store where"),
        ("explain", "price", [], "has no store; say with --namespace and --store where"),
        ("explain", "price", ["--namespace", "shop"], "has no store; say with --namespace and --store where"),
        ("seed", "price", ["--store", "x", "--namespace", ""], "namespace='': must name what is stored"),
        ("seed", "of_this_process", ["--store", "x", "--namespace", "shop"], "means something in this process only"),
    ],
)
def test_what_can_not_be_is_told_in_a_line(
    run: Any, command: str, function: str, more: list[str], said: str, tmp_path: Path
) -> None:
    code, told, complaint = run(command, function, *more)
    assert (code, told) == (2, None)
    assert said in complaint
    assert complaint.count("\n") == 1
    assert not (ROOT / "x").exists()


def test_a_store_of_its_own_has_its_own_namespace(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKED", str(tmp_path / "own"))
    where = ("--store", str(tmp_path / "image"))
    code, _, complaint = run("seed", "price", *where, "--namespace", "other")
    assert code == 2
    assert "--namespace other: tests.programs.baked_in:price has a store of the namespace 'shop'" in complaint
    assert run("seed", "price", *where, "--namespace", "shop")[1]["computed"] == 1
