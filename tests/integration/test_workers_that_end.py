"""Gunicorn workers that share a store and end: killed as they compute, under load, by a time-out, by their age."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from threading import Event, Lock
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError

import pytest

from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORKERS = 4
CLIENTS = 8
TIME_LIMIT = 30.0
ITEMS = ("tea", "rice", "salt", "oil")

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork, on which there is no gunicorn"),
]


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + TIME_LIMIT
    while not holds():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.005)


def asked(scenario: Any, url: str) -> dict[str, Any] | None:
    """The answer, or nothing where the connection broke. An answer that says that the server failed is a failure."""
    try:
        answer: dict[str, Any] = scenario.fetch_json(url)[0]
    except HTTPError as error:
        error.close()
        raise
    except (ConnectionError, HTTPException):
        return None
    except URLError as error:
        if isinstance(error.reason, ConnectionError):
            return None
        raise
    return answer


class Hanging:
    """The app that hangs once."""

    def __init__(self, scenario: Any, folder: Path, *options: str, wait: float | None = None) -> None:
        self.folder = folder
        (folder / "data").write_text("one")
        (folder / "hang").touch()
        command = scenario.gunicorn_command(folder, 0.0, 0, [f"--pythonpath={ROOT}", *options])
        self.command = [*command[:-1], f"tests.programs.worker_that_hangs:create_app({str(folder)!r}, {wait})"]
        self.log = folder / "gunicorn.log"

    def told(self, what: str) -> list[int]:
        """The worker of each request, wait or computation that has begun, oldest first."""
        path = self.folder / what
        return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_who_waits_for_a_worker_that_is_killed_is_answered(scenario: Any, tmp_path: Path) -> None:
    app = Hanging(scenario, tmp_path)
    with scenario.serving(app.command, app.log) as address, ThreadPoolExecutor(WORKERS) as pool:
        pending = [pool.submit(asked, scenario, address) for _ in range(WORKERS)]
        # A worker that is busy takes no other request, so each of the four has one, and one of them computes.
        wait_until(lambda: len(set(app.told("waits"))) == WORKERS - 1 and not (tmp_path / "hang").exists())
        (first,) = app.told("computations")
        assert not any(each.done() for each in pending), "they wait for it"
        os.kill(first, signal.SIGKILL)
        answers = [each.result(TIME_LIMIT) for each in pending]
    assert answers.count(None) == 1, "that of the killed worker"
    given = [answer for answer in answers if answer is not None]
    _, second = app.told("computations")
    assert second != first
    assert {(answer["data"], answer["computed_by"]) for answer in given} == {("one", second)}
    assert {answer["worker"] for answer in given} == set(app.told("requests")) - {first}


def test_a_worker_that_gunicorn_ends_for_its_time_out_frees_its_lease(scenario: Any, tmp_path: Path) -> None:
    app = Hanging(scenario, tmp_path, "--timeout=2")

    def answered(address: str) -> dict[str, Any]:
        """Who waits for the lease is as busy for gunicorn as its holder, and may be ended too."""
        while True:
            with suppress(HTTPError):
                answer = asked(scenario, address)
                if answer is not None:
                    return answer

    with scenario.serving(app.command, app.log) as address, ThreadPoolExecutor(2) as pool:
        hanging = pool.submit(asked, scenario, address)
        wait_until(lambda: bool(app.told("computations")) and not (tmp_path / "hang").exists())
        answer = pool.submit(answered, address).result(TIME_LIMIT)
        with pytest.raises(HTTPError, match="500"):
            hanging.result(TIME_LIMIT)
    first, second = app.told("computations")
    assert f"WORKER TIMEOUT (pid:{first})" in app.log.read_text()
    assert (answer["data"], answer["computed_by"]) == ("one", second)


def test_who_is_told_how_long_to_wait_computes_after_that(scenario: Any, tmp_path: Path) -> None:
    app = Hanging(scenario, tmp_path, wait=0.2)
    with scenario.serving(app.command, app.log) as address, ThreadPoolExecutor(2) as pool:
        hanging = pool.submit(asked, scenario, address)
        wait_until(lambda: bool(app.told("computations")) and not (tmp_path / "hang").exists())
        try:
            answer = pool.submit(asked, scenario, address).result(TIME_LIMIT)
            assert not hanging.done()
        finally:
            os.kill(app.told("computations")[0], signal.SIGKILL)
    assert answer is not None
    first, second = app.told("computations")
    assert answer["worker"] == answer["computed_by"] == second != first


def test_workers_that_are_killed_under_load_cost_only_their_own_requests(scenario: Any, tmp_path: Path) -> None:
    kills = 6
    prices, lock, over = dict.fromkeys(ITEMS, 100), Lock(), Event()
    counts = {"answers": 0, "broken": 0}

    def load(number: int, address: str) -> None:
        turn = number
        while not over.is_set():
            turn += 1
            item = ITEMS[turn % len(ITEMS)]
            least = prices[item]  # The change to it was answered before this request begins.
            answer = asked(scenario, f"{address}/api/report/{item}")
            with lock:
                counts["broken" if answer is None else "answers"] += 1
            if answer is not None:
                assert answer["item"] == item
                # At most one more: that change has begun, and its answer is not here yet.
                assert least <= answer["price"] <= prices[item] + 1

    def more(amount: int) -> None:
        goal = counts["answers"] + amount
        wait_until(lambda: counts["answers"] >= goal or any(client.done() for client in clients))

    command, log = scenario.gunicorn_command(tmp_path, 0.05, 0), tmp_path / "gunicorn.log"
    with scenario.serving(command, log) as address, ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(load, number, address) for number in range(CLIENTS)]
        try:
            more(20)
            killed: set[int] = set()
            for turn in range(kills):
                item = ITEMS[turn % len(ITEMS)]
                before = len(scenario.computations(tmp_path))
                prices[item] = scenario.fetch_json(f"{address}/api/prices/{item}", {})[0]["price"]
                wait_until(lambda begun=before: len(scenario.computations(tmp_path)) > begun)
                # Who computes now, and at every other turn somebody else.
                last = int(scenario.computations(tmp_path)[-1])
                alive = [pid for pid in booted(log) if pid not in killed and (turn % 2 == 0) == (pid == last)]
                if alive:
                    killed.add(alive[0])
                    os.kill(alive[0], signal.SIGKILL)
                more(20)
        finally:
            over.set()
        for client in clients:
            client.result(TIME_LIMIT)
    assert len(killed) >= kills // 2
    assert counts["broken"] <= len(killed), "a worker has one connection at a time"
    assert "Traceback" not in log.read_text()


def booted(log: Path) -> list[int]:
    """The workers that a server has started so far."""
    return [int(line.split()[-1]) for line in log.read_text().splitlines() if "Booting worker with pid" in line]


def test_workers_that_take_turns_load_what_others_have_computed(scenario: Any, tmp_path: Path) -> None:
    command, log = scenario.gunicorn_command(tmp_path, 0.05, 0, ["--max-requests=10"]), tmp_path / "gunicorn.log"
    with scenario.serving(command, log) as address:
        price = scenario.fetch_json(f"{address}/api/prices/tea", {})[0]["price"]
        answers: list[dict[str, Any]] = []
        while len({answer["worker"] for answer in answers}) <= WORKERS:
            answers.append(scenario.fetch_json(f"{address}/api/report/tea")[0])
        assert {answer["price"] for answer in answers} == {price}
        sources = Counter(answer["source"] for answer in answers)
        assert (sources["computed"], sources["store"]) == (1, WORKERS)
        assert len(scenario.computations(tmp_path)) == 1
    assert "Autorestarting worker" in log.read_text()
