"""Where sessions lie, when they begin and end, and what can be seen of them."""

from __future__ import annotations

import asyncio
import threading
from collections import ChainMap, OrderedDict, UserDict
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, ContextVar, copy_context
from typing import Any

import pytest

from tests.support.asking import CountedVersion
from tests.support.handle import HANDLE
from tests.support.tasks import run
from versioned_lru_cache import Session, current_session, session, versioned_lru_cache


@pytest.fixture
def world() -> CountedVersion:
    return CountedVersion()


class DictSubclass(dict[str, Any]):
    """A dict with a mind of its own."""


class Namespace:
    """Attributes, with get, setdefault and pop: what flask.g is."""

    def get(self, name: str, default: object = None) -> Any:
        return self.__dict__.get(name, default)

    def setdefault(self, name: str, default: object = None) -> Any:
        return self.__dict__.setdefault(name, default)

    def pop(self, name: str, *default: object) -> Any:
        return self.__dict__.pop(name, *default)


class Slotted:
    """Neither a mapping nor with a dict."""

    __slots__ = ("names",)

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}

    def get(self, name: str, default: object = None) -> Any:
        return self.names.get(name, default)

    def setdefault(self, name: str, default: object = None) -> Any:
        return self.names.setdefault(name, default)

    def pop(self, name: str, *default: object) -> Any:
        return self.names.pop(name, *default)


PLACES = [dict, DictSubclass, OrderedDict, UserDict, ChainMap, Namespace, Slotted]
every_place = pytest.mark.parametrize("make", PLACES)


@every_place
def test_a_session_begins_with_the_first_call_and_ends_when_its_handle_goes(world: CountedVersion, make: Any) -> None:
    place = make()
    f = world.cached(place)
    assert current_session(place) is None
    assert world.asks(f, 1)
    handle = place.get(HANDLE)
    assert isinstance(handle, Session)
    assert current_session(place) is handle
    for x in [1, 2, 1]:
        assert not world.asks(f, x)
    assert place.pop(HANDLE) is handle
    assert current_session(place) is None
    assert world.asks(f, 1)
    assert place.get(HANDLE) is not handle


@every_place
def test_functions_bound_to_one_place_share_its_session(world: CountedVersion, make: Any) -> None:
    place = make()
    f, h = world.cached(place), world.cached(place)
    f(1)
    assert not world.asks(h, 1)


@every_place
def test_a_callable_and_a_context_variable_lead_to_it(world: CountedVersion, make: Any) -> None:
    places = [make(), make()]
    variable: ContextVar[Any] = ContextVar("variable", default=places[0])
    by_callable, by_variable = world.cached(lambda: places[0]), world.cached(variable)
    assert world.asks(by_callable)
    assert not world.asks(by_variable)
    token = variable.set(places[1])
    assert world.asks(by_variable)
    assert current_session(variable) is places[1].get(HANDLE)
    variable.reset(token)
    assert not world.asks(by_variable)
    assert current_session(variable) is places[0].get(HANDLE)


@every_place
def test_session_of_a_place_is_a_new_one_and_what_was_there_comes_back(world: CountedVersion, make: Any) -> None:
    place = make()
    f = world.cached(place)
    with session(place) as first:
        assert place.get(HANDLE) is first
        assert world.asks(f)
        assert not world.asks(f)
    assert place.get(HANDLE) is None
    world.asks(f)
    outside = place.get(HANDLE)
    with session(place) as inner:
        assert place.get(HANDLE) is inner is not outside
        assert world.asks(f)
        with session(place) as innermost:
            assert current_session(place) is innermost
            assert world.asks(f)
        assert place.get(HANDLE) is inner
        assert not world.asks(f)
    assert place.get(HANDLE) is outside
    assert not world.asks(f)


def test_a_subclass_may_override_how_it_is_read(world: CountedVersion) -> None:
    class Layered(dict[str, Any]):
        below: dict[str, Any] = {}  # noqa: RUF012 - shared on purpose

        def get(self, name: str, default: object = None) -> Any:
            return super().get(name, self.below.get(name, default))

        def setdefault(self, name: str, default: object = None) -> Any:
            return self.below.setdefault(name, default)

    place = Layered()
    f = world.cached(place)
    assert world.asks(f)
    assert not world.asks(f)
    assert HANDLE in Layered.below
    assert not dict.__contains__(place, HANDLE)


