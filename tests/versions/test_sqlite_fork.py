"""`versions.sqlite` of a path in a process that forks: nobody inherits its connection."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.programs import sqlite_fork
from tests.support.child import run
from tests.versions.test_sqlite import MODES, make

if TYPE_CHECKING:
    from pathlib import Path


@MODES
@pytest.mark.child
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_after_a_fork_parent_and_child_see_commits(tmp_path: Path, mode: str) -> None:
    path = make(tmp_path / "a.db", mode)
    done = run(sqlite_fork.after_a_fork_parent_and_child_see_commits, str(path))
    assert done.stderr == ""
    assert done.stdout.split() == ["child"] * 5 + ["parent"]
