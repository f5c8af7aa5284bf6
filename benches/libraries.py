"""The caches that are compared, each used as its own documentation does it: functools and what people install.

All are asked for an LRU cache that threads may share, so cachetools gets a lock and moka-py the policy "lru". cachebox
has its lock by itself.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version as installed_version
from typing import Any, TypeVar

Function = Callable[..., Any]
Cached = Callable[[Function, int | None], Function]
T = TypeVar("T")

# It is compared within a request only: elsewhere it does not work.
FLASK_CACHING = "Flask-Caching"


@dataclass(frozen=True)
class Variant:
    """A way to cache.

    Attributes:
        name: What the table calls it.
        cached: Gives a cached function from a plain one and a size.
        held: Gives an object whose method `m` is cached.
        context: Its calls are made in there.
    """

    name: str
    cached: Cached
    held: Callable[[Function, int], object]
    context: Context = field(default_factory=Context)


def in_a_class(cached: Cached) -> Callable[[Function, int], object]:
    """For caches whose decorator does for functions and methods alike."""

    def held(body: Function, maxsize: int) -> object:
        return type("Holder", (), {"m": cached(body, maxsize)})()

    return held


def of_functools() -> Variant:
    """What all ratios are to."""

    def cached(body: Function, maxsize: int | None) -> Function:
        return functools.lru_cache(maxsize=maxsize)(body)

    return Variant("functools", cached, in_a_class(cached))


def of_cachetools() -> Variant:
    """A function has a cache and a lock, an instance brings its own for its methods."""
    cachetools = import_module("cachetools")

    def cached(body: Function, maxsize: int | None) -> Function:
        made: Function = cachetools.cached(cachetools.LRUCache(maxsize), lock=threading.Lock())(body)
        return made

    def held(body: Function, maxsize: int) -> object:
        class Holder:
            m = cachetools.cachedmethod(lambda self: self.cache, lock=lambda self: self.lock)(body)

            def __init__(self) -> None:
                self.cache = cachetools.LRUCache(maxsize)
                self.lock = threading.Lock()

        return Holder()

    return Variant("cachetools", cached, held)


def of_cachebox() -> Variant:
    """A function has a cache, an instance brings its own for its methods."""
    cachebox = import_module("cachebox")

    def cached(body: Function, maxsize: int | None) -> Function:
        made: Function = cachebox.cached(cachebox.LRUCache(maxsize))(body)
        return made

    def held(body: Function, maxsize: int) -> object:
        class Holder:
            m = cachebox.cached(lambda self: self.cache)(body)

            def __init__(self) -> None:
                self.cache = cachebox.LRUCache(maxsize)

        return Holder()

    return Variant("cachebox", cached, held)


def of_moka_py() -> Variant:
    """Written like functools.lru_cache."""
    moka_py = import_module("moka_py")

    def cached(body: Function, maxsize: int | None) -> Function:
        made: Function = moka_py.cached(maxsize=maxsize, policy="lru")(body)
        return made

    return Variant("moka-py", cached, in_a_class(cached))


PEERS = {"cachetools": of_cachetools, "cachebox": of_cachebox, "moka-py": of_moka_py}


def if_installed(make: Callable[[], T]) -> T | None:
    """Makes something of a library, if that can be imported."""
    try:
        return make()
    except ImportError:
        return None


@functools.cache
def peers() -> tuple[tuple[Variant, ...], tuple[str, ...]]:
    """Gives those that are installed, and the names of the others."""
    tried = {name: if_installed(make) for name, make in PEERS.items()}
    found = tuple(variant for variant in tried.values() if variant)
    return found, tuple(name for name, variant in tried.items() if not variant)


def others() -> list[Variant]:
    """All that are not ours, functools first."""
    return [of_functools(), *peers()[0]]


def left_out() -> list[str]:
    """The names of what is not installed."""
    return [*peers()[1], *(() if if_installed(lambda: import_module("flask_caching")) else (FLASK_CACHING,))]


def versions() -> dict[str, str]:
    """The versions of what is compared and of what serves the requests."""
    names = ["versioned-lru-cache", *(variant.name for variant in peers()[0]), FLASK_CACHING, "flask", "werkzeug"]
    return {name: release(name) for name in names if name not in left_out()}


def release(name: str) -> str:
    """The installed version of a distribution."""
    try:
        return installed_version(name)
    except ImportError:  # found on the path, but not installed
        return "(not installed)"
