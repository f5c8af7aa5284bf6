"""What docs/stores.md shows of the command line is what it prints, and the fields that it names are those there are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT
from versioned_lru_cache.commands import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.child

SECTION = (ROOT / "docs" / "stores.md").read_text(encoding="utf-8").split("## Command line\n")[1].split("\n## ")[0]
PROGRAM = """\
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import LocalStore

@versioned_lru_cache("1", store=LocalStore("/baked/in", namespace="shop", read_only=True))
def price(item, amount=1):
    return {"item": item, "price": 3 * amount}
"""


def shown() -> list[tuple[str, str]]:
    """The commands of the section, each with what it prints."""
    (block,) = re.findall(r"^```text\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
    return [(command, printed) for command, printed in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)]


def without_what_changes(printed: str) -> list[list[str]]:
    """The words of each line, but for the revision, which differs with Python, for sizes and for ages."""
    lines = [re.sub(r"\b[0-9a-f]{32}\b", "REVISION", line) for line in printed.splitlines()]
    lines = [re.sub(r"\b[\d.]+ s\b", "AGE", line) for line in lines]
    return [[re.sub(r"^\d{3}$", "SIZE", word) for word in line.split()] for line in lines]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "prices.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("shop", "shop.prices"):
        sys.modules.pop(name, None)


def test_what_is_shown_is_what_is_printed(shop: Path) -> None:
    commands = shown()
    assert [command.split()[0] for command, _ in commands] == ["cat", "python", "python"]
    (shop / "calls.jsonl").write_text(commands[0][1])
    for command, printed in commands[1:]:
        words = [sys.executable, *command.split()[1:]]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=shop, env=os.environ)
        assert ran.returncode == 0, ran.stderr
        assert without_what_changes(ran.stdout) == without_what_changes(printed)


def test_all_fields_are_documented(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])
    (shop / "calls.jsonl").write_text('["tea"]\n')
    commands = [
        ["seed", "shop.prices:price", "--args", "calls.jsonl", "--store", "store"],
        ["inspect", "store"],
        ["inspect", "store", "--function", "shop.prices.price"],
        ["explain", "shop.prices:price", "--args", '["tea"]', "--store", "store"],
        ["check", "store"],
        ["prune", "store"],
        ["clear", "store", "--all"],
    ]
    for command in commands:
        capsys.readouterr()
        assert main([*command, "--json"]) == 0
        told: Any = json.loads(capsys.readouterr().out)
        fields = (told[0] if command[0] == "inspect" else told).keys()
        assert [name for name in fields if f"`{name}`" not in SECTION] == [], command


def test_each_command_tells_its_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("seed", "inspect", "explain", "check", "prune", "clear"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert "exit codes: 0, all is well; 1, " in capsys.readouterr().out
