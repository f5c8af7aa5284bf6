"""AsyncRedisStore: the Redis store for coroutine functions, whose methods are awaited."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ._arguments import check_bytes, default_codec
from ._async_redis_clients import Clients
from ._async_redis_leases import Heartbeats
from ._outage import Outage
from ._redis_clients import NoScriptError, check_async_client, check_url, place_of
from ._redis_plan import MONTH, Held, Plan, check_seconds, held_by, pauses
from ._redis_versions import AwaitedSharedVersion, Versions, bump_in, version_of_bump

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable
    from typing import Any

    import redis.asyncio

    from ._codec import Codec
    from ._protocol import Lease
    from ._redis_plan import Run

__all__ = ["AsyncRedisStore"]


class AsyncRedisStore:
    """:class:`RedisStore` for coroutine functions: the same records and leases, awaited in event loops of asyncio.

    Args:
        client_or_url: A URL, of which each event loop has a client of its own, or a ``redis.asyncio.Redis`` or
            ``redis.asyncio.RedisCluster`` of yours, for the one loop that it is used in.
        namespace: As of :class:`RedisStore`, with which it shares what has the same.
        codec: What makes bytes of results; ``None`` is :class:`Msgpack`.
        lease_seconds: For how long the lease of a process that has died is held. An event loop that is blocked for as
            long loses its leases.
        record_seconds: How long a record is kept of which nobody says how long it is of use; ``None`` for ever.
        timeout: How many seconds the server may take to connect or to answer. Only for a URL.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: An argument's value is not allowed.

    Example:
        >>> from versioned_lru_cache.stores import AsyncRedisStore
        >>> AsyncRedisStore("redis://user:secret@cache.example:6379/1", namespace="shop")
        <AsyncRedisStore 'shop' at cache.example:6379/1>
    """

    def __init__(
        self,
        client_or_url: str | redis.asyncio.Redis | redis.asyncio.RedisCluster,
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
        if isinstance(client_or_url, str):
            self._place = place_of(check_url(client_or_url, timeout))
            self._clients: Clients | None = Clients(client_or_url, timeout)
        else:
            check_async_client(client_or_url)
            self._place = place_of(client_or_url)
            self._clients = None
        self._given = client_or_url
        self.namespace = namespace
        self.codec: Codec = default_codec() if codec is None else codec
        self._versions = Versions(self._plan.beginning, AwaitedSharedVersion, Outage(self))
        self._heartbeats = Heartbeats(self._renew, lease_seconds)
        self._left_behind: set[Task[None]] = set()  # A loop holds its tasks weakly.

    async def load(self, address: bytes) -> bytes | None:
        """Return the record at an address, or ``None``.

        Args:
            address: As it was saved.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise.

        Example:
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncRedisStore(url, namespace="shop") as store:
            ...         return await store.load(b"address of what is not there") is None
            >>> asyncio.run(main())
            True
        """
        return self._plan.loaded(await self._client().execute_command(*self._plan.load(address)))

    async def acquire(self, address: bytes, version: bytes) -> Lease | None:
        """Take the lease of an address and version, or return ``None`` at once if another holds it.

        Who is cancelled meanwhile leaves none behind. A client that asks once more for a lost answer gets the lease
        that it has.

        Args:
            address: Of the record that is to be computed.
            version: A digest of the version that it is computed for.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise.

        Example:
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncRedisStore(url, namespace="shop") as store:
            ...         lease = await store.acquire(b"address of a result", b"version")
            ...         other = await store.acquire(b"address of a result", b"version")
            ...         await store.release(lease)
            ...         return lease.version, other is None
            >>> asyncio.run(main())
            (b'version', True)
        """
        held = Held(address, version)
        asking = asyncio.get_running_loop().create_task(self._run(self._plan.acquire(held)))
        try:
            await asyncio.wait([asking])
            answer = asking.result()
        except asyncio.CancelledError:
            self._give_back(held, asking)
            raise
        lease = self._plan.acquired(held, answer)
        if lease is not None:
            self._heartbeats.add(held)
        return lease

    async def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        """Return when that lease may be free, or after so many seconds.

        It looks again and again, each time after a tenth of the time so far, and after a second at most.

        Args:
            address: Of the lease that another holds.
            version: Of the same.
            seconds: How long to wait at most.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise.

        Example:
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncRedisStore(url, namespace="shop") as store:
            ...         await store.wait(b"address of a result", b"version", 60.0)  # nobody holds it
            >>> asyncio.run(main())
        """
        look = self._plan.is_held(address, version)
        if not await self._run(look):
            return
        for pause in pauses(seconds):
            await asyncio.sleep(pause)
            if not await self._run(look):
                return

    async def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
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
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncRedisStore(url, namespace="shop") as store:
            ...         lease = await store.acquire(b"address of a result", b"version")
            ...         first = await store.save(lease, b"first")
            ...         await store.delete(lease.address)
            ...         second = await store.save(lease, b"second")
            ...         await store.release(lease)
            ...         return first, second
            >>> asyncio.run(main())
            (True, False)
        """
        check_bytes("record", record)
        held, token = held_by(lease)
        if held is None or token is None:
            return False
        return bool(await self._run(self._plan.save(held, token, record, seconds)))

    async def release(self, lease: Lease) -> None:
        """Give a lease back. Once more does nothing.

        Args:
            lease: As :meth:`acquire` has given it.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise. The lease ends by
                itself then.

        Example:
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncRedisStore(url, namespace="shop") as store:
            ...         lease = await store.acquire(b"address of a result", b"version")
            ...         await store.release(lease)
            ...         return await store.save(lease, b"too late")
            >>> asyncio.run(main())
            False
        """
        held, token = held_by(lease)
        if held is not None and token is not None and self._heartbeats.remove(held):
            held.token = None
            await self._run(self._plan.release(held, token))

    async def delete(self, address: bytes) -> bool:
        """Remove the record at an address and fence every lease of it.

        Args:
            address: As it was saved.

        Returns:
            Whether there was a record. ``False`` as well if the answer was lost and the client has asked once more, as
            that of a URL does: the record was removed at first.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise.

        Example:
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncRedisStore(url, namespace="shop") as store:
            ...         return await store.delete(b"address of what is not there")
            >>> asyncio.run(main())
            False
        """
        return bool(await self._run(self._plan.delete(address)))

    async def clear(self, group: bytes) -> None:
        """Remove the records of a function, and fence every lease of them: none is seen or saved from now on.

        Args:
            group: The first 16 bytes of the function's addresses.

        Raises:
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise.

        Example:
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncRedisStore(url, namespace="shop") as store:
            ...         await store.clear(b"address of a result"[:16])
            >>> asyncio.run(main())
        """
        await self._client().execute_command(*self._plan.clear(group))

    def counter(self, name: str | Callable[..., str]) -> AwaitedSharedVersion:
        """Return a version function that counts how often any process has said that the data has changed.

        It is :func:`versions.counter <versioned_lru_cache.versions.counter>` for many machines. A session asks the
        server once for all that this process uses.

        Args:
            name: What has changed. Or a callable that takes the call's arguments and returns a name.

        Returns:
            A version function, which is a coroutine function. ``await bump()`` says that the data has changed; each
            process sees that in its next session. ``bump(pipe)`` makes it a command of a pipeline of yours, so that
            data and version change together.

        Raises:
            TypeError: ``name`` is neither a ``str`` nor a callable.
            ValueError: ``name`` is empty, or a pattern such as ``"user:*"``.

        Example:
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncRedisStore(url, namespace="shop") as store:
            ...         prices = store.counter("prices")
            ...         before = await prices()
            ...         return await prices.bump() == await prices() != before
            >>> asyncio.run(main())
            True
        """
        made: AwaitedSharedVersion = self._versions.counter(self, name)
        return made

    def tags(self, *names: Any) -> AwaitedSharedVersion:
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
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncRedisStore(url, namespace="shop") as store:
            ...         orders = store.tags("user:7:orders", "prices")
            ...         before = await orders()
            ...         await store.counter("user").bump()
            ...         return await orders() != before
            >>> asyncio.run(main())
            True
        """
        made: AwaitedSharedVersion = self._versions.tags(self, names)
        return made

    def bump(self, *names: str, pipe: Any = None) -> Any:
        """Say that what has one of these names has changed, and all that lies below it.

        Args:
            names: What has changed.
            pipe: A pipeline of redis-py, on the same server, of which this is to be a command; in a transaction data
                and version change together. ``None`` does it now.

        Returns:
            What is to be awaited for the new version. With a pipeline what that returns.

        Raises:
            TypeError: There is no name, one is no ``str``, or ``pipe`` is no pipeline.
            ValueError: A name is empty, or a pattern such as ``"user:*"``.
            redis.RedisError: The server is away, refuses, or takes too long; ``OSError`` likewise. Nobody may have
                heard of the change then: say it again.

        Example:
            >>> import asyncio
            >>> async def main():
            ...     async with AsyncRedisStore(url, namespace="shop") as store:
            ...         version = await store.bump("user:7", "prices")
            ...         return version == await store.counter("prices")()
            >>> asyncio.run(main())
            True
        """
        run = self._versions.bump(names)
        return self._bump(run) if pipe is None else bump_in(pipe, run)

    async def aclose(self) -> None:
        """Renew no lease of this event loop any more, and close its connections if they are of a URL.

        To be awaited before a loop ends, as by ``async with``. The next use connects again.

        Example:
            >>> import asyncio
            >>> asyncio.run(AsyncRedisStore("redis://localhost", namespace="shop").aclose())
        """
        self._heartbeats.end()
        loop = asyncio.get_running_loop()
        left_behind = [task for task in self._left_behind if task.get_loop() is loop]
        if left_behind:
            await asyncio.wait(left_behind)
        if self._clients is not None:
            await self._clients.end()

    async def __aenter__(self) -> AsyncRedisStore:
        """Return the store itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.aclose()

    def __repr__(self) -> str:
        return f"<AsyncRedisStore {self.namespace!r} {self._place}>"

    def _client(self) -> Any:
        return self._given if self._clients is None else self._clients.current()

    def _give_back(self, held: Held, asking: Task[Any]) -> None:
        """Release what the server may give to who was cancelled."""
        task = asyncio.get_running_loop().create_task(self._release_when_answered(held, asking))
        self._left_behind.add(task)
        task.add_done_callback(self._left_behind.discard)

    async def _release_when_answered(self, held: Held, asking: Task[Any]) -> None:
        # Released before, by another connection, it could be given only after that.
        token, held.token = held.token, None
        await asyncio.wait([asking])
        lost = asking.cancelled() or asking.exception() is not None
        if token is not None and (lost or asking.result() is not None):
            with suppress(Exception):  # It ends by itself then.
                await self._run(self._plan.release(held, token))

    async def _bump(self, run: Run) -> str:
        return version_of_bump(await self._run(run))

    async def _version_of(self, own: AwaitedSharedVersion, names: tuple[str, ...]) -> Any:
        """Return the version of some names."""
        look = self._versions.round(own, names)
        if look.version is None:
            with self._versions.outage:
                look.take(await self._run(look.run))
        return look.version

    async def _renew(self, held: Held) -> bool:
        token = held.token
        return token is not None and bool(await self._run(self._plan.renew(held, token)))

    async def _run(self, run: Run) -> Any:
        """Run a script by its digest; a server that does not know it is sent the source, which it then knows."""
        client, script, given = self._client(), run.script, (len(run.keys), *run.keys, *run.arguments)
        try:
            return await client.execute_command("EVALSHA", script.digest, *given)
        except NoScriptError:
            return await client.execute_command("EVAL", script.source, *given)


def __dir__() -> list[str]:
    return sorted(__all__)
