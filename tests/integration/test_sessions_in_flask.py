"""Sessions that lie in flask.g."""

from __future__ import annotations

import gc
import threading
import weakref
from collections import UserDict
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import flask
import pytest
from flask import Flask, g
from werkzeug.local import LocalProxy

from tests.support.asking import CountedVersion
from tests.support.handle import HANDLE
from versioned_lru_cache import Session, current_session, session, versioned_lru_cache


@pytest.fixture
def world() -> CountedVersion:
    return CountedVersion()


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


def test_a_request_is_a_session(world: CountedVersion, app: Flask) -> None:
    f = world.cached(g)

    @app.get("/<int:x>")
    def view(x: int) -> dict[str, Any]:
        first = f(x)
        world.version = world.asked + 100  # changes while the request runs
        second = f(x)
        assert second is first
        return {"result": first, "asked": world.asked}

    client = app.test_client()
    assert client.get("/1").json == {"result": [1, 1], "asked": 1}
    assert client.get("/1").json == {"result": [1, 101], "asked": 2}
    assert current_session(g) is None


def test_two_requests_that_overlap(world: CountedVersion, app: Flask) -> None:
    f = world.cached(g)
    one, other = app.app_context(), app.app_context()
    with one:
        old = f(1)
        world.version = 2
        with other:
            new = f(1)
            assert new is not old
            assert f(1) is new
        assert f(1) is old


def test_requests_in_threads(app: Flask) -> None:
    version = 0
    both = threading.Barrier(2)
    f: Any = versioned_lru_cache(lambda: version, session=g)(lambda: [version])

    @app.get("/")
    def view() -> dict[str, Any]:
        first = f()
        both.wait(20)
        assert f() is first
        return {"result": first}

    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(lambda: app.test_client().get("/").json) for _ in range(2)]
        assert [answer.result(20) for answer in answers] == [{"result": [0]}] * 2


def test_outside_of_an_app_context_the_ambient_session_or_none(world: CountedVersion, app: Flask) -> None:
    f = world.cached(g)
    assert current_session(g) is None
    assert [world.asks(f), world.asks(f)] == [True, True]
    with session() as ambient:
        assert current_session(g) is ambient
        assert [world.asks(f), world.asks(f)] == [True, False]
        with app.app_context():
            assert [world.asks(f), world.asks(f)] == [True, False]
        assert not world.asks(f)


@pytest.mark.thread_unsafe(reason="pytest-run-parallel reads attributes of g where there is none")
def test_popping_the_handle_ends_the_session_in_g(world: CountedVersion, app: Flask) -> None:
    f = world.cached(g)
    with app.app_context():
        for _ in range(3):
            assert [world.asks(f), world.asks(f)] == [True, False]
            assert isinstance(g.pop(HANDLE), Session)
        world.asks(f)
        g.lru_cache_versions.renew()
        assert [world.asks(f), world.asks(f)] == [True, False]
        del g.lru_cache_versions
        assert world.asks(f)


@pytest.mark.thread_unsafe(reason="pytest-run-parallel reads attributes of g where there is none")
def test_session_of_g(world: CountedVersion, app: Flask) -> None:
    f = world.cached(g)
    with app.app_context():
        f()
        outside = g.get(HANDLE)
        with session(g) as active:
            assert g.get(HANDLE) is active
            assert world.asks(f)
        assert g.get(HANDLE) is outside
        assert not world.asks(f)
    with session(g) as ambient:
        assert current_session() is ambient


@pytest.mark.thread_unsafe(reason="pytest-run-parallel reads attributes of g where there is none")
def test_an_app_with_its_own_class_of_g(world: CountedVersion) -> None:
    class Own:
        def get(self, name: str, default: object = None) -> Any:
            return self.__dict__.get(name, default)

        def setdefault(self, name: str, default: object = None) -> Any:
            return self.__dict__.setdefault(name, default)

        def pop(self, name: str, *default: object) -> Any:
            return self.__dict__.pop(name, *default)

    app = Flask(__name__)
    app.app_ctx_globals_class = Own  # type: ignore[assignment]
    f = world.cached(g)
    with app.app_context():
        assert [world.asks(f), world.asks(f)] == [True, False]
        g.pop(HANDLE)
        assert world.asks(f)
    with app.app_context():
        assert world.asks(f)


def test_a_class_of_g_put_in_for_all_apps_that_keeps_its_names_elsewhere(
    world: CountedVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Flask, "app_ctx_globals_class", UserDict)
    f = world.cached(g)
    with Flask(__name__).app_context():
        assert [world.asks(f), world.asks(f)] == [True, False]
        del g.data[HANDLE]
        assert world.asks(f)


def test_many_app_contexts_in_a_row_are_many_sessions(world: CountedVersion, app: Flask) -> None:
    f = world.cached(g)
    for _ in range(300):
        with app.app_context():
            assert [world.asks(f), world.asks(f)] == [True, False]


def test_nested_app_contexts(world: CountedVersion, app: Flask) -> None:
    f = world.cached(g)
    with app.app_context():
        assert world.asks(f)
        with app.app_context():
            assert world.asks(f)
            assert not world.asks(f)
        assert not world.asks(f)


@pytest.mark.parametrize("contexts", [2, 8, 20])
def test_app_contexts_that_take_turns(world: CountedVersion, app: Flask, contexts: int) -> None:
    """Each has its own session, whoever was active in between."""
    f, places = world.cached(g), [app.app_context() for _ in range(contexts)]
    first = []
    for place in places:
        world.version += 1
        with place:
            first.append(f(1))
    assert len({id(result) for result in first}) == contexts
    for _ in range(3):
        for place, result in zip(places, first, strict=True):
            with place:
                assert f(1) is result
    assert world.asked == contexts


def test_an_app_context_that_ended_is_not_held(world: CountedVersion, app: Flask) -> None:
    f, gone = world.cached(g), []
    for _ in range(20):
        with app.app_context() as place:
            f(1)
            f(1)
        gone.append(weakref.ref(place))
        del place
    gc.collect()
    assert [place() for place in gone] == [None] * 20


def test_another_proxy_in_the_place_of_flasks_is_not_taken_for_it(
    world: CountedVersion, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Holder:
        def __init__(self, g: object) -> None:
            self.g = g

    holders: ContextVar[Holder] = ContextVar("holders")
    other: Any = LocalProxy(holders, "g")
    f = world.cached(g)
    with app.app_context() as context:
        f(1)
        monkeypatch.setattr(flask.globals, "g", other)
        h = world.cached(other)
        token = holders.set(Holder(context.g))
        assert [h(1), h(1), h(1)] == [[1, 1]] * 3
        holders.reset(token)
        world.version = 2
        token = holders.set(Holder({}))
        assert [h(1), h(1), h(1)] == [[1, 2]] * 3
        holders.reset(token)
        assert world.asked == 2


def test_a_handle_of_another_kind_under_the_name(world: CountedVersion, app: Flask) -> None:
    f = world.cached(g)
    with app.app_context():
        setattr(g, HANDLE, "something")
        with pytest.raises(TypeError, match="lru_cache_versions"):
            f(1)
        assert getattr(g, HANDLE) == "something"