def test_an_unset_context_variable_means_the_ambient_session_or_none(world: CountedVersion) -> None:
    variable: ContextVar[dict[str, Any]] = ContextVar("variable")
    f = world.cached(variable)
    assert current_session(variable) is None
    assert [world.asks(f), world.asks(f)] == [True, True]
    with session() as ambient:
        assert current_session(variable) is ambient
        assert [world.asks(f), world.asks(f)] == [True, False]
        token = variable.set({})
        assert [world.asks(f), world.asks(f)] == [True, False]
        variable.reset(token)
        assert not world.asks(f)


def test_a_callable_that_answers_none_means_the_ambient_session_or_none(world: CountedVersion) -> None:
    f = world.cached(lambda: None)
    assert current_session(lambda: None) is None
    assert [world.asks(f), world.asks(f)] == [True, True]
    with session() as ambient:
        assert current_session(lambda: None) is ambient
        assert [world.asks(f), world.asks(f)] == [True, False]


def test_a_context_variable_that_holds_none_means_the_ambient_session_or_none(world: CountedVersion) -> None:
    variable: ContextVar[Any] = ContextVar("variable", default=None)
    f = world.cached(variable)
    assert [world.asks(f), world.asks(f)] == [True, True]
    with session():
        assert [world.asks(f), world.asks(f)] == [True, False]


@pytest.mark.parametrize("error", [RuntimeError("mine"), LookupError("mine"), AttributeError("mine"), KeyError("mine")])
def test_an_error_of_the_callable_propagates(world: CountedVersion, error: Exception) -> None:
    raising = True
    place: dict[str, Any] = {}

    def find() -> dict[str, Any]:
        if raising:
            raise error
        return place

    f = world.cached(find)
    for use in [f, lambda: current_session(find), lambda: session(find).__enter__()]:
        with pytest.raises(type(error)) as raised:
            use()
        assert raised.value is error
    assert f.cache_info() == (0, 0, 128, 0)
    raising = False
    assert f() is f()


def test_an_error_of_the_place_propagates(world: CountedVersion) -> None:
    class Broken:
        raising = True

        def get(self, name: str, default: object = None) -> Any:
            if self.raising:
                raise OSError("backend")
            return default

        def setdefault(self, name: str, default: object = None) -> Any:
            return default

    place = Broken()
    f = world.cached(place)
    with pytest.raises(OSError, match="backend"):
        f()
    place.raising = False
    assert f() == [None, 1]


def test_the_ambient_session(world: CountedVersion) -> None:
    f = world.cached()
    assert current_session() is None
    with session() as outer:
        assert isinstance(outer, Session)
        assert current_session() is outer
        assert [world.asks(f), world.asks(f)] == [True, False]
        with session() as inner:
            assert current_session() is inner is not outer
            assert [world.asks(f), world.asks(f)] == [True, False]
        assert current_session() is outer
        assert not world.asks(f)
    assert current_session() is None
    assert world.asks(f)


def test_it_ends_also_after_an_exception() -> None:
    place: dict[str, Any] = {}
    with pytest.raises(ValueError, match="inside"), session(place):
        raise ValueError("inside")
    assert current_session() is None
    assert place == {}


def test_one_block_object_can_be_entered_again_and_in_itself(world: CountedVersion) -> None:
    f, block = world.cached(), session()
    with block as first:
        with block as second:
            assert second is not first
            assert current_session() is second
        assert current_session() is first
        f()
    with block as third:
        assert third is not first
        assert world.asks(f)
    assert current_session() is None


def test_a_session_in_a_place_is_the_ambient_one_too(world: CountedVersion) -> None:
    place: dict[str, Any] = {}
    bound, unbound = world.cached(place), world.cached()
    with session(place) as active:
        assert current_session() is active
        assert world.asks(bound)
        assert not world.asks(unbound)


