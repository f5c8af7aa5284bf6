"""One call is one key, however it is written: arguments are bound to the function's parameters."""

from __future__ import annotations

import gc
import inspect
import weakref
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.refusing import refused
from tests.support.sources import now
from versioned_lru_cache import Refresh, session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

CONSTANT = versioned_lru_cache(None)
NAMES = "abcd"


@st.composite
def signatures(draw: st.DrawFn) -> str:
    """The parameters of a function, as they are written."""
    unnamed = draw(st.integers(0, 2))
    positional = draw(st.integers(unnamed, 3))
    first_default = draw(st.integers(0, positional))
    parts = []
    for place, name in enumerate(NAMES[:positional]):
        parts.append(name if place < first_default else f"{name}={place}")
        if place + 1 == unnamed:
            parts.append("/")
    keywords = NAMES[positional : positional + draw(st.integers(0, 4 - positional))]
    if draw(st.booleans()):
        parts.append("*rest")
    elif keywords:
        parts.append("*")
    parts += [name + draw(st.sampled_from(["", "=7"])) for name in keywords]
    if draw(st.booleans()):
        parts.append("**more")
    return ", ".join(parts)


VALUES = st.integers(0, 3)
CALLS = st.tuples(
    st.lists(VALUES, max_size=4), st.lists(st.tuples(st.sampled_from("abcdz"), VALUES), max_size=3).map(dict)
)


def bound(function: Callable[..., dict[str, Any]], args: list[int], keywords: dict[str, int]) -> object:
    """What the function itself finds in a call; `None` if it does not fit. It sees the order of other keywords."""
    try:
        found = function(*args, **keywords)
    except TypeError:
        return None
    more = found.pop("more", {})
    return found, list(more.items())


@given(signatures(), st.lists(CALLS, min_size=2, max_size=6), st.booleans())
def test_calls_are_one_if_inspect_binds_them_alike(
    parameters: str, calls: list[tuple[list[int], dict[str, int]]], constant: bool
) -> None:
    space: dict[str, Any] = {}
    exec(f"def f({parameters}): return locals()", space)
    known: list[tuple[object, object]] = []
    cached = versioned_lru_cache(None if constant else lambda *args, **kwargs: 1)(space["f"])
    for args, keywords in calls:
        call = bound(space["f"], args, keywords)
        if call is None:
            with pytest.raises(TypeError):
                cached(*args, **keywords)
            continue
        result = cached(*args, **keywords)
        before = [value for other, value in known if other == call]
        assert not before or before[0] is result
        assert cached.cache_contains(*args, **keywords)
        assert cached.cache_key(*args, **keywords) == cached.cache_key(*args, **keywords)
        if not before:
            assert all(value is not result for _, value in known)
            known.append((call, result))
    assert cached.cache_info().currsize == len(known)


def test_names_places_and_defaults() -> None:
    @CONSTANT
    def f(a: int, b: int = 2, *, c: int = 3) -> object:
        return object()

    one = f(1)
    calls: list[object] = [f(a=1), f(1, 2), f(1, b=2), f(b=2, a=1), f(1, c=3), f(c=3, b=2, a=1), f(*(1,), **{"b": 2})]
    assert all(found is one for found in calls)
    assert f.cache_info() == (7, 1, 128, 1)
    assert f(1, c=4) is not one
    assert f(2) is not one


def test_the_function_is_called_as_it_was_written() -> None:
    seen: list[tuple[Any, Any]] = []

    @wraps(lambda a, b=2: None)
    def plain(*args: Any, **kwargs: Any) -> int:
        seen.append((args, kwargs))
        return 1

    f = CONSTANT(plain)
    f(a=1)
    f(1)
    f(b=3, a=1)
    assert seen == [((), {"a": 1}), ((), {"b": 3, "a": 1})]


