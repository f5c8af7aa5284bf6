"""Redis servers for the tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def shared_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.end()


@pytest.fixture
def server(shared_server: RedisServer) -> RedisServer:
    """One that lives longer than a test, and has nothing in it."""
    client = shared_server.client()
    client.flushall()
    client.config_resetstat()
    client.close()
    return shared_server


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """One of the test's own, which it may kill."""
    server = RedisServer()
    yield server
    server.end()