def test_session_of_a_callable_and_of_a_context_variable(world: CountedVersion) -> None:
    place: dict[str, Any] = {}
    variable: ContextVar[Any] = ContextVar("variable", default=place)
    for leads_there in [variable, lambda: place]:
        with session(leads_there) as active:
            assert place[HANDLE] is active
        assert place == {}


def test_a_handle_that_was_popped_inside_the_block_does_not_come_in_the_way(world: CountedVersion) -> None:
    place: dict[str, Any] = {}
    f = world.cached(place)
    with session(place):
        f()
        del place[HANDLE]
        assert world.asks(f)
    assert place == {}


def test_async_with() -> None:
    world = CountedVersion()
    f = world.cached()

    async def visit(version: int) -> list[object]:
        async with session() as mine:
            first = f(0)
            await asyncio.sleep(0)
            world.version = version
            await asyncio.sleep(0)
            assert current_session() is mine
            assert f(0) is first
            return list(first)

    async def main() -> None:
        assert current_session() is None
        async with session() as outer:
            results = await asyncio.gather(*(visit(version) for version in range(2, 6)))
            assert current_session() is outer
            assert len(results) == 4
        assert current_session() is None

    run(main)


def test_tasks_inherit_the_session_and_keep_theirs_to_themselves(world: CountedVersion) -> None:
    f = world.cached()

    async def inherit() -> bool:
        await asyncio.sleep(0)
        return world.asks(f)

    async def main() -> None:
        async with session():
            f()
            assert list(await asyncio.gather(inherit(), inherit())) == [False, False]

    run(main)


def test_contexts_keep_their_sessions_apart(world: CountedVersion) -> None:
    f = world.cached()
    contexts = [Context(), Context()]
    blocks = [session(), session()]
    handles = [context.run(block.__enter__) for context, block in zip(contexts, blocks, strict=True)]
    assert [context.run(current_session) for context in contexts] == handles
    assert current_session() is None
    assert [context.run(world.asks, f) for context in contexts * 2] == [True, True, False, False]
    assert contexts[0].copy().run(world.asks, f) is False


def test_leaving_in_another_context_than_it_was_entered_in(world: CountedVersion) -> None:
    """Fixtures of async test runners do that."""
    block = session()
    context = copy_context()
    handle = context.run(block.__enter__)
    assert context.run(current_session) is handle
    block.__exit__(None, None, None)
    assert current_session() is None


def test_threads_that_do_not_inherit_it_can_share_it(world: CountedVersion) -> None:
    """Whether a thread starts with a copy of its parent's context depends on the interpreter; here it is said."""
    f = world.cached()
    place: dict[str, Any] = {}
    shared = world.cached(place)
    with session(), ThreadPoolExecutor(1) as pool:
        f()
        assert pool.submit(Context().run, current_session).result(20) is None
        assert pool.submit(Context().run, world.asks, f).result(20)
        assert not pool.submit(copy_context().run, world.asks, f).result(20)
        assert pool.submit(Context().run, world.asks, shared).result(20)
        assert not world.asks(shared)


def test_threads_begin_one_session_in_a_place_they_share() -> None:
    for _ in range(20):
        place: dict[str, Any] = {}
        start = threading.Barrier(4)
        f: Any = versioned_lru_cache(lambda: 1, session=place)(lambda x: [x])

        def call(x: int, start: threading.Barrier = start, f: Any = f, place: Any = place) -> Any:
            start.wait(20)
            f(x)
            return place[HANDLE]

        with ThreadPoolExecutor(4) as pool:
            handles = list(pool.map(call, range(4)))
        assert {id(handle) for handle in handles} == {id(place[HANDLE])}


def test_threads_with_a_session_each_see_their_own_version() -> None:
    local = threading.local()
    version = threading.local()
    f: Any = versioned_lru_cache(lambda: version.now, session=lambda: local.place)(lambda x: [version.now, x])
    start = threading.Barrier(4)

    def visit(number: int) -> None:
        local.place, version.now = {}, number
        start.wait(20)
        first = f(0)
        for _ in range(200):
            assert f(0) is first
            f(1)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(visit, number) for number in range(4)]:
            done.result(20)
