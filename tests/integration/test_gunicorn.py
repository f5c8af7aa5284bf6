"""A gunicorn that loads an app, its caches included, forks its workers and is under load while the version moves."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork, on which there is no gunicorn"),
]

CLIENTS = 8
SPAN = 3.0
LIMIT = 60.0
# No request takes a hundredth of it.
HUNG = 15.0
# Each time so many answers have come in, the data changes.
PACE = 25


class NumberInAFile:
    """The number that is the state of the world, in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.answers = 0
        self.begun = 0
        self.done = 0
        self.move()

    def move(self) -> None:
        self.begun += 1
        fresh = self.path.with_suffix(".new")
        fresh.write_text(str(self.begun))
        fresh.replace(self.path)
        self.done = self.begun

    def answered(self) -> None:
        with self.lock:
            self.answers += 1
            if self.answers % PACE == 0:
                self.move()


class Server:
    """A gunicorn with two workers of four threads, and what it writes."""

    def __init__(self, data: Path) -> None:
        app = [
            "--preload",
            "--workers",
            "2",
            "--threads",
            "4",
            "--no-control-socket",
            "tests.programs.preloaded_app:app",
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--chdir", str(ROOT), *app],
            env={**os.environ, "DATA": str(data)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.written: list[str] = []
        self.lines: Queue[str] = Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.port = int(self.wait_for(r"Listening at: http://127\.0\.0\.1:(\d+)"))

    def read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self.written.append(line)
                self.lines.put(line)

    def wait_for(self, pattern: str) -> str:
        until = time.monotonic() + LIMIT
        while time.monotonic() < until and (self.process.poll() is None or not self.lines.empty()):
            try:
                found = re.search(pattern, self.lines.get(timeout=0.1))
            except Empty:
                continue
            if found:
                return found[1]
        self.kill()
        raise AssertionError(f"gunicorn did not say {pattern}:\n{''.join(self.written)}")

    def get(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HUNG)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, body
        return json.loads(body)

    def kill(self) -> None:
        """Ends all of its processes, also those whose threads hang."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.reader.join()


@pytest.fixture
def data(tmp_path: Path) -> NumberInAFile:
    return NumberInAFile(tmp_path / "data")


@pytest.fixture
def server(data: NumberInAFile) -> Iterator[Server]:
    server = Server(data.path)
    yield server
    server.kill()


def check(answer: dict[str, Any], region: str, before: int, after: int) -> None:
    """An answer is of the state at its request's begin, or of a later one; and it answers what was asked."""
    assert answer["total"]["name"] == answer["share"]["name"] == answer["text"]["inner"]["name"] == region
    assert answer["text"]["name"] == f"Year {region}"
    assert answer["again"] is True
    for made in (answer["total"], answer["share"], answer["text"], answer["text"]["inner"]):
        assert before <= made["of"] <= after, (before, after, answer)
    assert answer["while_forking"] == f"{region} by {answer['process']}"


def test_two_workers_forked_from_a_preloaded_app_under_load(server: Server, data: NumberInAFile) -> None:
    regions = ["north", "south", "east"]
    first = server.get("/north")
    check(first, "north", 1, 1)
    assert first["total"]["by"] == server.process.pid, "what was computed before the fork is served after it"

    told: list[dict[str, Any]] = []
    failures: list[BaseException] = []
    end = time.monotonic() + SPAN

    def load(number: int) -> None:
        turn = number
        try:
            while time.monotonic() < end and not failures:
                turn += 1
                region = regions[turn % len(regions)]
                before = data.done
                answer = server.get(f"/{region}")
                check(answer, region, before, data.begun)
                told.append(answer)
                data.answered()
        except BaseException as failure:
            failures.append(failure)

    clients = [threading.Thread(target=load, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(SPAN + 2 * HUNG)
    assert not any(client.is_alive() for client in clients), "a request hangs"
    assert not failures, failures

    workers = {answer["process"] for answer in told}
    assert len(workers) == 2
    assert server.process.pid not in workers
    assert data.done > 3, "the version has moved"
    assert max(answer["hits"] for answer in told) > 10
    # Uncached it were three or four for each answer.
    computed = sum(max(answer["computed"] for answer in told if answer["process"] == worker) for worker in workers)
    assert computed < len(told)

    begun = time.monotonic()
    server.process.terminate()
    assert server.process.wait(timeout=LIMIT) == 0
    assert time.monotonic() - begun < 10
    server.reader.join()
    written = "".join(server.written)
    assert "Shutting down: Master" in written
    assert not re.search(r"Traceback|ERROR|CRITICAL|WARNING", written), written
