"""RedisStore: a shared store for the processes of several machines, on a server of Redis or Valkey."""

from __future__ import annotations

import time
from weakref import finalize

from ._arguments import check_bytes, default_codec
from ._outage import Outage
from ._redis_clients import NoScriptError, check_client, check_url, place_of
from ._redis_leases import Renewals
from ._redis_loads import Loads
from ._redis_plan import MONTH, Held, Plan, check_seconds, held_by, pauses
from ._redis_versions import SharedVersion, Versions, bump_in, version_of_bump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import redis

    from ._codec import Codec
    from ._protocol import Lease
    from ._redis_plan import Run

__all__ = ["RedisStore"]


class RedisStore:
    """Results on a server of Redis (6.2 or later) or Valkey, for processes of any number of machines.

    To make one connects to nothing; that happens when it is used. After a fork both sides have connections of their
    own. A lease lasts for some seconds and is renewed as long as its holder lives.

    Args:
        client_or_url: A URL (``redis://host:6379/0``, ``rediss://`` for TLS, ``unix://path``), or a client of your own:
            a ``redis.Redis``, also one of a Sentinel's ``master_for``, or a ``redis.RedisCluster``. One that reads from
            replicas, has a cache of its own or decodes answers is refused.
        namespace: Keeps apart what different programs or deployments store on one server.
        codec: What makes bytes of results; ``None`` is :class:`Msgpack`.
        lease_seconds: For how long the lease of a process that has died is held. A process that does not come to
            renew its leases for as long, since it is stopped, say, loses them, and what it computes is not stored.
        record_seconds: How long a record is kept of which nobody says how long it is of use; ``None`` for ever.
        timeout: How many seconds the server may take to connect or to answer. Only for a URL.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument's value is not allowed.

    Example:
        >>> from versioned_lru_cache.stores import RedisStore
        >>> RedisStore("redis://user:secret@cache.example:6379/1", namespace="shop")
        <RedisStore 'shop' at cache.example:6379/1>
    """

    def __init__(
        self,
        client_or_url: str | redis.Redis | redis.RedisCluster,
        *,
        namespace: str,
        codec: Codec | None = None,
        lease_seconds: float = 10.0,
        record_seconds: float | None = MONTH,
        timeout: float = 1.0,
    ) -> None:
        """Make a store; nothing is connected yet."""
        self._plan = Plan(namespace, lease_seconds, record_seconds)
        timeout = check_seconds("timeout", timeout, 0.001)
        self._owns = isinstance(client_or_url, str)
        self._client: Any = client_or_url
        self._loads: Loads | None = None
        if isinstance(client_or_url, str):
            self._client = check_url(client_or_url, timeout)
            self._loads = Loads(self._client.connection_pool)
            # The collector would come upon sockets before what closes them.
            finalize(self, self._client.close).atexit = False
        else:
            check_client(client_or_url)
        self.namespace = namespace
        self.codec: Codec = default_codec() if codec is None else codec
        self._versions = Versions(self._plan.beginning, SharedVersion, Outage(self))
        self._renewals = Renewals(self._renew, lease_seconds)

    def load(self, address: bytes) -> bytes | None:
        """Return the record at an address, or ``None``.

        Args:
            address: As it was saved.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise.

        Example:
            >>> with RedisStore(url, namespace="shop") as store:
            ...     store.load(b"address of what is not there") is None
            True
        """
        command = self._plan.load(address)
        if self._loads is None:
            return self._plan.loaded(self._client.execute_command(*command))
        return self._plan.loaded(self._loads.mget(command[1], command[2]))

    def acquire(self, address: bytes, version: bytes) -> Lease | None:
        """Take the lease of an address and version, or return ``None`` at once if another holds it.

        A client that asks once more for a lost answer, as that of a URL does, gets the lease that it has.

        Args:
            address: Of the record that is to be computed.
            version: A digest of the version that it is computed for.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise.

        Example:
            >>> with RedisStore(url, namespace="shop") as store:
            ...     lease = store.acquire(b"address of a result", b"version")
            ...     other = store.acquire(b"address of a result", b"version")
            ...     store.release(lease)
            ...     lease.version, other is None
            (b'version', True)
        """
        held = Held(address, version)
        lease = self._plan.acquired(held, self._run(self._plan.acquire(held)))
        if lease is not None:
            self._renewals.add(held)
        return lease

    def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        """Return when that lease may be free, or after so many seconds.

        It looks again and again, each time after a tenth of the time so far, and after a second at most.

        Args:
            address: Of the lease that another holds.
            version: Of the same.
            seconds: How long to wait at most.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise.

        Example:
            >>> with RedisStore(url, namespace="shop") as store:
            ...     store.wait(b"address of a result", b"version", 60.0)  # nobody holds it
        """
        look = self._plan.is_held(address, version)
        if not self._run(look):
            return
        for pause in pauses(seconds):
            time.sleep(pause)
            if not self._run(look):
                return

    def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        """Store a record at the lease's address, unless the lease is fenced.

        Args:
            lease: As :meth:`acquire` has given it.
            record: Any bytes.
            seconds: For how long the record can be of use: then the server removes it.

        Returns:
            Whether it was stored. ``False``: deleted or cleared since the lease was acquired, a later lease has saved,
            the lease was released, or it has ended since it was not renewed in time.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise.

        Example:
            >>> with RedisStore(url, namespace="shop") as store:
            ...     lease = store.acquire(b"address of a result", b"version")
            ...     saved = store.save(lease, b"first"), store.delete(lease.address), store.save(lease, b"second")
            ...     store.release(lease)
            ...     saved
            (True, True, False)
        """
        check_bytes("record", record)
        held, token = held_by(lease)
        if held is None or token is None:
            return False
        return bool(self._run(self._plan.save(held, token, record, seconds)))

    def release(self, lease: Lease) -> None:
        """Give a lease back. Once more does nothing.

        Args:
            lease: As :meth:`acquire` has given it.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise. The lease ends by
                itself then.

        Example:
            >>> with RedisStore(url, namespace="shop") as store:
            ...     lease = store.acquire(b"address of a result", b"version")
            ...     store.release(lease)
            ...     store.save(lease, b"too late")
            False
        """
        held, token = held_by(lease)
        if held is not None and token is not None and self._renewals.remove(held):
            held.token = None
            self._run(self._plan.release(held, token))

    def delete(self, address: bytes) -> bool:
        """Remove the record at an address and fence every lease of it.

        Args:
            address: As it was saved.

        Returns:
            Whether there was a record. ``False`` as well if the answer was lost and the client has asked once more, as
            that of a URL does: the record was removed at first.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise.

        Example:
            >>> with RedisStore(url, namespace="shop") as store:
            ...     store.delete(b"address of what is not there")
            False
        """
        return bool(self._run(self._plan.delete(address)))

    def clear(self, group: bytes) -> None:
        """Remove the records of a function, and fence every lease of them: none is seen or saved from now on.

        Nothing is scanned. What the records take is freed when they expire or are evicted.

        Args:
            group: The first 16 bytes of the function's addresses.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise.

        Example:
            >>> with RedisStore(url, namespace="shop") as store:
            ...     store.clear(b"address of a result"[:16])
        """
        self._client.execute_command(*self._plan.clear(group))

    def counter(self, name: str | Callable[..., str]) -> SharedVersion:
        """Return a version function that counts how often any process has said that the data has changed.

        It is :func:`versions.counter <versioned_lru_cache.versions.counter>` for many machines. A session asks the
        server once for all that this process uses.

        Args:
            name: What has changed. Or a callable that takes the call's arguments and returns a name.

        Returns:
            A version function. Its ``bump()`` says that the data has changed; each process sees that in its next
            session. ``bump(pipe)`` makes it a command of a pipeline of yours, so that data and version change together.

        Raises:
            TypeError: ``name`` is neither a ``str`` nor a callable.
            ValueError: ``name`` is empty, or a pattern such as ``"user:*"``.

        Example:
            >>> with RedisStore(url, namespace="shop") as store:
            ...     prices = store.counter("prices")
            ...     before = prices()
            ...     prices.bump() == prices() != before
            True
        """
        made: SharedVersion = self._versions.counter(self, name)
        return made

    def tags(self, *names: Any) -> SharedVersion:
        """Return a version function for what is about several things, each of which has a name.

        It is :func:`versions.tags <versioned_lru_cache.versions.tags>` for many machines: a bump of ``"user"`` counts
        for ``"user:7"`` as well. The server remembers at least the 50,000 names that were bumped last; of others it
        tells another version now and then, never one of before.

        Args:
            names: The names. Or one callable that takes the call's arguments and returns a name or several.

        Returns:
            A version function, as :meth:`counter` returns it.

        Raises:
            TypeError: There is no name, one is no ``str``, or a callable is not the only argument.
            ValueError: A name is empty, or a pattern such as ``"user:*"``.

        Example:
            >>> with RedisStore(url, namespace="shop") as store:
            ...     orders = store.tags("user:7:orders", "prices")
            ...     before = orders()
            ...     version = store.counter("user").bump()
            ...     orders() != before
            True
        """
        made: SharedVersion = self._versions.tags(self, names)
        return made

    def bump(self, *names: str, pipe: Any = None) -> Any:
        """Say that what has one of these names has changed, and all that lies below it.

        Args:
            names: What has changed.
            pipe: A pipeline of redis-py, on the same server, of which this is to be a command; in a transaction data
                and version change together. ``None`` does it now.

        Returns:
            The new version of what has one of these names and no other. With a pipeline what that returns.

        Raises:
            TypeError: There is no name, one is no ``str``, or ``pipe`` is no pipeline.
            ValueError: A name is empty, or a pattern such as ``"user:*"``.
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise. Nobody may have
                heard of the change then: say it again.

        Example:
            >>> with RedisStore(url, namespace="shop") as store:
            ...     version = store.bump("user:7", "prices")
            ...     version == store.counter("prices")()
            True
        """
        run = self._versions.bump(names)
        return version_of_bump(self._run(run)) if pipe is None else bump_in(pipe, run)

    def close(self) -> None:
        """Renew no lease any more, and close the connections of a client that was made of a URL.

        The next use connects again.

        Example:
            >>> RedisStore("redis://localhost", namespace="shop").close()
        """
        self._renewals.end()
        if self._owns:
            self._client.close()

    def __enter__(self) -> RedisStore:
        """Return the store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        return f"<RedisStore {self.namespace!r} {place_of(self._client)}>"

    def _version_of(self, own: SharedVersion, names: tuple[str, ...]) -> Any:
        """Return the version of some names."""
        look = self._versions.round(own, names)
        if look.version is None:
            with self._versions.outage:
                look.take(self._run(look.run))
        return look.version

    def _renew(self, held: Held) -> bool:
        token = held.token
        return token is not None and bool(self._run(self._plan.renew(held, token)))

    def _run(self, run: Run) -> Any:
        """Run a script by its digest; a server that does not know it is sent the source, which it then knows."""
        script, given = run.script, (len(run.keys), *run.keys, *run.arguments)
        try:
            return self._client.execute_command("EVALSHA", script.digest, *given)
        except NoScriptError:
            return self._client.execute_command("EVAL", script.source, *given)


def __dir__() -> list[str]:
    return sorted(__all__)
