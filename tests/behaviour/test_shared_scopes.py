"""Functions that share a version function share its answer in a session, whatever that version function is."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs import bounded
from tests.support.child import run
from versioned_lru_cache import session, versioned_lru_cache, versions
from versioned_lru_cache._decorators import _scopes
from versioned_lru_cache._signatures import identity

if TYPE_CHECKING:
    from collections.abc import Callable


class Slotted:
    """A version function that can't be referred to weakly."""

    __slots__ = ("runs",)

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> int:
        self.runs += 1
        return 1


def test_a_version_function_without_weak_references_is_shared_too() -> None:
    version = Slotted()
    f = versioned_lru_cache(version)(lambda x: x)
    g = versioned_lru_cache(version)(lambda x: -x)
    with session():
        assert (f(1), g(1), f(2)) == (1, -1, 2)
    assert version.runs == 1


def test_a_function_made_after_the_other_was_dropped_shares_its_answer() -> None:
    runs = []

    def version() -> int:
        runs.append(1)
        return 1

    with session():
        for _ in range(3):
            versioned_lru_cache(version)(lambda: 1)()
    assert len(runs) == 1


def test_with_and_without_arguments_are_two_scopes_that_do_not_push_each_other_out() -> None:
    asked: list[tuple[Any, ...]] = []

    def version(*given: int) -> int:
        asked.append(given)
        return 1

    nothing = versioned_lru_cache(version, version_args=())(lambda x: x)
    each = versioned_lru_cache(version)(lambda x: x)
    with session():
        for _ in range(2):
            nothing(1)
            each(1)
            nothing(2)
    assert asked == [(), (1,)]


def test_a_function_that_takes_any_keyword_shares_with_one_that_does_not() -> None:
    asked = []

    def version(**given: int) -> int:
        asked.append(given)
        return 1

    plain = versioned_lru_cache(version)(lambda *, a, b: a + b)
    loose = versioned_lru_cache(version)(lambda **more: sum(more.values()))
    with session():
        assert plain(a=1, b=2) == loose(a=1, b=2) == loose(b=2, a=1) == 3
    assert asked == [{"a": 1, "b": 2}]


def test_two_functions_of_one_name_do_not_spoil_the_view_of_the_session() -> None:
    def make(version: Any) -> Any:
        return versioned_lru_cache(version, name="get")(lambda x: x)

    one, each = make(lambda: "v1"), make(lambda x: x)
    with session() as current:
        one(1)
        each(2)
        assert list(dict(current)[__name__]) == ["get"]
        assert repr(current)
        each(3)
        one(4)
        assert len(current) == 1


@pytest.mark.child
def test_functions_made_in_passing_leave_nothing_in_a_long_session() -> None:
    run(bounded.functions_made_in_passing_leave_nothing_in_a_long_session)


class OfMethods:
    """Its methods are new objects each time they are looked up."""

    def __init__(self) -> None:
        self.runs = 0

    @versioned_lru_cache(None, maxsize=0)
    def cached(self) -> int:
        self.runs += 1
        return 1

    @versioned_lru_cache(None, maxsize=0)
    async def awaited(self) -> int:
        self.runs += 1
        return 1

    @versioned_lru_cache(None, maxsize=0)
    def path(self) -> str:
        self.runs += 1
        return "none"

    def plain(self) -> int:
        self.runs += 1
        return 1

    def __len__(self) -> int:
        self.runs += 1
        return 1


@pytest.mark.parametrize(
    "made",
    [
        lambda data: data.plain,
        lambda data: data.cached,
        lambda data: versions.all_of(data.cached, "v1"),
        lambda data: versions.file(data.path),
        lambda data: data.__len__,
    ],
)
def test_a_method_of_an_object_is_one_version_function(made: Callable[[OfMethods], Any]) -> None:
    data = OfMethods()
    f = versioned_lru_cache(made(data))(lambda x: x)
    g = versioned_lru_cache(made(data))(lambda x: -x)
    with session():
        assert (f(1), g(1), f(2)) == (1, -1, 2)
    assert data.runs <= 1


def test_a_cached_coroutine_method_is_one_version_function() -> None:
    data = OfMethods()

    @versioned_lru_cache(data.awaited)
    async def f() -> int:
        return 1

    @versioned_lru_cache(data.awaited)
    async def g() -> int:
        return 2

    async def main() -> None:
        async with session():
            assert (await f(), await g()) == (1, 2)

    asyncio.run(main())
    assert data.runs == 1


def test_methods_of_two_objects_are_two() -> None:
    one, other = OfMethods(), OfMethods()
    f = versioned_lru_cache(one.cached)(lambda x: x)
    g = versioned_lru_cache(other.cached)(lambda x: -x)
    with session():
        assert (f(1), g(1)) == (1, -1)
    assert (one.runs, other.runs) == (1, 1)


def test_a_method_leaves_nothing_when_its_object_is_gone() -> None:
    gc.collect()
    before = len(_scopes)
    data = OfMethods()
    f = versioned_lru_cache(data.cached)(lambda x: x)
    assert len(_scopes) == before + 1
    gone = weakref.ref(data)
    del data, f
    gc.collect()
    assert gone() is None
    assert len(_scopes) == before


@pytest.mark.parametrize("owner", [[1], OfMethods()])
@pytest.mark.parametrize("name", ["__len__", "__repr__", "__reduce_ex__"])
def test_methods_of_types_written_in_c_are_known_by_their_object(owner: Any, name: str) -> None:
    told, _ = identity(getattr(owner, name))
    assert identity(getattr(owner, name))[0] == told
    assert identity(getattr(type(owner)(), name))[0] != told
