"""The handle of a session: renewing it, looking into it, copying it, moving it."""

from __future__ import annotations

import contextlib
import copy
import pickle
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.asking import CountedVersion
from tests.support.handle import HANDLE
from versioned_lru_cache import Session, current_session, session, versioned_lru_cache, versioned_lru_cache_with_ttl


@pytest.fixture
def world() -> CountedVersion:
    return CountedVersion()


def test_renew_forgets_what_was_observed_and_read(world: CountedVersion) -> None:
    """Write, then read what was written, in one request."""
    place: dict[str, Any] = {}
    f = world.cached(place)
    old = f(1)
    world.version = 2
    assert f(1) is old
    handle = place[HANDLE]
    handle.renew()
    assert place[HANDLE] is handle
    assert dict(handle) == {}
    assert f(1) == [1, 2]
    assert not world.asks(f, 1)


def test_renew_of_an_ambient_session(world: CountedVersion) -> None:
    f = world.cached()
    with session() as active:
        f()
        active.renew()
        assert current_session() is active
        assert [world.asks(f), world.asks(f)] == [True, False]


def test_renew_while_the_function_runs_does_not_vouch_for_its_result() -> None:
    """The body read, then wrote: what it returns is older than the session is now."""
    row, asked = 1, 0
    place: dict[str, Any] = {}

    def version() -> int:
        nonlocal asked
        asked += 1
        return row

    @versioned_lru_cache(version, session=place)
    def f() -> int:
        nonlocal row
        read = row
        if row == 1:
            row = 2
            place[HANDLE].renew()
        return read

    assert f() == 1
    assert f() == 2
    assert asked == 2


def test_renew_while_the_version_function_runs_does_not_count_its_answer() -> None:
    row, asked = 1, 0
    place: dict[str, Any] = {}

    def version() -> int:
        nonlocal asked, row
        asked += 1
        answer = row
        if row == 1:
            row = 2
            place[HANDLE].renew()
        return answer

    @versioned_lru_cache(version, session=place)
    def f() -> int:
        return row

    f()
    assert f() == 2
    assert asked == 2


def test_the_session_is_a_mapping_of_versions(world: CountedVersion) -> None:
    place: dict[str, Any] = {}
    f = world.cached(place, name="report")
    f(1)
    handle, module = place[HANDLE], f.__module__
    assert isinstance(handle, Mapping)
    assert dict(handle) == {module: {"report": 1}}
    assert handle[module]["report"] == 1
    assert list(handle) == [module]
    assert (len(handle), module in handle, "other" in handle) == (1, True, False)
    assert handle.get("other") is None
    assert list(handle.items()) == [(module, {"report": 1})]
    assert list(handle.keys()) == [module]
    assert list(handle.values()) == [{"report": 1}]
    with pytest.raises(KeyError, match="other"):
        handle["other"]
    world.version = 2
    assert handle[module] == {"report": 1}, "what the session goes by, not what is true now"


def test_it_has_digests_where_the_version_depends_on_arguments() -> None:
    place: dict[str, Any] = {}
    f: Any = versioned_lru_cache(lambda region: region.upper(), session=place, name="report")(lambda region: region)
    f("secret")
    f("other")
    f("secret")
    versions = place[HANDLE][__name__]["report"]
    assert sorted(versions.values()) == ["OTHER", "SECRET"]
    assert len(versions) == 2
    assert all("secret" not in str(digest) for digest in versions)


def test_the_original_decorator_names_its_own_module() -> None:
    place: dict[str, Any] = {}

    @versioned_lru_cache_with_ttl(
        proxy_to_session_context_object=place, generate_version_func=lambda: "v1", module_name="my module"
    )
    def f() -> int:
        return 1

    f()
    assert dict(place[HANDLE]) == {"my module": {"f": "v1"}}


def test_the_mapping_is_read_only_and_looking_at_it_changes_nothing(world: CountedVersion) -> None:
    place: dict[str, Any] = {}
    f = world.cached(place, name="report")
    f()
    handle, module = place[HANDLE], f.__module__
    with pytest.raises(TypeError):
        handle["module"] = {}
    with pytest.raises(TypeError):
        del handle[module]
    view = handle[module]
    with contextlib.suppress(TypeError):
        view["report"] = 5
    assert handle[module] == {"report": 1}
    assert not world.asks(f)


def test_a_session_is_true_hashable_and_equal_only_to_itself() -> None:
    one, other = Session(), Session()
    assert one
    assert len(one) == 0
    assert one == one
    assert one != other
    assert one != {}
    assert {one: 1, other: 2}[one] == 1
    assert isinstance(hash(one), int)


def test_a_copy_is_a_new_empty_session(world: CountedVersion) -> None:
    place: dict[str, Any] = {}
    f = world.cached(place)
    f()
    handle = place[HANDLE]
    for copied in [copy.copy(handle), copy.deepcopy(handle), pickle.loads(pickle.dumps(handle))]:
        assert isinstance(copied, Session)
        assert copied != handle
        assert dict(copied) == {}
    other = copy.deepcopy(place)
    h = world.cached(other)
    assert world.asks(h)
    assert not world.asks(f)


def test_a_handle_can_be_put_in_a_place_by_hand(world: CountedVersion) -> None:
    mine = Session()
    places = [{HANDLE: mine}, {HANDLE: mine}]
    f, h = world.cached(places[0]), world.cached(places[1])
    f()
    assert not world.asks(h), "one session in two places"


def test_a_session_lives_as_long_as_its_handle_wherever_that_is(world: CountedVersion) -> None:
    place: dict[str, Any] = {}
    f = world.cached(place)
    f()
    handle = place.pop(HANDLE)
    assert world.asks(f)
    place[HANDLE] = handle
    assert not world.asks(f)


def test_current_session_begins_none(world: CountedVersion) -> None:
    place: dict[str, Any] = {}
    assert current_session(place) is None
    assert place == {}


def test_none_under_the_name_is_no_session(world: CountedVersion) -> None:
    place: dict[str, Any] = {HANDLE: None}
    assert current_session(place) is None
    with session(place) as active:
        assert place[HANDLE] is active


def test_a_namespace_without_get_is_refused() -> None:
    with pytest.raises(TypeError, match="session"):
        versioned_lru_cache(version=1, session=SimpleNamespace())
