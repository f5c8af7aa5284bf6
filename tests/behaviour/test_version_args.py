"""What the version function is given."""

from __future__ import annotations

import operator
from functools import partial
from typing import Any

import pytest

from versioned_lru_cache import versioned_lru_cache, versioned_lru_cache_with_ttl

CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a",), {}),
    (("b",), {}),
    (("a",), {"day": 1}),
    (("a",), {"day": 1}),
    (("a",), {}),
    ((), {"region": "a"}),
]
EACH = [(("a", 0), {}), (("b", 0), {}), (("a", 1), {})]


class GivenArguments(list[tuple[tuple[Any, ...], dict[str, Any]]]):
    """What a version function was given, run by run."""

    def note(self, *args: Any, **kwargs: Any) -> int:
        self.append((args, kwargs))
        return 1


def ask_all(decorator: Any) -> Any:
    """Makes the calls above in one session."""

    f: Any = decorator(lambda region, day=0: [region, day])
    for args, kwargs in CALLS:
        assert f(*args, **kwargs) == [kwargs.get("region", "a" if "a" in args else "b"), kwargs.get("day", 0)]
    return f


def modern(version: Any, **options: Any) -> Any:
    return versioned_lru_cache(version, session={}, **options)


def original(version: Any, **options: Any) -> Any:
    return versioned_lru_cache_with_ttl(
        proxy_to_session_context_object={},
        generate_version_func=version,
        module_name="module",
        cache_max_size=None,
        **options,
    )


both = pytest.mark.parametrize("decorator", [modern, original])


@both
def test_no_parameters_nothing_once_per_session(decorator: Any) -> None:
    asked = GivenArguments()

    def version() -> int:
        return asked.note()

    ask_all(decorator(version))
    assert asked == [((), {})]


@both
def test_named_parameters_the_arguments_once_per_arguments(decorator: Any) -> None:
    asked = GivenArguments()

    def version(region: str, day: int = 0) -> int:
        return asked.note(region, day)

    ask_all(decorator(version))
    assert asked == EACH


@both
def test_some_named_parameters_and_the_rest(decorator: Any) -> None:
    asked = GivenArguments()

    def version(region: str, **rest: Any) -> int:
        return asked.note(region, **rest)

    ask_all(decorator(version))
    assert asked == [(("a",), {"day": 0}), (("b",), {"day": 0}), (("a",), {"day": 1})]


@both
def test_a_keyword_only_parameter_is_named_too(decorator: Any) -> None:
    asked = GivenArguments()

    def version(*args: Any, day: int = 0, **kwargs: Any) -> int:
        return asked.note(*args, **kwargs, **({"day": day} if day else {}))

    ask_all(decorator(version))
    assert asked == EACH


def test_only_stars_the_arguments_once_per_arguments() -> None:
    asked = GivenArguments()

    def version(*args: Any, **kwargs: Any) -> int:
        return asked.note(*args, **kwargs)

    ask_all(modern(version))
    assert asked == EACH


def test_only_stars_in_the_original_the_first_call_for_all() -> None:
    asked = GivenArguments()

    def version(*args: Any, **kwargs: Any) -> int:
        return asked.note(*args, **kwargs)

    g: dict[str, Any] = {}

    def decorate(function: Any) -> Any:
        return versioned_lru_cache_with_ttl(
            proxy_to_session_context_object=g, generate_version_func=version, module_name="m", cache_max_size=None
        )(function)

    ask_all(decorate)
    assert asked == EACH[:1]
    ask_all(decorate)
    assert asked == EACH[:1] * 2, "once per session and cached function"


class WithoutSignature:
    """A callable that does not tell what it takes."""

    __signature__ = "none"

    def __init__(self, asked: GivenArguments) -> None:
        self.asked = asked

    def __call__(self, *args: Any, **kwargs: Any) -> int:
        return self.asked.note(*args, **kwargs)


def test_no_signature_as_only_stars() -> None:
    asked = GivenArguments()
    ask_all(modern(WithoutSignature(asked)))
    assert asked == EACH
    asked.clear()
    ask_all(original(WithoutSignature(asked)))
    assert asked == EACH[:1]