def test_what_can_be_told_of_a_call_sees_it_bound() -> None:
    seen: list[tuple[str, Any, Any]] = []

    def teller(name: str, answer: Any) -> Callable[..., Any]:
        def tell(*args: Any, **kwargs: Any) -> Any:
            seen.append((name, args, kwargs))
            return answer

        return tell

    def f(a: int, b: int = 2, *, c: int = 3) -> object:
        return object()

    cached: Any = versioned_lru_cache(teller("version", 1))(f)
    cached(b=5, a=1)
    assert seen == [("version", (1, 5), {"c": 3})]
    seen.clear()
    cached = versioned_lru_cache(lambda *_: 1, version_args=teller("version_args", (1,)))(f)
    cached(a=1)
    assert seen == [("version_args", (1, 2), {"c": 3})]
    seen.clear()
    cached = versioned_lru_cache(None, key=teller("key", 1))(f)
    cached(c=4, a=1)
    assert seen == [("key", (1, 2), {"c": 4})]
    seen.clear()
    cached = CONSTANT(f)
    with session(refresh=Refresh.only(cached.where(teller("where", answer=True)))):
        cached(a=1, b=3)
    assert seen == [("where", (1, 3), {"c": 3})]
    seen.clear()
    cached = versioned_lru_cache(None, ttl=teller("ttl", 10))(f)
    value = cached(a=1)
    assert seen == [("ttl", (value, 1, 2), {"c": 3})]


@pytest.mark.parametrize("written", [{"user": "ann"}, {"user": "ann", "limit": 10}, {"limit": 10, "user": "ann"}])
def test_what_is_told_by_name_reaches_what_was_called_by_place(written: dict[str, Any]) -> None:
    @CONSTANT
    def f(user: str, limit: int = 10) -> object:
        return object()

    old = f("ann")
    assert f.cache_peek(**written).value is old  # type: ignore[union-attr]
    assert f.cache_explain(**written).hit
    with session(refresh=Refresh.only(f.cache_key(**written))):
        new = f("ann")
    assert new is not old
    assert f.cache_invalidate(**written)
    assert not f.cache_contains("ann")


class Shop:
    @CONSTANT
    def price(self, item: str, currency: str = "EUR") -> object:
        return object()

    @staticmethod
    @CONSTANT
    def name(shop: int = 1) -> object:
        return object()

    @classmethod
    @CONSTANT
    def kind(cls, size: int = 1) -> object:
        return object()


def test_methods() -> None:
    one, other = Shop(), Shop()
    price = one.price("tea")
    assert one.price(item="tea") is price
    assert one.price("tea", currency="EUR") is price
    assert Shop.price(one, "tea") is price
    assert Shop.price(item="tea", self=one) is price
    assert other.price("tea") is not price
    assert one.price.cache_invalidate(currency="EUR", item="tea")
    assert one.name() is one.name(1) is Shop.name(shop=1)
    assert one.kind() is Shop.kind(1) is Shop.kind(size=1)


def test_an_instance_that_is_given_by_name_is_held_weakly() -> None:
    shop = Shop()
    Shop.price(item="tea", self=shop)
    gone = weakref.ref(shop)
    del shop
    gc.collect()
    assert gone() is None


def test_coroutine_functions() -> None:
    @CONSTANT
    async def f(a: int, b: int = 2) -> object:
        return object()

    one = now(f(1))
    assert now(f(a=1)) is one
    assert now(f(1, b=2)) is one
    assert f.cache_info().misses == 1


def test_types_of_defaults_count_where_types_do() -> None:
    @versioned_lru_cache(None, typed=True)
    def f(a: int = 1) -> object:
        return object()

    assert f() is f(1)
    assert f() is not f(a=True)


def test_the_order_of_other_keywords_counts_and_that_of_parameters_does_not() -> None:
    @CONSTANT
    def f(a: int, *, b: int = 2, **more: int) -> object:
        return object()

    assert f(1, x=1, y=2) is not f(1, y=2, x=1)
    assert f(1, x=1, b=2) is f(1, b=2, x=1) is f(x=1, a=1)


