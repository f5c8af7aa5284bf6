"""The fixed scenario of the workers' demo: a gunicorn with four workers, and what each step is expected to compute."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from report_scenario import fetch_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WORKERS = 4
REQUESTS = 40
CLIENTS = 8
ITEM = "tea"
TIME_LIMIT = 60.0


def gunicorn_command(folder: Path, seconds: float, port: int, options: Sequence[str] = ()) -> list[str]:
    """Return what starts the server."""
    return [
        sys.executable,
        "-m",
        "gunicorn",
        f"--workers={WORKERS}",
        f"--bind=127.0.0.1:{port}",
        f"--chdir={Path(__file__).parent}",
        "--no-control-socket",
        *options,
        f"flask_workers:create_app({str(folder)!r}, {seconds!r})",
    ]


@contextmanager
def serving(command: Sequence[str], log: Path) -> Iterator[str]:
    """Start a server and yield its address. At the end all workers have ended."""
    with log.open("w") as errors:
        server = subprocess.Popen(command, stderr=errors, stdin=subprocess.DEVNULL, start_new_session=True)
    last_resort = Timer(2 * TIME_LIMIT, os.killpg, (server.pid, signal.SIGKILL))
    last_resort.start()
    try:
        yield address_in(log, server)
        server.terminate()
        server.wait(TIME_LIMIT)
    finally:
        last_resort.cancel()
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def address_in(log: Path, server: subprocess.Popen[bytes]) -> str:
    """Wait until all workers of a server are there, and return its address."""
    until = time.monotonic() + TIME_LIMIT
    while time.monotonic() < until and server.poll() is None:
        said = log.read_text()
        found = re.search(r"Listening at: (http://\S+)", said)
        if found and said.count("Booting worker") >= WORKERS:
            return found[1]
        time.sleep(0.02)
    raise RuntimeError(f"gunicorn has not started:\n{log.read_text()}")


def ask_often(address: str) -> list[dict[str, Any]]:
    """Ask for the report many times, several at once, and until each worker has answered."""
    answers: list[dict[str, Any]] = []
    until = time.monotonic() + TIME_LIMIT
    with ThreadPoolExecutor(CLIENTS) as pool:
        while len(answers) < REQUESTS or len({answer["worker"] for answer in answers}) < WORKERS:
            if time.monotonic() > until:
                raise RuntimeError(f"not all of {WORKERS} workers have answered within {TIME_LIMIT:g} seconds")
            answers += pool.map(lambda _: fetch_json(f"{address}/api/report/{ITEM}")[0], range(CLIENTS))
    return answers


def computations(folder: Path) -> list[str]:
    """Return the worker of each computation that has begun, oldest first."""
    told = folder / "computations"
    return [line.split()[0] for line in told.read_text().splitlines()] if told.exists() else []


class Scenario:
    """What was done to a server step by step, and what was not as expected."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.complaints: list[str] = []
        self.price: int | None = None
        print(f"{'step':<34}{'requests':>9}{'workers':>9}{'computed':>10}{'store':>7}{'memory':>8}{'seconds':>9}")

    def step(self, name: str, expected: int, ask: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Do a step of which so many computations are expected, and print a line about it."""
        before, began = len(computations(self.folder)), time.perf_counter()
        answers = ask()
        seconds = time.perf_counter() - began
        begun = len(computations(self.folder)) - before
        sources = Counter(answer["source"] for answer in answers)
        workers = len({answer["worker"] for answer in answers})
        print(
            f"{name:<34}{len(answers):>9}{workers:>9}{begun:>10}{sources['store']:>7}{sources['memory']:>8}"
            f"{seconds:>9.2f}"
        )
        if begun != expected:
            self.complaints.append(f"{name}: {begun} computations have begun, {expected} were expected")
        wrong = [answer["price"] for answer in answers if self.price is not None and answer["price"] != self.price]
        if wrong:
            self.complaints.append(f"{name}: the price is {self.price}, and {len(wrong)} answers said {wrong[0]}")
        self.price = answers[0]["price"]
        return answers

    def change(self, address: str) -> None:
        """Change the data."""
        self.price = fetch_json(f"{address}/api/prices/{ITEM}", form={})[0]["price"]


def run_scenario(folder: Path, seconds: float) -> list[str]:
    """Go through the steps, print a line about each, and return in words all that was not as expected."""
    scenario = Scenario(folder)
    command, log = gunicorn_command(folder, seconds, 0), folder / "gunicorn.log"
    with serving(command, log) as address:
        scenario.change(address)
        scenario.step("a change, then requests at once", 1, lambda: ask_often(address))
        scenario.step("more requests", 0, lambda: ask_often(address))
    with serving(command, log) as address:
        scenario.step("after a restart", 0, lambda: ask_often(address))
        scenario.change(address)
        scenario.step("after another change", 1, lambda: ask_often(address))
        scenario.change(address)
        scenario.step("a worker is killed as it computes", 2, lambda: ask_while_one_is_killed(address, folder))
    return scenario.complaints


def ask_while_one_is_killed(address: str, folder: Path) -> list[dict[str, Any]]:
    """Ask at once, and kill the worker that computes. Its own request fails, all others are answered."""
    before = len(computations(folder))

    def ask(_: int) -> dict[str, Any] | None:
        try:
            return fetch_json(f"{address}/api/report/{ITEM}")[0]
        except (OSError, HTTPException):
            return None

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = [pool.submit(ask, number) for number in range(REQUESTS)]
        until = time.monotonic() + TIME_LIMIT
        while len(computations(folder)) == before and time.monotonic() < until:
            time.sleep(0.005)
        os.kill(int(computations(folder)[before]), signal.SIGKILL)
        given = [answer.result() for answer in answers]
    found = [answer for answer in given if answer is not None]
    if len(found) < REQUESTS - 1:
        raise RuntimeError(f"{REQUESTS - len(found)} requests have failed, and only that of the killed worker may")
    return found
