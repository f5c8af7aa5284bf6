"""Clients of redis-py for the Redis stores: made of a URL, or the user's own, of which some are refused."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    import redis
    import redis.asyncio
    from redis.asyncio.client import Pipeline as AsyncPipeline
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.backoff import NoBackoff
    from redis.client import Pipeline
    from redis.cluster import ClusterPipeline
    from redis.exceptions import ConnectionError as ConnectionLost
    from redis.exceptions import NoScriptError
    from redis.retry import Retry
except ModuleNotFoundError as error:
    if error.name != "redis":
        raise
    message = "The Redis stores need redis: pip install 'versioned-lru-cache[redis]'"
    raise ModuleNotFoundError(message, name="redis") from None

__all__ = [
    "ConnectionLost",
    "NoScriptError",
    "async_client_of",
    "check_async_client",
    "check_client",
    "check_url",
    "place_of",
]

# What redis-py says of its arguments is not known to type checkers.
_Redis: Any = redis.Redis
_AsyncRedis: Any = redis.asyncio.Redis
_PLAIN = redis.Redis, redis.RedisCluster
_AWAITED = redis.asyncio.Redis, redis.asyncio.RedisCluster
_PIPELINES = Pipeline, ClusterPipeline, AsyncPipeline
# The older protocol, as the newer one begins with a question more. A URL may say otherwise.
_OPTIONS: dict[str, Any] = {"socket_keepalive": True, "max_connections": 1000, "protocol": 2}


def check_url(url: str, timeout: float) -> Any:
    """Return a client, which connects when it is used. Refuse what is no URL of a server.

    It asks once more on another connection, as the one that it has kept may be of before a restart. A time-out is not
    repeated: that would take as long again.
    """
    try:
        client = _Redis.from_url(
            url, retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)), **_timeouts(timeout), **_OPTIONS
        )
    except ValueError as error:
        raise ValueError(f"client_or_url: {error}; redis://host:port/db is one, with password user:password@") from None
    _check_answers(client)
    return client


def async_client_of(url: str, timeout: float) -> Any:
    """Return a client for one event loop, as :func:`check_url` makes one for threads."""
    return _AsyncRedis.from_url(
        url, retry=AsyncRetry(NoBackoff(), 1, (redis.ConnectionError,)), **_timeouts(timeout), **_OPTIONS
    )


def _timeouts(seconds: float) -> dict[str, Any]:
    return {"socket_timeout": seconds, "socket_connect_timeout": seconds}


def check_client(client: Any) -> None:
    """Refuse what is no client for plain calls, or one whose answers are of no use."""
    if isinstance(client, _AWAITED):
        raise TypeError(f"client_or_url={_named(client)}: its methods are awaited; give it to AsyncRedisStore")
    if not isinstance(client, _PLAIN) or isinstance(client, _PIPELINES):
        raise TypeError(f"client_or_url={_named(client)}: must be a URL, a redis.Redis or a redis.RedisCluster")
    _check_answers(client)


def check_async_client(client: Any) -> None:
    """Refuse what is no client for awaited calls, or one whose answers are of no use."""
    if isinstance(client, _PLAIN):
        raise TypeError(f"client_or_url={_named(client)}: its methods are not awaited; give it to RedisStore")
    if not isinstance(client, _AWAITED) or isinstance(client, _PIPELINES):
        raise TypeError(
            f"client_or_url={_named(client)}: must be a URL, a redis.asyncio.Redis or a redis.asyncio.RedisCluster"
        )
    _check_answers(client)


def place_of(client: Any) -> str:
    """Return where a client's server is, without passwords."""
    pool = getattr(client, "connection_pool", None)
    given = getattr(pool, "connection_kwargs", {})
    if "path" in given:
        return f"at {given['path']}"
    if "host" in given:
        return f"at {given['host']}:{given.get('port', 6379)}/{given.get('db') or 0}"
    service = getattr(pool, "service_name", None)
    return f"of {type(client).__name__}" if service is None else f"of the service {service!r}"


def _check_answers(client: Any) -> None:
    pool = getattr(client, "connection_pool", None)
    if client.get_encoder().decode_responses:
        raise ValueError(
            f"client_or_url={_named(client)}: decode_responses=True would break bytes; make one without it"
        )
    if getattr(client, "read_from_replicas", False) or getattr(client, "load_balancing_strategy", None) is not None:
        raise ValueError(
            f"client_or_url={_named(client)}: it reads from replicas, which may have what was deleted; make one "
            "without read_from_replicas and load_balancing_strategy"
        )
    if getattr(pool, "is_master", True) is False:
        raise ValueError(
            f"client_or_url={_named(client)}: it reads from replicas of a service of Sentinel; use master_for"
        )
    nodes = getattr(client, "nodes_manager", None)
    if getattr(pool, "cache", None) is not None or getattr(nodes, "_cache", None) is not None:
        raise ValueError(
            f"client_or_url={_named(client)}: it has a cache of its own, which may have what was deleted; make one "
            "without cache_config"
        )


def _named(client: object) -> str:
    """Return what a client is called in messages; its own repr may have a password."""
    if isinstance(client, (*_PLAIN, *_AWAITED)):
        return f"<{type(client).__module__}.{type(client).__qualname__}>"
    return repr(client)
