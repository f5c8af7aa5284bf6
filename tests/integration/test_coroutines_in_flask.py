"""Coroutine functions whose session lies in `flask.g`, as in an async view: the tasks of a request have its context."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import versioned_lru_cache

flask = pytest.importorskip("flask")

if TYPE_CHECKING:
    from flask import Flask


@pytest.fixture
def world() -> dict[str, int]:
    return {"asked": 0, "runs": 0}


@pytest.fixture
def app(world: dict[str, int]) -> Flask:
    app: Flask = flask.Flask(__name__)

    async def version() -> int:
        world["asked"] += 1
        await asyncio.sleep(0)
        return 1

    @versioned_lru_cache(version, session=flask.g)
    async def report(region: str) -> dict[str, str]:
        world["runs"] += 1
        await asyncio.sleep(0)
        return {"region": region, "path": flask.request.path}

    async def gathered(region: str) -> Any:
        first, *others = await asyncio.gather(*[report(region) for _ in range(20)])
        assert all(other is first for other in others)
        assert "lru_cache_versions" in flask.g
        return first

    @app.get("/<region>")
    def show(region: str) -> Any:
        return asyncio.run(gathered(region))

    @app.get("/async/<region>")
    async def show_async(region: str) -> Any:
        return await gathered(region)

    return app


def test_the_tasks_of_a_request_share_its_session(app: Flask, world: dict[str, int]) -> None:
    client = app.test_client()
    for request in (1, 2, 3):
        assert client.get("/north").json == {"region": "north", "path": "/north"}
        assert world == {"asked": request, "runs": 1}


def test_an_async_view(app: Flask, world: dict[str, int]) -> None:
    pytest.importorskip("asgiref")
    client = app.test_client()
    for request in (1, 2, 3):
        assert client.get("/async/north").json == {"region": "north", "path": "/async/north"}
        assert world == {"asked": request, "runs": 1}
