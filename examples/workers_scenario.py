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
from itertools import cycle, islice
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
    return gunicorn(f"flask_workers:create_app({str(folder)!r}, {seconds!r})", port, WORKERS, options)


def gunicorn(app: str, port: int, workers: int, options: Sequence[str] = ()) -> list[str]:
    """Return what starts so many workers that serve an app of this folder."""
    return [
        sys.executable,
        "-m",
        "gunicorn",
        f"--workers={workers}",
        f"--bind=127.0.0.1:{port}",
        f"--chdir={Path(__file__).parent}",
        "--no-control-socket",
        *options,
        app,
    ]


@contextmanager
def serving(
    command: Sequence[str], log: Path, workers: int = WORKERS, limit: float | None = 2 * TIME_LIMIT
) -> Iterator[str]:
    """Start a server and yield its address. At the end, and after so many seconds, all workers have ended."""
    with log.open("w") as errors:
        server = subprocess.Popen(command, stderr=errors, stdin=subprocess.DEVNULL, start_new_session=True)
    last_resort = Timer(limit or 0.0, os.killpg, (server.pid, signal.SIGKILL))
    if limit is not None:
        last_resort.start()
    try:
        yield address_in(log, server, workers)
        server.terminate()
        server.wait(TIME_LIMIT)
    finally:
        last_resort.cancel()
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def address_in(log: Path, server: subprocess.Popen[bytes], workers: int) -> str:
    """Wait until all workers of a server are there, and return its address."""
    until = time.monotonic() + TIME_LIMIT
    while time.monotonic() < until and server.poll() is None:
        said = log.read_text()
        found = re.search(r"Listening at: (http://\S+)", said)
        if found and said.count("Booting worker") >= workers:
            return found[1]
        time.sleep(0.02)
    raise RuntimeError(f"gunicorn has not started:\n{log.read_text()}")


def ask_often(*addresses: str, workers: int = WORKERS, requests: int = REQUESTS) -> list[dict[str, Any]]:
    """Ask for the report many times, several at once, each address in turn, and until each worker has answered."""
    answers: list[dict[str, Any]] = []
    until = time.monotonic() + TIME_LIMIT
    with ThreadPoolExecutor(CLIENTS) as pool:
        while len(answers) < requests or len({answer["worker"] for answer in answers}) < workers:
            if time.monotonic() > until:
                raise RuntimeError(f"not all of {workers} workers have answered within {TIME_LIMIT:g} seconds")
            in_turn = islice(cycle(addresses), CLIENTS)
            answers += pool.map(lambda address: fetch_json(f"{address}/api/report/{ITEM}")[0], in_turn)
    return answers


def computations(*folders: Path) -> list[str]:
    """Return the worker of each computation that has begun, oldest first within a folder."""
    told = [folder / "computations" for folder in folders]
    return [line.split()[0] for each in told if each.exists() for line in each.read_text().splitlines()]


class Scenario:
    """What was done to servers step by step, and what was not as expected.

    Args:
        folders: Where their workers note what they compute.
    """

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self.complaints: list[str] = []
        self.price: int | None = None
        print(f"{'step':<34}{'requests':>9}{'workers':>9}{'computed':>10}{'store':>7}{'memory':>8}{'seconds':>9}")

    def step(
        self,
        name: str,
        expected: int | Callable[[list[dict[str, Any]]], int],
        ask: Callable[[], list[dict[str, Any]]],
    ) -> list[dict[str, Any]]:
        """Do a step of which so many computations are expected, or so many for its answers, and print a line."""
        before, began = len(computations(*self.folders)), time.perf_counter()
        answers = ask()
        seconds = time.perf_counter() - began
        begun = len(computations(*self.folders)) - before
        sources = Counter(answer["source"] for answer in answers)
        workers = len({answer["worker"] for answer in answers})
        print(
            f"{name:<34}{len(answers):>9}{workers:>9}{begun:>10}{sources['store']:>7}{sources['memory']:>8}"
            f"{seconds:>9.2f}"
        )
        expected = expected if isinstance(expected, int) else expected(answers)
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
        scenario.step("a worker is killed as it computes", 2, lambda: ask_while_one_is_killed([address], [folder]))
    return scenario.complaints


def ask_while_one_is_killed(addresses: Sequence[str], folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Ask at once, and kill the worker that computes. Its own request fails, all others are answered."""
    before = Counter(computations(*folders))

    def ask(address: str) -> dict[str, Any] | None:
        try:
            return fetch_json(f"{address}/api/report/{ITEM}")[0]
        except (OSError, HTTPException):
            return None

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = [pool.submit(ask, address) for address in islice(cycle(addresses), REQUESTS)]
        until = time.monotonic() + TIME_LIMIT
        while not (begun := Counter(computations(*folders)) - before) and time.monotonic() < until:
            time.sleep(0.005)
        os.kill(int(next(iter(begun))), signal.SIGKILL)
        given = [answer.result() for answer in answers]
    found = [answer for answer in given if answer is not None]
    if len(found) < REQUESTS - 1:
        raise RuntimeError(f"{REQUESTS - len(found)} requests have failed, and only that of the killed worker may")
    return found
