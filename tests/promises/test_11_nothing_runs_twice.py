"""Promise 11: while the data stands still, a call that ran once does not run again, in any session and any order."""

from __future__ import annotations

import inspect
import itertools
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, g

from tests.model import graph_world
from tests.model.graphs import LEVELS
from tests.support.nested import Site, everywhere, of_each_kind
from versioned_lru_cache import current_session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = int(os.environ.get("NESTED_SEEDS", "200"))


# By hand.


@everywhere
@pytest.mark.parametrize("order", list(itertools.permutations(["user", "menu", "report"])), ids="-".join)
async def test_a_page_in_whatever_order_its_parts_are_used(site: Site, order: tuple[str, ...]) -> None:
    user = site.cached("user")
    menu = site.cached("menu", user)
    report = site.cached("report", user, menu)
    parts = {"user": user, "menu": menu, "report": report}
    with site.new():
        for name in order:
            await site.call(parts[name])
            assert parts[name].cache_contains(), "at once"
    for again in itertools.permutations(parts.values()):
        with site.new():
            for part in again:
                await site.call(part)
    assert site.runs == {"user": 1, "menu": 1, "report": 1}
    assert report.cache_stats().not_stored == 0


def test_a_request_before_which_a_user_is_loaded() -> None:
    runs: list[str] = []

    @versioned_lru_cache(lambda: "as ever", session=g)
    def user() -> str:
        runs.append("user")
        return "ann"

    @versioned_lru_cache(lambda: "no change", session=g)
    def settings() -> str:
        runs.append("settings")
        return f"settings of {user()}"

    @versioned_lru_cache(lambda day: day, session=g)
    def report(day: str) -> str:
        runs.append(day)
        return f"{day}, {settings()}"

    app = Flask(__name__)
    app.before_request(lambda: user() and None)
    app.add_url_rule("/<day>", view_func=lambda day: report(day), endpoint="report")
    client = app.test_client()
    for _ in range(5):
        for day in ["monday", "friday"]:
            assert client.get(f"/{day}").text == f"{day}, settings of ann"
    assert runs == ["user", "monday", "settings", "friday"]
    assert report.cache_stats().not_stored == 0


@everywhere
async def test_a_page_of_twenty_parts(site: Site) -> None:
    parts = [site.cached(f"part {number}") for number in range(20)]
    page = site.cached("page", *parts)
    with site.new():
        for part in parts:
            await site.call(part)
        await site.call(page)
        assert page.cache_contains()
        assert sum(site.asked.values()) <= 41
    site.asked.clear()
    with site.new():
        for part in parts:
            await site.call(part)
        await site.call(page)
    assert sum(site.asked.values()) == 21
    assert set(site.runs.values()) == {1}


@everywhere
async def test_each_part_is_used_by_the_next(site: Site) -> None:
    parts: list[Any] = []
    for level in range(6):
        parts.append(site.cached(f"level {level}", *parts[-2:]))
    with site.new():
        for part in parts:
            await site.call(part)
    with site.new():
        for part in reversed(parts):
            await site.call(part)
    assert set(site.runs.values()) == {1}
    assert len(site.runs) == 6


@everywhere
async def test_sessions_that_take_turns(site: Site) -> None:
    menu = site.cached("menu")
    report = site.cached("report", menu)
    page = site.cached("page", report)
    with site.new():
        await site.call(menu)
        with site.new():
            await site.call(menu)
            await site.call(report)
            with site.new():
                await site.call(page)
            await site.call(page)
        await site.call(page)
        await site.call(report)
    assert site.runs == {"menu": 1, "report": 1, "page": 1}


@everywhere
@pytest.mark.parametrize("read_before", [False, True], ids=["first", "read before"])
async def test_version_functions_that_use_cached_functions(site: Site, read_before: bool) -> None:
    base = site.cached("base", for_versions=True)
    middle = site.cached("middle", base, for_versions=True, version=site.version("middle", base))
    top = site.cached("top", middle, version=site.version("top", middle, base))
    if read_before:
        with site.new():
            await site.call(base)
            await site.call(middle)
            await site.call(top)
    for order in itertools.permutations([base, middle, top]):
        with site.new():
            for function in order:
                await site.call(function)
    assert site.runs == {"base": 1, "middle": 1, "top": 1}


@everywhere
async def test_a_version_function_that_is_a_cached_function(site: Site) -> None:
    base = site.cached("base", for_versions=True)
    middle = site.cached("middle", for_versions=True, version=base, version_args=())
    top = site.cached("top", base, version=middle, version_args=())
    for order in itertools.permutations([base, middle, top]):
        with site.new():
            for function in order:
                await site.call(function)
    assert site.runs == {"base": 1, "middle": 1, "top": 1}


@everywhere
@pytest.mark.parametrize("takes", [False, True], ids=["one version", "a version for each"])
async def test_a_function_that_calls_itself_with_less(site: Site, takes: bool) -> None:
    """Most were read before, some in other sessions."""

    async def body(x: int) -> tuple[Any, ...]:
        site.runs[str(x)] += 1
        parts = [await site.call(count, less) for less in range(max(0, x - 2), x)]
        return ("count", x, site.row, *parts)

    version = site.version("count", takes=takes, answer=lambda *args: args)
    count: Any = site.cached("count", body=body, version=version)
    for most in [2, 5, 3, 8]:
        with site.new():
            for x in [most - 1, most, 0, most + 1]:
                await site.call(count, x)
    assert site.runs == {str(x): 1 for x in range(10)}