@both
def test_version_args_empty_nothing_whatever_the_function_takes(decorator: Any) -> None:
    for make in [
        lambda asked: lambda: asked.note(),
        lambda asked: lambda *args, **kwargs: asked.note(*args, **kwargs),
        lambda asked: lambda region="none": asked.note(),
        lambda asked: partial(asked.note),
        WithoutSignature,
    ]:
        asked = GivenArguments()
        ask_all(decorator(make(asked), version_args=()))
        assert asked == [((), {})]


@both
def test_version_args_a_part_of_the_arguments(decorator: Any) -> None:
    asked = GivenArguments()
    ask_all(decorator(asked.note, version_args=lambda region, day=0: (region,)))
    assert asked == [(("a",), {}), (("b",), {})]


@both
def test_version_args_can_make_something_new(decorator: Any) -> None:
    asked = GivenArguments()
    ask_all(decorator(asked.note, version_args=lambda region, day=0: ("all", len(region))))
    assert asked == [(("all", 1), {})]


@both
def test_version_args_that_returns_an_empty_tuple(decorator: Any) -> None:
    asked = GivenArguments()
    ask_all(decorator(asked.note, version_args=lambda *args, **kwargs: ()))
    assert asked == [((), {})]


def test_version_args_that_differ_are_different_scopes() -> None:
    version = {"ann": 1, "bob": 1}
    current: dict[str, Any] = {}

    @versioned_lru_cache(lambda user: version[user], version_args=lambda user, day: (user,), session=lambda: current)
    def f(user: str, day: int) -> tuple[str, int, int]:
        return user, day, version[user]

    for _ in range(2):
        assert f("ann", 1) == ("ann", 1, 1)
        assert f("bob", 1) == ("bob", 1, 1)
    version["bob"] = 2
    current = {}
    assert f("ann", 1) == ("ann", 1, 1)
    assert f("bob", 1) == ("bob", 1, 2)
    assert f.cache_info().misses == 3


def test_two_functions_share_what_the_same_version_function_was_given() -> None:
    asked = GivenArguments()
    g: dict[str, Any] = {}

    @versioned_lru_cache(asked.note, version_args=lambda region: (region,), session=g)
    def f(region: str) -> str:
        return region

    @versioned_lru_cache(asked.note, version_args=lambda day, region: (region,), session=g)
    def h(day: int, region: str) -> str:
        return region

    f("a")
    h(1, "a")
    h(2, "a")
    h(2, "b")
    assert asked == [(("a",), {}), (("b",), {})]


def test_a_partial_has_the_parameters_that_are_left() -> None:
    asked = GivenArguments()

    def version(table: str, region: str) -> int:
        return asked.note(table, region)

    f: Any = versioned_lru_cache(partial(version, "sales"), session={})(lambda region: region)
    assert [f("a"), f("a"), f("b")] == ["a", "a", "b"]
    assert asked == [(("sales", "a"), {}), (("sales", "b"), {})]
    asked.clear()
    f = versioned_lru_cache(partial(version, "sales", "all"), session={})(lambda region: region)
    assert [f("a"), f("b")] == ["a", "b"]
    assert asked == [(("sales", "all"), {})]


def test_a_partial_with_a_keyword_may_be_asked_with_another() -> None:
    asked = GivenArguments()

    def version(region: str = "all") -> int:
        return asked.note(region)

    f: Any = versioned_lru_cache(partial(version, region="north"), session={}, version_args=())(lambda region: region)
    assert [f("a"), f("b")] == ["a", "b"]
    assert asked == [(("north",), {})]


class Table:
    """Versions as methods of every kind."""

    def __init__(self) -> None:
        self.asked = GivenArguments()

    def version(self) -> int:
        return self.asked.note()

    def version_of(self, region: str) -> int:
        return self.asked.note(region)

    @classmethod
    def class_version(cls) -> int:
        return 1

    @staticmethod
    def static_version() -> int:
        return 1

    def __call__(self, region: str) -> int:
        return self.asked.note(region)


