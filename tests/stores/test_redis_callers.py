"""Eight processes call the same functions over a Redis store, while some are killed or stopped, and the server too.

`make stress-stores` kills more of them: STORE_KILLS says how many.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests import ROOT
from tests.programs.redis_callers import KEYS, LEASE_SECONDS, World
from tests.support.calling import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.redis_server import RedisServer

pytestmark = [pytest.mark.child, pytest.mark.slow]

KILLS = int(os.environ.get("STORE_KILLS", "6"))
PROCESSES = 8


class Callers:
    """The processes, and what they have told."""

    def __init__(self, server: RedisServer, folder: Path, timeout: float, clears: float) -> None:
        self.world = World(str(folder))
        self._given = server.url, str(folder), timeout, clears
        self._drawn = random.Random(11)
        self._started = 0
        self._rests = 0
        self.told: list[str] = []
        self.running = [self._start() for _ in range(PROCESSES)]
        for each in self.running:
            assert each.stdout is not None
            assert each.stdout.readline() == "begun\n"

    def _start(self) -> subprocess.Popen[str]:
        url, folder, timeout, clears = self._given
        self._started += 1
        given = f"{url!r}, {folder!r}, {self._started}, {timeout}, {clears}"
        code = f"from tests.programs.redis_callers import calls_until_killed\ncalls_until_killed({given})"
        return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def go_on(self, seconds: float) -> None:
        """Let them call, and change what they read."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.world.change(self._drawn.randrange(KEYS))
            time.sleep(0.05)

    def change_all_at_rest(self) -> None:
        """Change all that they read while none of them is in a call: who is late would ask for an older version."""
        self._rests += 1
        self.world.rest = self._rests
        until(lambda: self._resting() >= {each.pid for each in self.running}, within=60)
        for key in range(KEYS):
            self.world.change(key)
        self.world.rest = 0

    def _resting(self) -> set[int]:
        return {int(pid) for act, rest, _, pid in self.world.noted() if act == "rests" and int(rest) == self._rests}

    def one_that_computes(self) -> subprocess.Popen[str]:
        """Return a process in the middle of a computation, if there is one."""
        under_way = Counter[int]()
        for act, *_, pid in self.world.noted():
            under_way[int(pid)] += {"begins": 1, "ends": -1, "rests": 0}[act]
        leaders = [each for each in self.running if under_way[each.pid]]
        return self._drawn.choice(leaders or self.running)

    def kill(self, process: subprocess.Popen[str], *, replace: bool = True) -> None:
        """Kill one, and start another in its place."""
        assert process.poll() is None, "it has ended by itself"
        process.kill()
        with process:
            assert process.stdout is not None
            self.told += [line for line in process.stdout.read().splitlines() if line != "begun"]
        self.running.remove(process)
        if replace:
            self.running.append(self._start())

    def stop_past_its_lease(self, process: subprocess.Popen[str]) -> None:
        """Stop one until others have its leases, and let it go on."""
        process.send_signal(signal.SIGSTOP)
        self.go_on(LEASE_SECONDS + 0.5)
        process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill all."""
        while self.running:
            self.kill(self.running[0], replace=False)

    def all_answer(self) -> None:
        """Wait until each process that runs has ended a computation of what has changed since."""
        before = len(self.world.noted())
        waiting, limit = {each.pid for each in self.running}, time.monotonic() + 60
        while waiting:
            assert time.monotonic() < limit, f"{len(waiting)} processes compute nothing more"
            self.go_on(0.5)
            waiting -= {int(pid) for act, *_, pid in self.world.noted()[before:] if act == "ends"}


def test_each_version_is_computed_once_though_some_who_compute_are_killed(server: RedisServer, tmp_path: Path) -> None:
    """Only what was computed by who was killed before it could save is computed again."""
    callers = Callers(server, tmp_path, timeout=20.0, clears=0.0)
    killed: set[tuple[str, str]] = set()
    try:
        for _ in range(KILLS):
            callers.change_all_at_rest()
            time.sleep(0.05)
            process = callers.one_that_computes()
            callers.kill(process)
            killed.add((str(callers.world.version(0)), str(process.pid)))
        callers.change_all_at_rest()
    finally:
        callers.end()
    assert callers.told == []
    ends = Counter(
        (key, version)
        for act, key, version, pid in callers.world.noted()
        if act == "ends" and (version, pid) not in killed
    )
    assert len(ends) > KILLS
    assert [each for each, times in ends.items() if times > 1] == []


def test_nothing_stale_comes_though_processes_and_servers_are_killed_and_stopped(
    own_server: RedisServer, tmp_path: Path
) -> None:
    callers = Callers(own_server, tmp_path, timeout=0.5, clears=0.02)
    try:
        for turn in range(KILLS):
            callers.go_on(0.2)
            if turn % 3 == 0:
                own_server.kill()
                callers.go_on(0.3)
                own_server.start()
            elif turn % 3 == 1:
                callers.stop_past_its_lease(callers.one_that_computes())
            else:
                callers.kill(callers.one_that_computes())
        callers.all_answer()
    finally:
        callers.end()
    assert callers.told == []
    assert len(callers.world.noted()) > 20
