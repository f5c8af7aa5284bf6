"""Real Redis servers for tests: each on a port of its own, with a folder of its own, and gone at the end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = 30.0


def needs_redis() -> None:
    """Skip a test where no server is installed, unless REQUIRE_REDIS says that there must be one."""
    if shutil.which("redis-server") is None:
        if os.environ.get("REQUIRE_REDIS"):
            pytest.fail("REQUIRE_REDIS is set, but there is no redis-server")
        pytest.skip("there is no redis-server; on Debian: apt-get install redis-server")


def free_port() -> int:
    """Return a port that nobody uses, nor the one 10,000 above it, where nodes of a cluster talk to each other."""
    while True:
        with socket.socket() as free, socket.socket() as above:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
            try:
                above.bind(("127.0.0.1", port + 10_000))
            except (OSError, OverflowError):
                continue
            return port


class RedisServer:
    """A server on this machine."""

    def __init__(self, *options: str, program: str = "redis-server") -> None:
        needs_redis()
        self.program = program
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory()
        self.options: Sequence[str] = options
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start it, empty."""
        own = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder.name)
        self.process = subprocess.Popen(
            [self.program, *own, "--save", "", "--appendonly", "no", *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        client = self.client()
        until = time.monotonic() + LIMIT
        while True:
            try:
                client.ping()
                break
            except redis.AuthenticationError:
                break
            except redis.RedisError:
                assert time.monotonic() < until, "the server has not started"
                assert self.process.poll() is None, "the server has ended"
                time.sleep(0.01)
        client.close()

    def client(self, **options: Any) -> redis.Redis:
        """Return a client."""
        return redis.Redis(port=self.port, socket_timeout=5.0, retry=None, **options)

    def kill(self) -> None:
        """Kill it, at once."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Kill it, and remove what it has left."""
        self.kill()
        self.folder.cleanup()
