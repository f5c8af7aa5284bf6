"""Whether `explain` finds out what a program would do with the record that its store has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.commands.program import Program
from versioned_lru_cache.commands import main
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.thread_unsafe(reason="the functions of one module, and what is printed")

EXPLAINED = "tests.programs.explained"


class Explained(Program):
    """A program with a store, and what `explain` says of its calls."""

    module, variable = EXPLAINED, "EXPLAINED"

    def run(self, function: str, call: str = '["tea"]') -> tuple[int, bool | None, str | None]:
        """Return the code, whether the record would be loaded, and why not."""
        self.start()
        self.capsys.readouterr()
        code = main(["explain", f"{EXPLAINED}:{function}", "--args", call, "--json"])
        told = json.loads(self.capsys.readouterr().out)
        return code, told["loads"], told["why"]


@pytest.fixture
def explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Explained:
    return Explained(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("function", ["plain", "awaited", "original", "with_default", "revalidated"])
def test_a_record_is_loaded_as_long_as_its_version_is_that_of_now(explained: Explained, function: str) -> None:
    assert explained.run(function) == (1, False, "there is no record")
    assert not (explained.folder / "store").exists(), "a look makes no store"
    program = explained.start()
    program.call(function, "tea")
    program.store.close()
    assert explained.run(function) == (0, True, None)
    assert explained.run(function, '{"item": "tea", "amount": 1}') == (0, True, None)
    if function != "with_default":  # Its version function says nothing, so its version stays.
        explained.set_version("2")
        code, loads, why = explained.run(function)
        assert (code, loads) == (1, False)
        assert "its version is '2' now" in str(why)
    assert explained.runs() == ["tea"], "nothing is computed to look"


def test_a_record_that_is_too_old_is_not_loaded(explained: Explained) -> None:
    with MockClock() as clock:
        program = explained.start()
        program.call("short", "tea")
        program.store.close()
        assert explained.run("short") == (0, True, None)
        clock.advance(61)
        code, loads, why = explained.run("short")
    assert (code, loads) == (1, False)
    assert "too old" in str(why)


def test_a_version_that_can_not_be_asked_is_told(explained: Explained) -> None:
    program = explained.start()
    program.call("plain", "tea")
    program.store.close()
    (explained.folder / "version").unlink()
    code, loads, why = explained.run("plain")
    assert (code, loads) == (1, None)
    assert str(why).startswith("FileNotFoundError: ")
