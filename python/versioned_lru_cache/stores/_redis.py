"""RedisStore: a shared store for many machines, in Redis or Valkey."""

from __future__ import annotations

import os
import time

from . import _redis_scripts as scripts
from ._arguments import default_codec, no_bytes
from ._identity import GROUP_BYTES
from ._protocol import Lease
from ._redis_leases import Renewals
from ._redis_scripts import HEAD_BYTES, Keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from redis import Redis
    from redis.cluster import RedisCluster

    from ._codec import Codec

    Client = Redis | RedisCluster

__all__ = ["RedisStore"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 1.0


class RedisStore:
    """Results in a Redis or Valkey server, for the processes of many machines.

    It is used when a function is called; making one touches no server. Its keys all begin with ``vlru:`` and the
    namespace. Who holds a lease renews it in the background; that of a process that has died ends by itself.

    Args:
        client_or_url: A URL, such as ``redis://localhost:6379/0``; or a client of `redis-py`, ``redis.Redis`` or
            ``redis.cluster.RedisCluster``, which returns bytes. It must read from the primary: what was deleted may
            be on a replica still.
        namespace: Keeps apart what different programs or deployments store in one server. Without braces.
        codec: What makes bytes of results; ``None`` is :class:`Msgpack`.
        lease_seconds: How long the lease of a process that has died, or does not answer, keeps others waiting.
        record_seconds: How long a record is kept at most; ``None`` is as long as the server does.
        timeout: How many seconds the server may take to connect or to answer. Only for a URL.

    Raises:
        ImportError: redis-py is not installed.
        TypeError: An argument is of a wrong type.
        ValueError: An argument's value is not allowed.

    Example:
        >>> from versioned_lru_cache.stores import RedisStore
        >>> RedisStore("redis://localhost:6379/0", namespace="shop")
        <RedisStore 'shop'>
    """

    def __init__(
        self,
        client_or_url: Client | str,
        *,
        namespace: str,
        codec: Codec | None = None,
        lease_seconds: float = 10.0,
        record_seconds: float | None = 30 * 86_400.0,
        timeout: float = 1.0,
    ) -> None:
        """Make a store; nothing is asked yet."""
        if type(namespace) is not str:
            raise TypeError(f"namespace={namespace!r}: must be a str")
        if not namespace or "{" in namespace or "}" in namespace:
            raise ValueError(f"namespace={namespace!r}: must name what is stored, without braces: 'shop'")
        self.namespace = namespace
        self.codec: Codec = default_codec() if codec is None else codec
        self._lease_ms = _milliseconds("lease_seconds", lease_seconds)
        self._record_ms = 0 if record_seconds is None else _milliseconds("record_seconds", record_seconds)
        self._client: Any = _client(client_or_url, _milliseconds("timeout", timeout) / 1000)
        register = self._client.register_script
        self._acquire, self._save = register(scripts.ACQUIRE), register(scripts.SAVE)
        self._release, self._renew = register(scripts.RELEASE), register(scripts.RENEW)
        self._held, self._delete = register(scripts.HELD), register(scripts.DELETE)
        self._keys: dict[bytes, Keys] = {}
        self._renewals = Renewals(self._renewed, lease_seconds)

    def load(self, address: bytes) -> bytes | None:
        """Return the record at an address, or ``None``.

        Args:
            address: As it was saved.

        Raises:
            TypeError: The address is no bytes.
            redis.RedisError: The server can't be asked, and why.

        Example:
            >>> store.load(b"sixteen bytes of" + b"a call and more.") is None
            True
        """
        keys = self._keys_of(address)
        record, epoch = self._client.mget(keys.record(address), keys.epoch)
        if record is None or epoch is None or not record.startswith(epoch):
            return None
        data: bytes = record[HEAD_BYTES:]
        return data

    def acquire(self, address: bytes, version: bytes) -> Lease | None:
        """Take the lease of an address and version, or return ``None`` at once if another holds it.

        Args:
            address: What is to be computed.
            version: A digest of its version.

        Raises:
            TypeError: An argument is no bytes.
            redis.RedisError: The server can't be asked, and why.

        Example:
            >>> lease = store.acquire(b"sixteen bytes of" + b"a call and more.", b"version")
            >>> store.acquire(b"sixteen bytes of" + b"a call and more.", b"version") is None
            True
            >>> store.release(lease)
        """
        keys = self._keys_of(address)
        _check_bytes("version", version)
        epoch = os.urandom(scripts.EPOCH_BYTES // 2).hex()
        token = self._acquire([keys.epoch, keys.tokens, keys.leases(address)], [version, epoch, self._lease_ms])
        if token is None:
            return None
        lease = Lease(address, version, int(token), None)
        self._renewals.add(lease)
        return lease

    def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        """Return when that lease may be free, or after so many seconds. It looks after a tenth of the time waited.

        Args:
            address: Of the lease that another holds.
            version: Of the same.
            seconds: How long to wait at most.

        Raises:
            TypeError: An argument is no bytes.
            redis.RedisError: The server can't be asked, and why.

        Example:
            >>> store.wait(b"sixteen bytes of" + b"a call and more.", b"version", 60.0)  # nobody holds it
        """
        keys = self._keys_of(address)
        _check_bytes("version", version)
        began = time.monotonic()
        while self._held([keys.leases(address)], [version]):
            waited = time.monotonic() - began
            if waited >= seconds:
                return
            time.sleep(min(max(waited / 10, _FIRST_PAUSE), _LONGEST_PAUSE, seconds - waited))

    def save(self, lease: Lease, record: bytes) -> bool:
        """Store a record at the lease's address, unless the lease is fenced.

        Args:
            lease: As :meth:`acquire` has given it.
            record: Any bytes.

        Returns:
            Whether it was stored. ``False``: deleted or cleared since the lease was acquired, a later lease has saved,
            or the lease has ended.

        Raises:
            TypeError: The record is no bytes.
            redis.RedisError: The server can't be asked, or is full, and why.

        Example:
            >>> lease = store.acquire(b"sixteen bytes of" + b"a call and more.", b"version")
            >>> store.save(lease, b"record")
            True
            >>> store.release(lease)
        """
        _check_bytes("record", record)
        keys = self._keys_of(lease.address)
        places = [keys.epoch, keys.leases(lease.address), keys.record(lease.address)]
        return bool(self._save(places, [lease.version, lease.token, record, self._record_ms]))

    def release(self, lease: Lease) -> None:
        """Give a lease back. Once more does nothing.

        Args:
            lease: As :meth:`acquire` has given it.

        Raises:
            redis.RedisError: The server can't be asked, and why. The lease ends by itself then.

        Example:
            >>> lease = store.acquire(b"sixteen bytes of" + b"a call and more.", b"version")
            >>> store.release(lease)
            >>> store.save(lease, b"too late")
            False
        """
        self._renewals.drop(lease)
        keys = self._keys_of(lease.address)
        self._release([keys.leases(lease.address)], [lease.version, lease.token])

    def delete(self, address: bytes) -> bool:
        """Remove the record at an address and fence every lease of it.

        Args:
            address: As it was saved.

        Returns:
            Whether there was a record.

        Raises:
            TypeError: The address is no bytes.
            redis.RedisError: The server can't be asked, and why.

        Example:
            >>> store.delete(b"sixteen bytes of" + b"a call and more.")
            False
        """
        keys = self._keys_of(address)
        return bool(self._delete([keys.epoch, keys.tokens, keys.leases(address), keys.record(address)]))

    def clear(self, group: bytes) -> None:
        """Remove the records at all addresses that begin with these 16 bytes, and fence every lease of them.

        They are not looked for: none of them is found any more, and each ends when its time is over.

        Args:
            group: The first 16 bytes of the addresses.

        Raises:
            TypeError: The group is no bytes.
            ValueError: It has not 16 of them.
            redis.RedisError: The server can't be asked, and why.

        Example:
            >>> store.clear(b"sixteen bytes of")
        """
        _check_bytes("group", group)
        if len(group) != GROUP_BYTES:
            raise ValueError(f"group={group!r}: must have {GROUP_BYTES} bytes")
        self._client.set(self._keys_of(group).epoch, os.urandom(scripts.EPOCH_BYTES // 2).hex())

    def close(self) -> None:
        """Close the connections to the server; the next use opens others.

        Example:
            >>> store.close()
        """
        self._client.close()

    def __repr__(self) -> str:
        return f"<RedisStore {self.namespace!r}>"

    def _renewed(self, lease: Lease) -> bool:
        keys = self._keys_of(lease.address)
        return bool(self._renew([keys.leases(lease.address)], [lease.version, lease.token, self._lease_ms]))

    def _keys_of(self, address: bytes) -> Keys:
        _check_bytes("address", address)
        group = address[:GROUP_BYTES]
        found = self._keys.get(group)
        if found is None:
            found = self._keys[group] = Keys(self.namespace, group)
        return found


def _client(given: Any, timeout: float) -> Any:
    """Return a client: the user's, or one of a URL."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    if isinstance(given, str):
        # Once more on another connection, as this one may be of before a restart. A time-out is not repeated.
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        made: Any = redis.Redis
        return made.from_url(given, socket_timeout=timeout, socket_connect_timeout=timeout, retry=retry)
    if not isinstance(given, (redis.Redis, redis.RedisCluster)):
        raise TypeError(
            f"client_or_url={given!r}: must be a URL, a redis.Redis or a redis.cluster.RedisCluster; those of "
            "redis.asyncio are none of these"
        )
    if given.get_encoder().decode_responses:
        raise ValueError("client_or_url: the client has decode_responses=True, and records are bytes; leave that out")
    return given


def _milliseconds(name: str, seconds: Any) -> int:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{name}={seconds!r}: must be a number of seconds")
    if not 0.001 <= seconds < 2**40:
        raise ValueError(f"{name}={seconds!r}: must be 0.001 seconds or more")
    return round(seconds * 1000)


def _check_bytes(name: str, value: Any) -> None:
    if type(value) is not bytes:
        raise no_bytes(name, value)


def __dir__() -> list[str]:
    return sorted(__all__)
