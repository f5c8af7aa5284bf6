"""A program of `tests/programs` with a store, whose cached functions commands are tried on."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from tests import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class Program:
    """The program, its version in a file of a folder, and the list of its runs in another.

    A subclass says which module it is, and in which variable of the environment the program looks for the folder.
    """

    module: str
    variable: str

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        monkeypatch.setenv(self.variable, str(folder))
        monkeypatch.chdir(ROOT)
        self.set_version("1")

    def set_version(self, version: str) -> None:
        (self.folder / "version").write_text(version)

    def start(self) -> Any:
        """Import it anew, as its next process does."""
        sys.modules.pop(self.module, None)
        return importlib.import_module(self.module)

    def runs(self) -> list[str]:
        """What it has computed, oldest first."""
        runs = self.folder / "runs"
        return runs.read_text().split() if runs.exists() else []
