"""Promise 9: cycles through values and keys are collected, sessions free what they kept, nothing leaks."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import pytest

from tests.programs import bounded
from tests.support.child import run
from tests.support.handle import HANDLE
from versioned_lru_cache import Lag, Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import MockClock

ALONE = pytest.mark.thread_unsafe(reason="one clock for the whole process")


class Node:
    """Something that can be part of a cycle, and whose death can be seen."""

    def __init__(self, *refers_to: object) -> None:
        self.refers_to = list(refers_to)


def dies(node: weakref.ref[Any]) -> bool:
    gc.collect()
    return node() is None


def test_a_value_that_refers_to_its_cache() -> None:
    @versioned_lru_cache(lambda: 1)
    def f() -> Node:
        return Node()

    value = f()
    value.refers_to.append(f)
    death = weakref.ref(value)
    del value
    assert death() is not None
    del f
    assert dies(death)


def test_a_key_that_refers_to_its_cache() -> None:
    @versioned_lru_cache(lambda: 1, session={})
    def f(key: Node) -> int:
        return 1

    key = Node(f)
    f(key)
    death = weakref.ref(key)
    del key, f
    assert dies(death)


def test_a_keyword_and_one_key_of_many_that_refer_to_their_cache() -> None:
    @versioned_lru_cache(lambda *args, **kwargs: 1, session={})
    def f(*args: object, **kwargs: object) -> int:
        return 1

    nodes = [Node(f), Node(f)]
    f(1, nodes[0], name=nodes[1])
    deaths = [weakref.ref(node) for node in nodes]
    del nodes, f
    assert all(dies(death) for death in deaths)


def test_a_function_that_refers_to_its_cache() -> None:
    def make() -> weakref.ref[Any]:
        @versioned_lru_cache(version=1)
        def f(n: int) -> int:
            return n if n == 0 else f(n - 1)

        f(5)
        return weakref.ref(f)

    assert dies(make())


def test_what_the_decorator_was_given_refers_to_the_cache() -> None:
    def make(option: str) -> weakref.ref[Any]:
        box: list[Any] = []

        def touch(*args: object) -> tuple[object, ...]:
            assert box
            return args

        def current() -> dict[str, Any]:
            assert box
            return {}

        options: dict[str, Any] = {"session": current} if option == "session" else {option: touch}
        version = options.pop("version", lambda *args: 1)
        f = versioned_lru_cache(version, **options)(lambda x: Node())
        box.append(f)
        f(1)
        return weakref.ref(f)

    for option in ["version", "key", "version_args", "cache_if", "session"]:
        assert dies(make(option)), option


def test_a_session_that_holds_a_value_that_holds_the_session() -> None:
    g: dict[str, Any] = {}

    @versioned_lru_cache(lambda: 1, session=lambda: g)
    def f() -> Node:
        return Node(g, g[HANDLE], f)

    f()
    death = weakref.ref(f())
    g = {}
    f.cache_clear()
    assert dies(death)


def test_a_session_that_alone_keeps_a_value_that_holds_the_session() -> None:
    version = 1
    g: dict[str, Any] = {}

    @versioned_lru_cache(lambda: version, session=lambda: g)
    def f() -> Node:
        return Node(g, f)

    f()
    death = weakref.ref(f())
    old, version, g = g, 2, {}
    f()
    assert not dies(death)  # in its session it would be served again
    del old
    assert dies(death)
    assert f.cache_info().currsize == 1


def test_a_version_that_refers_to_session_and_cache() -> None:
    g: dict[str, Any] = {}

    class Version(Node):
        pass

    @versioned_lru_cache(lambda: Version(g, f), session=lambda: g)
    def f() -> int:
        return 1

    f()
    peeked = f.cache_peek()
    assert peeked is not None
    death = weakref.ref(peeked.version)
    del peeked
    g = {}
    f.cache_clear()
    assert dies(death)


def test_the_ambient_session_and_its_values() -> None:
    version = 1

    @versioned_lru_cache(lambda: version)
    def f() -> Node:
        return Node()

    with session() as active:
        value = f()
        value.refers_to.append(active)
        deaths: list[weakref.ref[Any]] = [weakref.ref(value), weakref.ref(active)]
        del value
        version = 2
        with session():
            f()
        assert f() is deaths[0]()
    del active
    assert all(dies(death) for death in deaths)


@pytest.mark.parametrize("end", ["pop", "clear", "drop", "renew"])
def test_the_end_of_a_session_frees_what_it_kept(end: str) -> None:
    version = 1
    g: dict[str, Any] = {}

    @versioned_lru_cache(lambda: version, session=lambda: g)
    def f(x: int) -> Node:
        return Node()

    first = g
    deaths = [weakref.ref(f(x)) for x in range(5)]
    version, g = 2, {}
    for x in range(5):
        f(x)
    assert all(death() is not None for death in deaths)
    match end:
        case "pop":
            first.pop(HANDLE)
        case "clear":
            first.clear()
        case "drop":
            del first
        case "renew":
            first[HANDLE].renew()
    assert all(death() is None for death in deaths), "at once, without the garbage collector"


def test_a_value_is_released_when_it_is_evicted_and_no_session_may_have_seen_it() -> None:
    @versioned_lru_cache(lambda: 1, maxsize=1)
    def f(x: int) -> Node:
        return Node()

    death = weakref.ref(f(1))
    assert death() is not None
    f(2)
    assert death() is None


def test_a_value_is_released_when_a_newer_one_replaces_it() -> None:
    version = 1

    @versioned_lru_cache(lambda: version)
    def f() -> Node:
        return Node()

    death = weakref.ref(f())
    version = 2
    f()
    assert death() is None


@pytest.mark.parametrize("how", ["clear", "invalidate", "put"])
def test_a_value_is_released_when_it_is_removed(how: str) -> None:
    @versioned_lru_cache(lambda: 1)
    def f(x: int) -> Node:
        return Node()

    death = weakref.ref(f(1))
    match how:
        case "clear":
            f.cache_clear()
        case "invalidate":
            f.cache_invalidate(1)
        case "put":
            f.cache_put(Versioned(Node(), 1), 1)
    assert death() is None


def test_the_cache_keeps_no_session_alive() -> None:
    @versioned_lru_cache(lambda: 1)
    def f() -> int:
        return 1

    with session() as active:
        f()
        death = weakref.ref(active)
    del active
    assert death() is None


def test_a_function_that_goes_leaves_nothing_in_a_session_that_stays() -> None:
    version = 1
    g: dict[str, Any] = {}
    death = None
    for _ in range(3):

        @versioned_lru_cache(lambda: version, session=lambda: g)
        def f(x: int) -> Node:
            return Node()

        f(1)
        death = weakref.ref(f(1))
        kept, version = g, version + 1
        g = {}
        f(1)
        g = kept
        del f
        assert dies(death)
    assert list(g[HANDLE]) == []


def test_a_session_that_never_ends_stays_bounded() -> None:
    version = 0
    forever: dict[str, Any] = {}
    current: dict[str, Any] | None = forever

    @versioned_lru_cache(lambda: version, session=lambda: current, maxsize=4)
    def f(x: int) -> Node:
        return Node()

    deaths = []
    for x in range(200):
        current = forever
        deaths.append(weakref.ref(f(x)))
        version, current = version + 1, None
        f(x)
    gc.collect()
    alive = sum(death() is not None for death in deaths)
    assert alive <= 12, "what is stored, and a small multiple of maxsize for the session"


def test_a_session_remembers_a_bounded_number_of_observations() -> None:
    class Version:
        pass

    deaths = []

    def version(x: int) -> Version:
        made = Version()
        deaths.append(weakref.ref(made))
        return made

    @versioned_lru_cache(version, session={}, maxsize=1)
    def f(x: int) -> int:
        return x

    for x in range(3000):
        f(x)
    gc.collect()
    assert sum(death() is not None for death in deaths) <= 1024 + 8


def moving(session: Any, *refers_to: Any) -> tuple[Any, list[Node], list[weakref.ref[Node]]]:
    """A function of which each new result lags, so that its session goes by another version each time."""
    versions = [Node()]
    made = [weakref.ref(versions[0])]

    @versioned_lru_cache(lambda: versions[0], session=session, lag=Lag(retries=1, delay=1))
    def f(x: int) -> Versioned[int]:
        versions[0] = Node(*refers_to)
        made.append(weakref.ref(versions[0]))
        return Versioned(x, versions[0])

    return f, versions, made


@ALONE
@pytest.mark.parametrize("stays", [False, True], ids=["with its session", "though its session stays"])
def test_a_session_that_goes_from_version_to_version_keeps_few_and_none_of_a_function_that_goes(stays: bool) -> None:
    g: dict[str, Any] = {}
    f, versions, made = moving((lambda: g) if stays else g, *[] if stays else [g])
    versions[0].refers_to = [] if stays else [g, f]
    with MockClock():
        for x in range(1000):
            f(x)
    f.cache_clear()
    gc.collect()
    assert made[0]() is not None, "what was there when the session began may be of it"
    assert sum(version() is not None for version in made) <= 3
    versions.clear()
    del f
    if not stays:
        del g
    assert dies(made[0])


def test_references_are_counted_right() -> None:
    """Calls of every kind leave the reference counts of arguments, values and versions as they were."""
    key, value, version = Node(), Node(), Node()
    current: dict[str, Any] | None = {}

    @versioned_lru_cache(lambda: version, session=lambda: current, maxsize=2)
    def f(x: object, *, k: object = None) -> Node:
        return value

    def all_kinds() -> None:
        nonlocal current
        for in_session in [True, False]:
            current = {} if in_session else None
            f(key)
            f(key, k=key)
            f(key)
            f.cache_peek(key)
            f.cache_contains(key)
            f.cache_key(key)
            f.cache_invalidate(key)
            f.cache_put(Versioned(value, version), key)
            f(1)
            f(2)
            f(3)
            f(key)
        f.cache_clear()

    all_kinds()
    gc.collect()
    before = [sys.getrefcount(node) for node in (key, value, version)]
    for _ in range(20):
        all_kinds()
    gc.collect()
    assert [sys.getrefcount(node) for node in (key, value, version)] == before


@pytest.mark.child
@pytest.mark.slow
def test_memory_stays_flat() -> None:
    """Hits, misses, evictions, exceptions, sessions and decorations: many of each change nothing for good."""
    run(bounded.memory_stays_flat, timeout=120)
