"""Version functions about names that the program bumps, and what lies below them."""

from __future__ import annotations

import asyncio
import itertools
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs import bumped_names
from tests.support.child import run
from versioned_lru_cache import session, versioned_lru_cache, versioned_lru_cache_with_ttl, versions
from versioned_lru_cache.versions import all_of, bump, counter, set_max_names, tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NUMBERS = itertools.count()
FACTORIES = [counter, tags]


def fresh(name: str) -> str:
    """A name that no other test has: names are the whole process's."""
    return f"{name} of test {next(NUMBERS)}"


def made_of(version: Any) -> Callable[..., object]:
    """Return a cached function whose results differ."""
    cached: Callable[..., object] = versioned_lru_cache(version)(lambda *args, **kwargs: object())
    return cached


# --- which bumps count


@pytest.mark.parametrize("factory", FACTORIES)
@pytest.mark.parametrize(
    ("bumped", "moves"),
    [
        ("{}:7", True),
        ("{}", True),
        ("{}:7:orders", False),
        ("{}s", False),
        ("{}s:7", False),
        ("{}:77", False),
        ("{}:", False),
        ("{}:8", False),
        ("a:{}:7", False),
    ],
)
def test_a_bump_counts_for_a_name_and_for_all_below_it(factory: Any, bumped: str, moves: bool) -> None:
    user = fresh("user")
    constant, made = factory(f"{user}:7"), factory(lambda number: f"{user}:{number}")
    f, g = made_of(constant), made_of(made)
    before, found = (constant(), made("7")), (f(), g("7"))
    bump(bumped.format(user))
    assert (constant() != before[0], made("7") != before[1]) == (moves, moves)
    assert (f() is not found[0], g("7") is not found[1]) == (moves, moves)


@pytest.mark.parametrize("name", ["{}:7:orders:2", "{}:7:orders:", "{}:7::2", "{}:7:"])
def test_a_bump_counts_however_far_below(name: str) -> None:
    user = fresh("user")
    version = tags(name.format(user))
    seen = [version()]
    for above in (user, f"{user}:7", name.format(user)):
        bump(above)
        seen.append(version())
    assert seen == sorted(set(seen))


def test_tags_move_on_with_each_of_their_names() -> None:
    prices, rates, other = fresh("prices"), fresh("rates"), fresh("other")
    f, g = made_of(tags(prices, rates)), made_of(tags(lambda: [prices, rates]))
    for name, moves in ((prices, True), (rates, True), (other, False)):
        before = f(), g()
        assert (f(), g()) == before
        bump(name)
        assert (f() is not before[0], g() is not before[1]) == (moves, moves)


def test_several_names_are_bumped_at_once() -> None:
    one, two = fresh("one"), fresh("two")
    f, g = made_of(tags(one)), made_of(tags(two))
    before = f(), g()
    bump(one, two)
    assert f() is not before[0]
    assert g() is not before[1]


def test_each_way_to_bump_moves_all_that_have_the_name() -> None:
    user = fresh("user")
    of_counter, of_tags = counter(lambda number: f"{user}:{number}"), tags(lambda number: (f"{user}:{number}",))
    every: list[Any] = [made_of(each) for each in (of_counter, of_tags)]
    constant = [made_of(each) for each in (counter(f"{user}:7"), tags(f"{user}:7", fresh("another")))]
    for way in (
        lambda: bump(f"{user}:7"),
        lambda: counter(f"{user}:7").bump(),
        lambda: of_counter.bump("7"),
        lambda: of_tags.bump("7"),
        lambda: tags(f"{user}:7", fresh("a third")).bump(),
    ):
        before = [f("7") for f in every] + [f() for f in constant]
        others = [f("8") for f in every]
        way()
        assert not {map(id, before)} & {map(id, [f("7") for f in every] + [f() for f in constant])}
        assert [f("7") for f in every] + [f() for f in constant] != before
        assert all(now is not then for now, then in zip([f("7") for f in every], before, strict=False))
        assert [f("8") for f in every] == others


