"""Caches that keep no promise, under the judges of random schedules: each must find fault with them.

Each function prints the complaints, one a line, and is run in a process of its own: it changes what the stress uses.
"""

from __future__ import annotations

import functools
import itertools
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.concurrency import stress, stress_fresh, stress_nested
from tests.model import graph_world

if TYPE_CHECKING:
    from collections.abc import Callable

    Decorate = Callable[[Any], Any]


def uncached(body):
    return body


def plain(kind: str) -> None:
    """In place of the cache another, which does not know what a session is, or none."""

    def without_promises(version, session=None, key=None, maxsize=128, cache_if=None, wait=None):
        instead = {"functools": functools.lru_cache(maxsize), "no cache": uncached}[kind]

        def decorate(function):
            def body(x):
                version(x)
                return function(x)

            inner = instead(body)
            cached = functools.wraps(body)(lambda x: inner(x))
            cached.cache_invalidate = lambda x: None
            cached.cache_clear = lambda: None
            cached.cache_info = lambda: functools._CacheInfo(0, 0, None, 0)
            return cached

        return decorate

    stress.versioned_lru_cache = without_promises
    # In one round the threads may hardly meet.
    for seed in range(1, 6):
        print(*stress.one_round(seed, 6).complaints, sep="\n")


def nested(kind: str) -> None:
    """The same under functions that call each other."""
    instead = {"functools": functools.lru_cache(None), "no cache": uncached}[kind]
    graph_world.versioned_lru_cache = lambda *args, **options: instead
    for seed in range(2, 40, 2):
        print(*stress_nested.one_round(seed, 6).complaints)


class Cached:
    """A call with the methods of a cached function, which do nothing."""

    def __init__(self, call):
        self.call = self.cache_refresh = call
        self.cache_info = lambda: functools._CacheInfo(0, 0, None, 0)
        self.cache_contains = lambda x: True
        self.cache_clear = self.cache_invalidate = self.cache_put = self.cache_peek = lambda *args: None
        self.cache_explain = str

    def __call__(self, x):
        return self.call(x)


@dataclass
class Wrong:
    """How the package is changed."""

    options: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    """Other options than those that are given, made from them."""
    without: tuple[str, ...] = ()
    """Methods that do nothing."""
    instead: Callable[..., Any] | None = None
    """Another cache, which is given the version function, the body and the options."""
    after: Callable[[Any], object] = lambda f: None
    """What is done to each cached function when it is made."""
    first: Callable[[], object] = lambda: None
    """What is done before all."""
    keeps: bool = False
    """Whether all that is made is held for ever."""


class Altered:
    """A cached function of the package, changed."""

    def __init__(self, f, wrong):
        self.f, self.wrong, self.kept = f, wrong, []

    def __getattr__(self, name):
        return (lambda *args: None) if name in self.wrong.without else getattr(self.f, name)

    def __call__(self, x):
        value = self.f(x)
        if self.wrong.keeps:
            self.kept.append(value)
        return value


def old_values_for_ever(old):
    return None if old is None else float("inf")


def twice(_f):
    class Twice(stress_fresh.Watched):
        def __init__(self, judge, behind):
            super().__init__(judge, behind)
            judge.job()

    stress_fresh.Watched = Twice


def without_a_policy():
    stress_fresh.Refresh.all = lambda hard: stress_fresh.Refresh.none()


kept: list[object] = []
numbers = itertools.count()
# What the package is made to be, and what the judge must find wrong with that.
FRESH: dict[str, tuple[Wrong, list[str]]] = {
    "no cache": (
        Wrong(instead=lambda version, body, **options: body),
        ["computed twice at once", "was given", "renewed twice"],
    ),
    "functools": (
        Wrong(instead=lambda version, body, **options: functools.lru_cache(body)),
        ["was forgotten before", "or its session, began with", "though it renews", "though nothing has failed"],
    ),
    "old values for ever": (
        Wrong({"stale_if_error": old_values_for_ever, "stale_while_revalidate": old_values_for_ever}),
        ["was seen at"],
    ),
    "no old values": (Wrong({"stale_if_error": lambda old: None}), ["may stand in for ever"]),
    "old values where none are allowed": (
        Wrong({"stale_while_revalidate": lambda old: float("inf")}),
        ["or its session, began with", "though nothing has failed"],
    ),
    "nothing is forgotten": (Wrong(without=("cache_clear", "cache_invalidate")), ["was forgotten before"]),
    "a refresh that does nothing": (
        Wrong(after=lambda f: setattr(f, "cache_refresh", lambda x: f(x))),
        ["though it renews what is before"],
    ),
    "sessions without a policy": (Wrong(first=without_a_policy), ["though it renews what is before"]),
    "each call asks": (Wrong({"session": lambda old: None}), ["in an offline session", "asked twice"]),
    "a stored result goes back": (
        Wrong(after=lambda f: setattr(f, "cache_peek", lambda x: stress_fresh.Versioned(None, -next(numbers)))),
        ["was stored under"],
    ),
    "each old value begins a refresh": (Wrong(after=twice), ["made anew twice behind"]),
    "it keeps what it made": (Wrong(after=kept.append, keeps=True), ["are still held"]),
}


def fresh(kind: str) -> None:
    """The package with the options of freshness, changed in one way."""
    wrong, complaints = FRESH[kind]
    logging.getLogger("versioned_lru_cache").disabled = True
    real = stress_fresh.versioned_lru_cache

    def changed(version, *, version_args, revalidate, **options):
        for name, other in wrong.options.items():
            options[name] = other(options[name])

        def decorate(body):
            def asking(x):
                version(*version_args(x))
                value = body(x)
                return value.value if isinstance(value, stress_fresh.Versioned) else value

            if wrong.instead is not None:
                return Cached(wrong.instead(version, asking, **options))
            f = Altered(real(version, version_args=version_args, revalidate=revalidate, **options)(body), wrong)
            wrong.after(f)
            return f

        return decorate

    wrong.first()
    stress_fresh.versioned_lru_cache = changed
    found = []
    for seed in range(1, 40):
        try:
            found += stress_fresh.one_round(seed, 6).complaints
        except AssertionError as error:
            found.append(str(error))
        if all(any(complaint in one for one in found) for complaint in complaints):
            break
    print(*found, sep="\n")
