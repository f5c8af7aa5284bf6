"""Several processes with a local store: one computation for all, right at each moment, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests import ROOT
from tests.programs import second_tier
from tests.support.child import run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.child, pytest.mark.thread_unsafe(reason="processes of its own")]


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    code = f"from tests.programs.second_tier import {program}\n{program}(*{arguments!r})"
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[str, float]:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    version, seconds = out.split()
    return version, float(seconds)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "version").write_text("1")
    (tmp_path / "runs").touch()
    return tmp_path


def runs(folder: Path) -> list[str]:
    return (folder / "runs").read_text().splitlines()


def test_eight_processes_on_a_cold_key_compute_once(folder: Path) -> None:
    processes = [start("calls_once", str(folder), "a", 1.0) for _ in range(8)]
    assert {ended(process)[0] for process in processes} == {"1"}
    assert len(runs(folder)) == 1
    assert ended(start("calls_once", str(folder), "a", 1.0))[0] == "1"
    assert len(runs(folder)) == 1, "nor is it after a restart"
    (folder / "version").write_text("2")
    assert ended(start("calls_once", str(folder), "a", 0.0))[0] == "2"
    assert len(runs(folder)) == 2


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills so there")
def test_who_is_killed_while_it_computes_delays_nobody(folder: Path) -> None:
    leader = start("calls_once", str(folder), "a", 60.0)
    while not runs(folder):
        assert leader.poll() is None, leader.communicate()[1]
        time.sleep(0.01)
    other = start("calls_once", str(folder), "a", 0.0)
    time.sleep(1.0)
    assert other.poll() is None, "it waits"
    leader.kill()
    leader.communicate()
    began = time.monotonic()
    assert ended(other)[0] == "1"
    assert time.monotonic() - began < 30
    assert len(runs(folder)) == 2


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills so there")
def test_processes_that_are_killed_at_any_moment_leave_no_wrong_answer(folder: Path) -> None:
    seconds = float(os.environ.get("STORE_SECONDS", "4"))
    end = time.monotonic() + seconds
    processes = [start("calls_without_end", str(folder), number) for number in range(4)]
    turn = 0
    while time.monotonic() < end or (len(runs(folder)) < 5 and time.monotonic() < end + 60):
        turn += 1
        time.sleep(0.3)
        victim = processes[turn % 4]
        victim.kill()
        victim.communicate()
        new = folder / "new"
        new.write_text(str(turn + 1))
        new.replace(folder / "version")
        processes[turn % 4] = start("calls_without_end", str(folder), turn % 4)
    for process in processes:
        assert process.poll() is None, process.communicate()[1]
        process.kill()
        process.communicate()
    assert [path.read_text() for path in folder.glob("wrong-*")] == []
    assert len(runs(folder)) >= 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_fork_in_the_midst_of_a_computation(folder: Path) -> None:
    run(second_tier.forks_while_it_computes, str(folder))