def test_a_bump_returns_the_new_version() -> None:
    user, rates = fresh("user"), fresh("rates")
    constant, made = tags(user, rates), tags(lambda number: {f"{user}:{number}", rates})
    before, made_before = constant(), made("7")
    assert constant.bump() == constant() > before
    assert made.bump("7") == made("7") != made_before
    assert made("7")[0] == tuple(sorted((f"{user}:7", rates)))
    assert bump(user) is None  # type: ignore[func-returns-value]
    assert constant() > before + 2


def test_a_name_that_was_asked_for_long_before_any_bump_of_it_is_heard() -> None:
    name = fresh("late")
    version = counter(name)
    seen = {version()}
    for number in range(100):
        bump(f"{name}{number}")
        seen.add(version())
    assert len(seen) == 1
    bump(name)
    assert version() not in seen


# --- what callables return


@pytest.mark.parametrize(
    "several", [tuple, list, set, frozenset, iter, dict.fromkeys, lambda names: (n for n in names)]
)
def test_a_callable_returns_names_in_whatever_holds_some(several: Callable[[list[str]], Iterable[str]]) -> None:
    one, two = fresh("one"), fresh("two")
    version = tags(lambda: several([two, one, two]))
    assert version()[0] == (one, two)
    f = made_of(version)
    before = f()
    assert f() is before
    bump(two)
    assert f() is not before


def test_a_callable_that_returns_no_name_depends_on_nothing() -> None:
    f = made_of(tags(lambda names: names))
    before = f(())
    bump(fresh("anything"))
    assert f(()) is before


def test_two_that_nobody_has_bumped_are_not_taken_for_each_other() -> None:
    tenant = [fresh("tenant"), fresh("tenant")]
    for factory in FACTORIES:
        f: Any = versioned_lru_cache(factory(lambda: tenant[0]))(lambda: tenant[0])
        assert f() == tenant[0]
        tenant.reverse()
        assert f() == tenant[0]


