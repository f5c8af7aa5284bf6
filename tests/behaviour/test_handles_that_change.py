"""However a handle is taken away or replaced, the next call notices: hits remember where they found it last.

Each way is gone often enough that the interpreter runs it by its specialised instructions.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from contextvars import ContextVar, copy_context
from typing import Any

import pytest
from flask import Flask, g

from tests.support.asking import CountedVersion
from tests.support.handle import HANDLE
from versioned_lru_cache import Session, versioned_lru_cache
from versioned_lru_cache._core import FAST_PATHS

OFTEN = 40

Place = MutableMapping[str, Any]


def _popitem(place: Place) -> None:
    place[HANDLE] = place.pop(HANDLE)  # now the last
    place.popitem()


def _del_item(place: Place) -> None:
    del place[HANDLE]


def _set_item(place: Place) -> None:
    place[HANDLE] = Session()


WAYS: dict[str, Callable[[Any], object]] = {
    "pop": lambda place: place.pop(HANDLE),
    "popitem": _popitem,
    "del": _del_item,
    "clear": lambda place: place.clear(),
    "item": _set_item,
    "update": lambda place: place.update({HANDLE: Session()}),
    "ior": lambda place: place.__ior__({HANDLE: Session()}),
    "init": lambda place: place.__init__({HANDLE: Session()}),  # type: ignore[misc]
    "setdefault": lambda place: (place.pop(HANDLE), place.setdefault(HANDLE, Session())),
    "renew": lambda place: place[HANDLE].renew(),
}


def ends_each_time(place: Any, end: Callable[[], object]) -> None:
    """In this place the version is asked once before and once after each end of the session."""
    world = CountedVersion()
    f = world.cached(place)
    f(1)
    for _ in range(OFTEN):
        assert not world.asks(f, 1)
        end()
        assert world.asks(f, 1)


SPOT: ContextVar[dict[str, Any]] = ContextVar("SPOT")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("others", [0, 20])
def test_in_a_dict(way: str, others: int) -> None:
    place: dict[str, Any] = {str(other): None for other in range(others)}
    ends_each_time(place, lambda: WAYS[way](place))


@pytest.mark.parametrize("way", WAYS)
def test_in_the_dict_of_a_context_variable(way: str) -> None:
    def run() -> None:
        SPOT.set({})
        ends_each_time(SPOT, lambda: WAYS[way](SPOT.get()))

    copy_context().run(run)


class Ways:
    """How an attribute of a namespace goes or changes, each by an instruction of its own."""

    @staticmethod
    def del_attr(namespace: Any) -> None:
        del namespace.lru_cache_versions

    @staticmethod
    def set_attr(namespace: Any) -> None:
        namespace.lru_cache_versions = Session()

    @staticmethod
    def delattr(namespace: Any) -> None:
        delattr(namespace, HANDLE)

    @staticmethod
    def setattr(namespace: Any) -> None:
        setattr(namespace, HANDLE, Session())

    @staticmethod
    def del_and_set(namespace: Any) -> None:
        del namespace.lru_cache_versions
        namespace.lru_cache_versions = Session()

    @staticmethod
    def object_delattr(namespace: Any) -> None:
        object.__delattr__(namespace, HANDLE)

    @staticmethod
    def object_setattr(namespace: Any) -> None:
        object.__setattr__(namespace, HANDLE, Session())

    @staticmethod
    def pop(namespace: Any) -> None:
        vars(namespace).pop(HANDLE)


OF_NAMESPACES = [way for way in vars(Ways) if not way.startswith("_")]


@pytest.mark.parametrize("way", OF_NAMESPACES)
@pytest.mark.parametrize("others", [0, 3, 40])
def test_in_the_names_of_an_object(way: str, others: int) -> None:
    class Plain:
        pass

    def run() -> None:
        # The second object of the class has the keys of the first.
        for bound in (vars(place := Plain()), SPOT):
            for other in range(others):
                setattr(place, f"other_{other}", None)
            SPOT.set(vars(place))
            ends_each_time(bound, lambda place=place: getattr(Ways, way)(place))  # type: ignore[misc]

    copy_context().run(run)


@pytest.mark.parametrize("way", OF_NAMESPACES)
@pytest.mark.parametrize("others", [0, 40])
def test_in_g(way: str, others: int) -> None:
    with Flask(__name__).app_context():
        for other in range(others):
            setattr(g, f"other_{other}", None)
        namespace = g._get_current_object()  # type: ignore[attr-defined]
        ends_each_time(g, lambda: getattr(Ways, way)(namespace))


@pytest.mark.parametrize("way", WAYS)
def test_in_the_names_of_g(way: str) -> None:
    with Flask(__name__).app_context():
        ends_each_time(g, lambda: WAYS[way](vars(g)))


def test_a_place_that_takes_the_memory_of_another() -> None:
    """Dicts are made and dropped in turn, so that they lie where others lay."""

    def run() -> None:
        world = CountedVersion()
        f = world.cached(SPOT)
        for _ in range(OFTEN):
            SPOT.set({})
            assert world.asks(f, 1)
            SPOT.set(dict(SPOT.get()))
            assert not world.asks(f, 1), "a copy holds the same session"

    copy_context().run(run)


@pytest.mark.skipif(not FAST_PATHS, reason="all calls are noted")
@pytest.mark.thread_unsafe(reason="sessions that others begin meanwhile take lanes")
def test_sixteen_sessions_in_turn_all_hit() -> None:
    """What the hit path answers is not noted in the session's log."""
    spot: ContextVar[dict[str, Any]] = ContextVar("spot")

    @versioned_lru_cache(lambda: 1, session=spot)
    def f(x: int) -> int:
        return x

    f(1)
    turns = [copy_context() for _ in range(16)]
    for context in turns:
        context.run(spot.set, {HANDLE: Session()})
    for _ in range(3):
        for context in turns:
            assert context.run(f, 1) == 1
    logs = [context.run(spot.get)[HANDLE].cache_status() for context in turns]
    assert [log.count("; hit") for log in logs] == [1] * 16