def test_what_has_no_signature_is_known_as_it_is_written() -> None:
    f = CONSTANT(max)
    with pytest.raises(ValueError, match="signature"):
        inspect.signature(max)
    assert f((1, 2)) == f((1, 2), key=None) == f(key=None, *((1, 2),)) == 2  # noqa: B026 - as it may be written
    assert f.cache_info().misses == 2


def test_a_partial_is_bound_by_what_it_leaves() -> None:
    def plain(a: int, b: int, c: int = 3) -> object:
        return object()

    f = CONSTANT(partial(plain, 1))
    assert f(2) is f(b=2) is f(2, 3) is f(c=3, b=2)


def test_many_ways_to_write_a_call() -> None:
    names = [f"x{place}" for place in range(20)]
    space: dict[str, Any] = {}
    exec(f"def f({', '.join(f'{name}={place}' for place, name in enumerate(names))}): return object()", space)
    f = CONSTANT(space["f"])
    one = f()
    for place in range(20):
        assert f(*range(place)) is one
        assert f(**{names[place]: place}) is one
        # A name that is no constant of a program, and one of a class of its own.
        assert f(**{"".join(["x", str(place)]): place}) is one
        assert f(**{type("Name", (str,), {})(names[place]): place}) is one
    assert f(**dict(zip(names, range(20), strict=True))) is one
    assert f.cache_info().misses == 1


def test_defaults_are_held_and_seen_by_the_collector() -> None:
    class Default:
        __slots__ = ("__weakref__", "function")

    def make() -> weakref.ref[Default]:
        default: Any = Default()

        @CONSTANT
        def f(a: Any = default) -> int:
            return 1

        f()
        default.function = f
        del f.__wrapped__
        return weakref.ref(default)

    gone = make()
    gc.collect()
    assert gone() is None


def test_a_default_without_a_hash_is_refused_where_it_would_be_in_a_key() -> None:
    def f(a: int, options: list[int] = []) -> int:  # noqa: B006 - what is refused
        return a

    refused(lambda: CONSTANT(f), TypeError, "f:", "'options'", "[]", "a list", "no hash", "key=")
    assert versioned_lru_cache(None, key=lambda a, options=[]: a)(f)(1) == 1


def test_what_takes_fewer_arguments_than_every_call_has_is_refused() -> None:
    def f(region: str, form: str = "pdf", *, day: int = 1) -> str:
        return region

    refused(lambda: versioned_lru_cache(lambda region: 1)(f), TypeError, "version=", "'form'", "version_args=")
    refused(lambda: versioned_lru_cache(lambda region, form="pdf": 1)(f), TypeError, "version=", "'day'")
    refused(lambda: versioned_lru_cache(None, key=lambda region: 1)(f), TypeError, "key=", "'form'")
    refused(lambda: CONSTANT(f).where(lambda region: True), TypeError, "where(", "'form'")
    cached = versioned_lru_cache(lambda region: 1, version_args=lambda region, *_, **__: (region,))(f)
    assert cached("north") == "north"


def test_what_has_fewer_places_gets_the_others_by_name() -> None:
    seen: list[Any] = []

    def f(a: int, b: int = 2, *, c: int = 3) -> int:
        return a

    def one_place(a: int, **rest: int) -> int:
        seen.append((a, rest))
        return 1

    def none(*, a: int, b: int = 2, c: int = 3) -> int:
        seen.append({"a": a, "b": b, "c": c})
        return 1

    for version, given_to in ((one_place, (1, {"b": 2, "c": 3})), (none, {"a": 1, "b": 2, "c": 3})):
        seen.clear()
        assert versioned_lru_cache(version)(f)(1) == 1
        versioned_lru_cache(lambda a: 1, version_args=lambda *, a, b=2, c=3: (seen.append("part"), (a,))[1])(f)(
            c=3, a=1
        )
        assert seen == [given_to, "part"]
    cached: Any = CONSTANT(f)
    with session(refresh=Refresh.only(cached.where(lambda **call: call == {"a": 1, "b": 2, "c": 3}))):
        cached(1)
        cached(a=1)
    assert cached.cache_info().misses == 1
    assert "one_place" in repr(cached.where(one_place))