class Text(str):
    """A text that is equal to nothing."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return False


def test_a_name_may_be_any_text() -> None:
    for text in ("é", "日本", "\N{PILE OF POO}", "a\0b", "\ud800", "\ud800:\udfff", " ", ":", "::", "x" * 100_000):
        name = f"{fresh('text')} {text}"
        for version in (counter(name), tags(lambda name=name: name), tags(name, fresh("other"))):
            before: Any = version()
            bump(name)
            assert version() != before
    assert counter("\ud800a")() == counter("\ud800a")()
    before = counter("\ud800")(), counter("\ud801")()
    bump("\ud800")
    assert counter("\ud800")() != before[0]
    assert counter("\ud801")() == before[1]


def test_a_text_of_a_class_of_its_own_is_taken_as_plain_text() -> None:
    name = fresh("text")
    version = tags(lambda: Text(name))
    assert type(version()[0][0]) is str
    assert counter(Text(name)) is counter(name)
    before = version()
    bump(Text(name))
    assert version() != before


# --- invalidation is not lost


@pytest.mark.parametrize("within", [False, True])
def test_a_bump_during_a_computation_is_not_lost(within: bool) -> None:
    user = fresh("user")
    data = ["old"]

    def read(*_number: int) -> str:
        found = data[0]
        if found == "old":
            data[0] = "new"
            bump(user)
        return found

    for version, args in ((tags(f"{user}:7", "a"), ()), (counter(lambda number: f"{user}:{number}"), (7,))):
        data[0] = "old"
        f: Any = versioned_lru_cache(version)(read)
        if within:
            with session():
                assert f(*args) == f(*args) == "old"
            with session():
                assert f(*args) == "new"
        else:
            assert f(*args) == "old"
            assert f(*args) == "new"
        assert f(*args) == "new"
        assert f.cache_info().misses == 2


def test_who_waits_for_a_computation_while_a_bump_comes_does_not_get_its_result() -> None:
    name = fresh("waited for")
    begun, go_on, data = threading.Event(), threading.Event(), ["old"]

    @versioned_lru_cache(tags(name))
    def read() -> str:
        found = data[0]
        begun.set()
        assert go_on.wait(30)
        return found

    first = threading.Thread(target=read)
    first.start()
    assert begun.wait(30)
    data[0] = "new"
    bump(name)
    found: list[str] = []
    second = threading.Thread(target=lambda: found.append(read()))
    second.start()
    go_on.set()
    for thread in (first, second):
        thread.join(30)
    assert found == ["new"]
    assert read() == "new"


def test_a_session_goes_on_to_see_what_it_saw_and_the_next_sees_the_bump() -> None:
    user = fresh("user")
    f = made_of(tags(lambda number: f"{user}:{number}"))
    with session():
        before = f("7")
        bump(user)
        assert f("7") is before
    with session():
        assert f("7") is not before


def test_what_uses_a_cached_function_is_made_anew_when_its_own_name_is_bumped() -> None:
    """Names say what a result is about: a function that uses another names what that is about, too."""
    user = fresh("user")
    inner: Any = versioned_lru_cache(tags(lambda number: f"{user}:{number}"))(lambda number: [number])
    outer: Any = versioned_lru_cache(tags(user))(lambda: [inner(1), inner(2)])
    before = outer()
    assert outer() is before
    bump(user)
    assert outer() is not before
    assert outer()[0] is not before[0]


def test_coroutine_functions_and_methods() -> None:
    user = fresh("user")

    class Shop:
        @versioned_lru_cache(tags(lambda self, number: f"{user}:{number}"))
        async def order(self, number: int) -> list[int]:
            await asyncio.sleep(0)
            return [number]

    async def main() -> None:
        shop = Shop()
        before = await shop.order(7), await shop.order(8)
        bump(f"{user}:7")
        assert await shop.order(7) is not before[0]
        assert await shop.order(8) is before[1]

    asyncio.run(main())


def test_parts_of_a_combination() -> None:
    user, rates = fresh("user"), fresh("rates")
    f = made_of(all_of(tags(rates), counter(lambda number: f"{user}:{number}")))
    before = f("7"), f("8")
    bump(f"{user}:7")
    assert f("7") is not before[0]
    assert f("8") is before[1]
    bump(rates)
    assert f("8") is not before[1]


def test_the_original_decorator_asks_for_each_call() -> None:
    user = fresh("user")
    g: dict[str, object] = {}

    @versioned_lru_cache_with_ttl(
        proxy_to_session_context_object=g,
        generate_version_func=tags(lambda number: f"{user}:{number}"),
        module_name="m",
        cache_max_size=10,
    )
    def order(number: int) -> list[int]:
        return [number]

    before = order(7), order(8)
    bump(f"{user}:7")
    g.clear()
    assert order(7) is not before[0]
    assert order(8) is before[1]


# --- what they are


def test_one_of_constant_names_is_read_without_a_python_call() -> None:
    import sys

    f = made_of(tags(fresh("quiet") + ":7", fresh("still")))
    f()
    calls: list[object] = []
    sys.setprofile(lambda _frame, event, what: calls.append((event, what)))
    try:
        f()
    finally:
        sys.setprofile(None)
    assert not [event for event, what in calls if event == "call"]


def test_the_same_names_are_one_version_function_in_whatever_order() -> None:
    one, two = fresh("one"), fresh("two")
    made = tags(one, two)
    assert tags(two, one) is tags(one, two, one) is made
    assert tags(one) is tags(one, one) is counter(one)
    assert tags(one) is not made


def test_they_show_their_names() -> None:
    def of(user: str) -> str:
        return user

    assert repr(tags("b", "a:1")) == "<versions.tags('a:1', 'b')>"
    assert repr(tags("shown")) == repr(counter("shown")) == "<versions.counter('shown')>"
    assert repr(tags("\ud800", "it's")) == """<versions.tags("it's", '\\ud800')>"""
    assert repr(tags(of)) == f"<versions.tags({of!r})>"
    assert repr(counter(of)) == f"<versions.counter({of!r})>"


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: tags(), TypeError, r"tags\(\) is not allowed; it must have names, or one callable"),
        (lambda: tags("a", str), TypeError, r"tags\('a', <class 'str'>\) is not allowed"),
        (lambda: tags(str, str), TypeError, r"is not allowed; it must have names, or one callable"),
        (lambda: tags(5), TypeError, r"tags\(names\)=5 is an int; it must be a str"),
        (lambda: tags(["a"]), TypeError, r"tags\(names\)=\['a'\] is a list"),
        (lambda: tags("a", ""), ValueError, r"tags\(names\)='' is empty"),
        (lambda: tags("user:*"), ValueError, r"tags\(names\)='user:\*' is not allowed; a name is no pattern: .*'user'"),
        (lambda: counter("*"), ValueError, r"counter\(name\)='\*' is not allowed; a name is no pattern"),
        (lambda: counter(["a"]), TypeError, r"counter\(name\)=\['a'\] is a list"),
        (lambda: bump(), TypeError, r"bump\(\) was given no name"),
        (lambda: bump("a", 5), TypeError, r"bump\(names\)=5 is an int"),
        (lambda: bump(""), ValueError, r"bump\(names\)='' is empty"),
        (lambda: bump("user:*"), ValueError, r"a bump of 'user' counts for all names below it, such as 'user:7'"),
        (lambda: set_max_names(0), ValueError, r"max_names=0 is not allowed; it must be 1 at least"),
        (lambda: set_max_names(True), TypeError, r"max_names=True is a bool; it must be an int"),
        (lambda: set_max_names("5"), TypeError, r"max_names='5' is a str; it must be an int"),
        (lambda: counter(lambda: 5)(), TypeError, r"name\(\)=5 is an int; it must be a str"),
        (lambda: counter(lambda: ["a"])(), TypeError, r"name\(\)=\['a'\] is a list; it must be a str"),
        (lambda: counter(lambda: "")(), ValueError, r"name\(\)='' is empty"),
        (lambda: tags(lambda: 5)(), TypeError, r"names\(\)=5 is an int; it must be a str or several"),
        (lambda: tags(lambda: None)(), TypeError, r"names\(\)=None is a NoneType; it must be a str or several"),
        (lambda: tags(lambda: ["a", 5])(), TypeError, r"names\(\)=5 is an int; it must be a str"),
        (lambda: tags(lambda: b"a")(), TypeError, r"names\(\)=97 is an int"),
        (lambda: tags(lambda: "a").bump(5), TypeError, "takes 0 positional arguments but 1 was given"),
    ],
)
def test_wrong_use_is_told(call: Callable[[], object], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        call()


def test_what_looks_like_a_pattern_in_data_is_a_name() -> None:
    search = fresh("search")
    version = tags(lambda pattern: f"{search}:{pattern}")
    f = made_of(version)
    before = f("*"), f("a")
    version.bump("*")
    assert f("*") is not before[0]
    assert f("a") is before[1]


def test_only_what_is_asked_has_bump() -> None:
    assert not hasattr(versions.file("a"), "bump")
    assert not hasattr(all_of(counter("a")), "bump")


# --- many names


@pytest.mark.child
def test_no_answer_is_older_than_a_bump_whatever_is_forgotten() -> None:
    run(bumped_names.random_bumps_and_reads, timeout=240)


@pytest.mark.child
@pytest.mark.parametrize("max_names", [1, 100])
def test_no_thread_is_answered_with_what_was_made_before_a_bump(max_names: int) -> None:
    run(bumped_names.threads_that_bump_and_read, max_names, timeout=120)


@pytest.mark.child
def test_names_that_are_only_asked_for_are_not_remembered_and_do_not_push_out() -> None:
    run(bumped_names.asking_forgets_nothing)


@pytest.mark.child
@pytest.mark.skipif(not bumped_names.STATM.exists(), reason="reads the resident memory as Linux shows it")
def test_millions_of_names_take_bounded_memory() -> None:
    run(bumped_names.many_names_stay_bounded, timeout=120)


@pytest.mark.child
@pytest.mark.skipif(not hasattr(bumped_names.os, "fork"), reason="a system without fork")
def test_a_fork_takes_the_counts_along() -> None:
    done = run(bumped_names.a_fork_takes_the_counts_along)
    assert sorted(done.stdout.split()) == ["child"] * 5 + ["parent"]