@of_each_kind
async def test_constant_versions_between_others(site: Site) -> None:
    user = site.cached("user")
    label = site.cached("label", user, version="constant")
    page = site.cached("page", label, user)
    for order in itertools.permutations([user, label, page]):
        with site.new():
            for function in order:
                await site.call(function)
    assert site.runs == {"user": 1, "label": 1, "page": 1}


@of_each_kind
async def test_without_any_session(site: Site) -> None:
    menu = site.cached("menu")
    page = site.cached("page", menu, version=site.version("page", menu if site.asks_awaited == site.awaited else int))
    for _ in range(3):
        await site.call(menu)
        await site.call(page)
    assert site.runs == {"menu": 1, "page": 1}


@everywhere
async def test_what_has_moved_once_runs_once_more(site: Site) -> None:
    menu = site.cached("menu")
    report = site.cached("report", menu)
    with site.new():
        await site.call(menu)
        site.row = 2
        await site.call(report)  # for this session alone
        for _ in range(3):
            with site.new():
                await site.call(menu)
                await site.call(report)
    assert site.runs == {"menu": 2, "report": 2}


# By chance.


@pytest.mark.parametrize("awaited", [False, True], ids=["plain", "coroutines"])
@pytest.mark.parametrize("moves", [False, True], ids=["still", "moving"])
def test_random_functions_that_call_each_other(awaited: bool, moves: bool) -> None:
    """None runs twice while the data stands still, and a session never sees what was before it began.

    NESTED_SEEDS tells how many worlds there are of each kind; `tests/model/graph_world.py` goes on for longer.
    """
    judged = 0
    for seed in range(awaited + 2 * moves, 4 * SEEDS, 4):
        world = graph_world.one_life(seed)
        assert not world.complaints, f"seed {seed}: {world.complaints[0]}"
        judged += world.counts().get("judged by the truth", 0)
    assert judged > 10 * SEEDS


def naive(version: Any, session: Any = None, **options: Any) -> Callable[[Any], Any]:
    """A cache that compares versions, asks once in a session, and knows nothing of what a result rests on."""
    stored: dict[Any, tuple[Any, Any]] = {}

    def decorate(body: Any) -> Any:
        def cached(*args: int) -> Any:
            answers, answer = memory_of(session), version
            if callable(version):
                given = options.get("version_args", lambda *args: args)
                given = given(*args) if callable(given) else given
                scope = (version, given if inspect.signature(version).parameters else ())
                if scope not in answers:
                    answers[scope] = version(*scope[1])
                answer = answers[scope]
            key = (body, args)
            if key not in answers:
                if args not in stored or stored[args][0] != answer:
                    stored[args] = (answer, body(*args))
                answers[key] = stored[args][1]
            return answers[key]

        return cached

    return decorate


def for_one_session(version: Any, session: Any = None, **options: Any) -> Callable[[Any], Any]:
    """A cache that keeps all for its session."""

    def decorate(body: Any) -> Any:
        def cached(*args: int) -> Any:
            answers = memory_of(session)
            if (body, args) not in answers:
                answers[body, args] = body(*args)
            return answers[body, args]

        return cached

    return decorate


SESSIONS: dict[Any, dict[Any, Any]] = {}


def memory_of(binding: Any) -> dict[Any, Any]:
    """What one of those remembers for a session."""
    place = binding
    if hasattr(binding, "name"):
        place = binding.get(None)
    elif callable(binding):
        place = binding()
    if place is not None:
        found: dict[Any, Any] = place.setdefault("memory", {})
        return found
    ambient = current_session()
    return {} if ambient is None else SESSIONS.setdefault(ambient, {})


@pytest.mark.thread_unsafe(reason="puts another cache in the place of the package")
@pytest.mark.parametrize(
    ("instead", "complaints"),
    [
        (lambda *args, **options: lambda body: body, ["ran twice", "another object in the same session"]),
        (lambda *args, **options: lru_cache(None), ["stale", "not what is true"]),
        (for_one_session, ["ran twice"]),
        (naive, ["stale"]),
    ],
    ids=["no cache", "functools", "for one session", "without read sets"],
)
def test_the_judge_notices_what_keeps_no_promise(
    instead: Any, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_world, "versioned_lru_cache", instead)
    found: list[str] = []
    for seed in range(0, 400, 2):
        found += graph_world.one_life(seed).complaints
        if all(any(complaint in one for one in found) for complaint in complaints):
            break
    SESSIONS.clear()
    for complaint in complaints:
        assert any(complaint in one for one in found), complaint


def test_the_functions_are_of_all_kinds() -> None:
    """What the random functions are is what they are to be."""
    seen: set[Any] = set()
    for seed in range(40):
        graph = graph_world.Life(seed, awaited=bool(seed & 1), moves=bool(seed & 2)).world.graph
        for node in graph.nodes.values():
            version = "cached" if node.version in graph.nodes else node.version
            seen |= {("version", version), ("session", node.binding), ("given", node.given), ("level", node.level)}
            seen |= {("awaited", node.awaited), ("asks awaited", node.asks_awaited)}
    assert {kind for what, kind in seen if what == "version"} == {"own", "shared", "uses", "cached", "constant"}
    assert {kind for what, kind in seen if what == "session"} == {"mapping", "provider", "variable", "ambient"}
    assert {kind for what, kind in seen if what == "given"} == {"nothing", "x", "part"}
    assert {kind for what, kind in seen if what == "level"} == {*range(-1, LEVELS)}
    assert {("awaited", True), ("awaited", False), ("asks awaited", True)} <= seen