def test_bound_methods_do_not_count_their_instance() -> None:
    table = Table()
    f: Any = versioned_lru_cache(table.version, session={})(lambda region: region)
    assert [f("a"), f("b")] == ["a", "b"]
    assert table.asked == [((), {})]
    table.asked.clear()
    f = versioned_lru_cache(table.version_of, session={})(lambda region: region)
    assert [f("a"), f("b"), f("a")] == ["a", "b", "a"]
    assert table.asked == [(("a",), {}), (("b",), {})]


def test_class_and_static_methods_and_instances() -> None:
    table = Table()
    for version in [table.class_version, Table.class_version, table.static_version]:
        g: dict[str, Any] = {}
        f: Any = versioned_lru_cache(version, session=g)(lambda region: region)
        assert [f("a"), f("b")] == ["a", "b"]
        assert f.cache_stats().version_calls == 1
    f = versioned_lru_cache(table, session={})(lambda region: region)
    assert [f("a"), f("b")] == ["a", "b"]
    assert table.asked == [(("a",), {}), (("b",), {})]


def test_methods_of_two_instances_are_two_version_functions() -> None:
    one, other = Table(), Table()
    g: dict[str, Any] = {}
    functions: list[Any] = [versioned_lru_cache(table.version, session=g)(lambda: 1) for table in (one, other, one)]
    for f in functions:
        f()
    assert (len(one.asked), len(other.asked)) == (1, 1)


def test_builtins() -> None:
    log = ["first"]
    f: Any = versioned_lru_cache(log.__len__)(lambda: list(log))
    assert f() is f()
    log.append("second")
    assert f() == ["first", "second"]

    lengths: Any = versioned_lru_cache(len)(lambda text: [text])
    assert lengths("abc") is lengths("abc")
    assert lengths.cache_peek("abc") == (["abc"], 3)

    first: Any = versioned_lru_cache(operator.itemgetter(0))(lambda text: [text])
    assert first("abc") is first("abc")
    assert first.cache_peek("abc") == (["abc"], "a")

    largest: Any = versioned_lru_cache(max)(lambda a, b: [a, b])
    assert largest(1, 2) is largest(1, 2)
    assert largest.cache_peek(1, 2) == ([1, 2], 2)


def test_a_class_as_a_version_function() -> None:
    f: Any = versioned_lru_cache(str)(lambda x: [x])
    assert f(5) is f(5)
    assert f.cache_peek(5) == ([5], "5")


def test_the_version_function_sees_the_arguments_as_they_were_given() -> None:
    asked = GivenArguments()
    argument = object()
    f: Any = versioned_lru_cache(lambda *args, **kwargs: asked.note(*args, **kwargs))(lambda *args, **kwargs: None)
    f(argument, 1, b=2, a=argument)
    [(args, kwargs)] = asked
    assert args[0] is argument
    assert list(kwargs) == ["b", "a"]
    assert kwargs["a"] is argument


def test_with_a_key_the_version_function_still_sees_the_arguments() -> None:
    asked = GivenArguments()
    f: Any = versioned_lru_cache(lambda rows: asked.note(tuple(rows)), key=tuple, session={})(lambda rows: sum(rows))
    assert [f([1, 2]), f([1, 2]), f([3])] == [3, 3, 3]
    assert asked == [(((1, 2),), {}), (((3,),), {})]


def test_a_falsy_version_becomes_the_default_in_the_original_only() -> None:
    for falsy in [None, 0, "", ()]:
        old: Any = original(lambda falsy=falsy: falsy, version_args=())(lambda: 1)
        old()
        assert old.cache_peek() == (1, "-1")
        new: Any = modern(lambda falsy=falsy: falsy, version_args=())(lambda: 1)
        new()
        assert new.cache_peek() == (1, falsy)
    old = original(lambda: "", no_history_events_default_version=7)(lambda: 1)
    old()
    assert old.cache_peek() == (1, 7)
