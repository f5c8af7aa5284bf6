"""A run of `seed` that ends too early, by Ctrl-C or by a kill: it leaves no process, and the next one goes on."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests import ROOT
from tests.support.calling import until
from versioned_lru_cache.commands import main

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.child

SEEDED = "tests.programs.seeded"
ITEMS = [f"item{number}" for number in range(30)]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a group of processes")
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("sent", ["SIGINT to all", "SIGKILL to the first"])
def test_what_was_done_stays_and_nothing_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], jobs: int, sent: str
) -> None:
    monkeypatch.setenv("SEEDED", str(tmp_path))
    monkeypatch.setenv("SECONDS_OF_A_RUN", "0.1")
    monkeypatch.chdir(ROOT)
    (tmp_path / "version").write_text("1")
    (tmp_path / "calls.jsonl").write_text("".join(f"{json.dumps([item])}\n" for item in ITEMS))
    arguments = ["seed", f"{SEEDED}:price", "--args", str(tmp_path / "calls.jsonl"), "--store", str(tmp_path / "image")]
    command = [sys.executable, "-m", "versioned_lru_cache", *arguments, "--json", "--jobs", str(jobs)]
    runs = tmp_path / "runs"
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        try:
            until(lambda: runs.exists() and len(runs.read_text().split()) >= 4)
            if sent == "SIGINT to all":  # as a terminal does
                os.killpg(child.pid, signal.SIGINT)
            else:
                child.kill()
            out, err = child.communicate(timeout=20)  # The pipes are closed by the last of its processes.
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
    if sent == "SIGINT to all":
        assert child.returncode == 130, err
        assert json.loads(out)["computed"] >= 1
    assert "Traceback" not in err
    begun = runs.read_text().split()
    assert len(begun) < len(ITEMS)

    monkeypatch.setenv("SECONDS_OF_A_RUN", "0")
    sys.modules.pop(SEEDED, None)
    importlib.import_module(SEEDED)
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["computed"] + told["there"] == len(ITEMS)
    assert told["there"] >= len(begun) - jobs, "at most what each process was at is computed again"
    assert set(runs.read_text().split()) == set(ITEMS)
