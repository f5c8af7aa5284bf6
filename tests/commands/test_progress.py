"""What `seed` says of how far it has come: the share of a file that is done, and not what was only read ahead."""

from __future__ import annotations

import io
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from versioned_lru_cache.commands import _progress
from versioned_lru_cache.commands._progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.thread_unsafe(reason="the clock of a module, and what is printed")

LINES = ['["tea"]\n', "\r\n", '["räuchertee"]\r\n', '["salt"]']


class Clock:
    """A clock of the module that is turned by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_progress, "monotonic", clock)
    return clock


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "calls.jsonl"
    path.write_bytes("".join(LINES).encode())
    return path


def test_without_a_terminal_a_line_tells_the_share_every_ten_seconds(
    file: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    counted: Counter[str] = Counter()
    with open(file, encoding="utf-8", newline="") as lines, Progress(counted, lines) as progress:
        assert list(progress.reading()) == LINES  # All are read ahead.
        for number, now in ((1, 9.0), (3, 11.0), (4, 21.0)):
            counted["computed"] += 1
            clock.now = now
            progress.advance(number)
    size = file.stat().st_size
    share = (size - len(LINES[3])) / size
    said = capsys.readouterr().err.splitlines()
    assert said == [f"{share:.0%}, 2 calls: 2 computed", "100%, 3 calls: 3 computed"]


def test_of_what_has_no_known_end_no_share_is_told(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    counted = Counter(computed=1, not_stored=2)
    with Progress(counted, io.StringIO("[]\n")) as progress:
        assert list(progress.reading()) == ["[]\n"]
        clock.now = 10.0
        progress.advance(1)
    assert capsys.readouterr().err == "3 calls: 1 computed, 2 not stored\n"


@pytest.mark.parametrize("known", [True, False])
def test_a_terminal_gets_a_bar_if_the_end_is_known(
    file: Path, known: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    counted: Counter[str] = Counter()
    with open(file, encoding="utf-8", newline="") as opened:
        lines = opened if known else io.StringIO(opened.read())
        with Progress(counted, lines) as progress:
            for number, line in enumerate(progress.reading(), 1):
                if line.strip():
                    counted["there"] += 1
                    progress.advance(number)
    said = capsys.readouterr().err
    assert "3 calls: 3 there" in said
    assert ("100%" in said, "━" in said) == (known, known)


def test_a_terminal_without_rich_gets_lines(
    file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "rich", None)
    with open(file, encoding="utf-8", newline="") as lines, Progress(Counter(there=1), lines) as progress:
        next(progress.reading())
        clock.now = 10.0
        progress.advance(1)
    assert capsys.readouterr().err.endswith("%, 1 calls: 1 there\n")
