"""Caches of function results in Redis: ours, and those of other libraries, each on the server that it is given.

All are as their documentation begins with them: no option is set for speed, or against it.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

import redis

from libraries import if_installed
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import RedisStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

Body: TypeAlias = "Callable[[int], Any]"
# Makes of a body what calls it with each key in turn.
Calls: TypeAlias = "Callable[[Body], Callable[[list[int]], None]]"
RedisCache: TypeAlias = "tuple[str, Callable[[str], Calls]]"

OURS = "a hit in the second tier"


def now() -> int:
    """Return the version of all data."""
    return 1


def in_turn(cached: Callable[[Body], Body]) -> Calls:
    """Return what makes calls of a decorated function."""

    def calls(body: Body) -> Callable[[list[int]], None]:
        function = cached(body)

        def call(keys: list[int]) -> None:
            for key in keys:
                function(key)

        return call

    return calls


def of_ours() -> RedisCache:
    """With a version function; memory holds one result, so that every other one comes from the store."""

    def at(url: str) -> Calls:
        store = RedisStore(url, namespace="bench")
        return in_turn(versioned_lru_cache(now, store=store, maxsize=1, name="bench.body", revision="1"))

    return OURS, at


def of_ours_by_client() -> RedisCache:
    """Over a client that the user has made."""

    def at(url: str) -> Calls:
        store = RedisStore(redis.Redis.from_url(url), namespace="bench of a client")
        return in_turn(versioned_lru_cache(now, store=store, maxsize=1, name="bench.body", revision="1"))

    return f"{OURS}, a client of yours", at


def of_dogpile() -> RedisCache:
    """Pickled."""
    dogpile = import_module("dogpile.cache")

    def at(url: str) -> Calls:
        region = dogpile.make_region().configure("dogpile.cache.redis", arguments={"url": url})
        return in_turn(region.cache_on_arguments())

    return "dogpile.cache, redis", at


def of_flask_caching() -> RedisCache:
    """Pickled; it asks twice, as it has a version of each function in Redis."""
    flask, flask_caching = import_module("flask"), import_module("flask_caching")

    def at(url: str) -> Calls:
        app = flask.Flask("bench")
        app.app_context().push()
        return in_turn(flask_caching.Cache(app, config={"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": url}).memoize())

    return "Flask-Caching, RedisCache", at


def of_cashews() -> RedisCache:
    """Pickled; for coroutine functions."""
    cashews = import_module("cashews")

    def at(url: str) -> Calls:
        cache, loop = cashews.Cache(), asyncio.new_event_loop()
        cache.setup(url, client_side=False)

        def calls(body: Body) -> Callable[[list[int]], None]:
            @cache(ttl="1h")  # type: ignore[untyped-decorator, unused-ignore]
            async def function(key: int) -> object:
                return body(key)

            async def all_of(keys: list[int]) -> None:
                for key in keys:
                    await function(key)

            return lambda keys: loop.run_until_complete(all_of(keys))

        return calls

    return "cashews, awaited", at


def redis_caches() -> list[RedisCache]:
    """Return all that are installed; ours comes first."""
    others = [if_installed(make) for make in (of_dogpile, of_flask_caching, of_cashews)]
    return [of_ours(), of_ours_by_client(), *(other for other in others if other)]
