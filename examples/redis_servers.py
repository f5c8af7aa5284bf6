"""The Redis of the machines' demo: one that REDIS_URL names, or one of our own with a replica.

Our own keeps on disk what it is told, as the prices in it are nowhere else, so it can be killed and started again.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import redis

from shared_prices import client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TIME_LIMIT = 30.0
# Data outlives the server. A replica that has begun by a file hears of changes at once; without one, a second later.
DURABLE = ("--appendonly", "yes", "--repl-diskless-sync", "no")
MISSING = (
    "there is no redis-server (on Debian: apt-get install redis-server); install it, or name a Redis or Valkey that "
    "this demo may use: REDIS_URL=redis://localhost:6379/0"
)


class Unavailable(Exception):
    """There is no server to be used. The message says what to do."""


class Server(Protocol):
    """A server that can be killed and started again, with the same data."""

    @property
    def url(self) -> str:
        """Where it is asked."""

    def kill(self) -> None:
        """Kill it, at once."""

    def start(self) -> None:
        """Start it, and return when it answers."""


class OwnServer:
    """A redis-server of this process."""

    def __init__(self, program: str, folder: str, options: Sequence[str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        own = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", folder, "--save", "")
        self._command = [program, *own, *options]
        self._log = f"{folder}/redis.log"
        self.start()

    def start(self) -> None:
        """Start it, and return when it answers."""
        with open(self._log, "a") as log:
            # In a session of its own, so that Ctrl-C ends the workers first.
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + TIME_LIMIT
        with client(self.url, repeats=0) as asking:
            while not answers(asking):
                if self._process.poll() is not None or time.monotonic() > until:
                    self.kill()
                    with open(self._log) as said:
                        raise Unavailable(f"the redis-server has not started:\n{said.read()}")
                time.sleep(0.01)

    def kill(self) -> None:
        """Kill it, at once."""
        self._process.kill()
        self._process.wait()


def answers(asking: Any) -> bool:
    """Return whether a server answers, and where it is a replica, whether it has all that it is a replica of."""
    try:
        told = asking.info("replication")
    except redis.RedisError:
        return False
    return bool(told["role"] == "master" or told["master_link_status"] == "up")


@contextmanager
def redis_to_use(folder: Path) -> Iterator[tuple[str, str | None, Server | None]]:
    """Yield the URL of a server, that of its replica if there is one, and the server if it is our own.

    Raises:
        Unavailable: There is none.
    """
    url = os.environ.get("REDIS_URL")
    if url:
        try:
            with client(url, repeats=0) as asking:
                asking.ping()
        except (redis.RedisError, ValueError) as error:
            raise Unavailable(f"the server that REDIS_URL names can't be used: {error}") from None
        yield url, None, None
        return
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise Unavailable(MISSING)
    with ExitStack() as at_the_end:
        own = at_the_end.enter_context(TemporaryDirectory(prefix="redis-", dir=folder))
        server = OwnServer(program, own, DURABLE)
        at_the_end.callback(server.kill)
        copied = at_the_end.enter_context(TemporaryDirectory(prefix="replica-", dir=folder))
        replica = OwnServer(program, copied, replica_of(server.port))
        at_the_end.callback(replica.kill)
        yield server.url, replica.url, server


def replica_of(port: int) -> list[str]:
    """Return what makes a server the replica of another on this machine."""
    return ["--replicaof", "127.0.0.1", str(port)]
