"""A function's part of a shared store: turns calls into records, and a store that fails into one that has nothing.

What the engine asks for comes here, outside of any lock: a record to load, a lease, a result to save. Each step is a
coroutine. One of a store with plain methods never suspends, so plain functions run it to its end at once
(`_plain_tier`); coroutine functions await it (`_awaited_tier`). A store that is away, slow or full is no failure of the
cached function.
"""

from __future__ import annotations

from time import monotonic

from ._breaker import log
from ._core import IMMUTABLE
from .stores._codec import NotStorable, Unreadable
from .stores._identity import Identity, address_of, beginnings
from .stores._record import Moment, Record, decode_result, encode_record, version_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, TypeAlias

    from ._breaker import Breaker, Striking
    from .stores._protocol import AsyncStore, Lease, Store

    # How long a result lives, if it says so itself, and for how long from now on it can be of use, if not for ever: in
    # nanoseconds.
    Lives: TypeAlias = tuple[int | None, int | None]

LEASE_SECONDS = 60.0  # How long to wait for another's lease where nobody says.


class Tier:
    """The records of one cached function in a store.

    Args:
        store: Where they are.
        breaker: How the store fares.
        name: The function's, in the store.
        revision: Of the function's code.
        awaits: Whether what the store returns is awaited.
    """

    def __init__(self, store: Store | AsyncStore, breaker: Breaker, name: str, revision: str, *, awaits: bool) -> None:
        self.store: Any = store
        self.breaker = breaker
        self.name = name
        self.revision = revision
        self._awaits = awaits

    async def load(self, key: bytes) -> tuple[object, object, int | None, int | None] | None:
        """Return the value, the version, the age and the own lifetime of a call's record, both in nanoseconds."""
        if self.breaker.owed:
            await self.tell()
        function = beginnings(self.store.namespace, self.name, self.revision)
        data = None if self.breaker.owed else await self._ask("load", address_of(function, key))
        return None if data is None else self.read(data, function[2], key)

    def read(self, data: bytes, function: bytes, key: bytes) -> tuple[object, object, int | None, int | None] | None:
        """Return what a record's bytes say, as :meth:`load` does; ``None`` if they are not used."""
        try:
            return decode_result(data, function, key, self.store.codec)
        except Unreadable as error:
            self.breaker.errors += 1
            log.info("%s: a record is not used, since %s", self.name, error)
            return None

    async def acquire(self, key: bytes, version: object, seconds: float | None) -> Lease | Literal[True] | None:
        """Return the lease for a call and version; ``True`` if another held it and has let go; ``None`` if none is."""
        lease, limit = await self._try_to_acquire(key, version), LEASE_SECONDS if seconds is None else seconds
        if lease is not True or limit <= 0:
            return None if lease is True else lease
        began, address = monotonic(), self._identity(key).address
        waited = await self._ask("wait", address, self._digest(version), limit, failed=self)
        return None if waited is self or monotonic() - began >= limit else True

    async def save(self, lease: Lease, key: bytes, value: object, version: object, age: int, lives: Lives) -> None:
        """Save a result, whose age is given in nanoseconds, and give the lease back."""
        ttl, useful = lives
        try:
            identity, now = self._identity(key), Moment.now()
            began = Moment(now.wall - age, now.boot, now.monotonic - age)
            immutable = version is IMMUTABLE
            record = Record(
                value=value,
                version=None if immutable else version,
                began=began,
                verified=began,
                ttl=None if ttl is None else ttl / 1e9,
                order=None,
                immutable=immutable,
                lags=False,
            )
            try:
                data = encode_record(record, identity, self.store.codec)
            except NotStorable as error:
                self._is_not_stored(error)
            else:
                await self._ask("save", lease, data, *(() if useful is None else (useful / 1e9,)))
        finally:
            await self.release(lease)

    async def release(self, lease: Lease) -> None:
        """Give a lease back."""
        await self._ask("release", lease, always=True)

    async def put(self, key: bytes, value: object, version: object, lives: Lives) -> None:
        """Save a result that was made elsewhere just now, unless somebody computes one of that version."""
        lease = await self.acquire(key, version, 0.0)
        if lease is not None and lease is not True:
            await self.save(lease, key, value, version, 0, lives)

    def owe_call(self, key: bytes) -> int:
        """Note that a call's record is to be removed, and that no computation that runs now is to save one."""
        return self.breaker.owe("delete", self._identity(key).address)

    def owe_all(self) -> int:
        """Note the same of all calls of the function, and count from zero."""
        self.breaker.errors, self.breaker.seconds = 0, 0.0
        return self.breaker.owe("clear", self._identity(b"").group)

    async def tell(self, number: int = -1, *, always: bool = False) -> bool:
        """Tell the store what is owed. Return whether it had the record of the note of this number."""
        had, owed = False, self.breaker.owed
        for each, (act, place) in list(owed.items()):
            answer = await self._ask(act, place, always=always, failed=self)
            if answer is self:
                break
            had |= each == number and bool(answer)
            owed.pop(each, None)
        return had

    async def _try_to_acquire(self, key: bytes, version: object) -> Lease | Literal[True] | None:
        """Return the lease for a call and version; ``True`` if another holds it; ``None`` if none is to be had."""
        if self.breaker.owed:
            await self.tell()
        try:
            digest = self._digest(version)
        except NotStorable as error:
            self._is_not_stored(error)
            return None
        if self.breaker.owed:
            return None
        lease = await self._ask("acquire", self._identity(key).address, digest, failed=self)
        return None if lease is self else True if lease is None else lease

    def _digest(self, version: object) -> bytes:
        return version_digest(None if version is IMMUTABLE else version, self.store.codec)

    def _identity(self, key: bytes) -> Identity:
        return Identity(self.store.namespace, self.name, self.revision, key)

    async def _ask(
        self,
        act: Literal["load", "acquire", "wait", "save", "release"] | Striking,
        *given: Any,
        always: bool = False,
        failed: object = None,
    ) -> Any:
        """Ask the store, unless it failed a short time ago. A failure is ``None``, or what stands for it."""
        breaker, began = self.breaker, monotonic()
        if began < breaker.alone_until and not always:
            return failed
        try:
            answer = getattr(self.store, act)(*given)
            if self._awaits:
                answer = await answer
        except Exception as error:
            breaker.has_failed(error, monotonic())
            return failed
        finally:
            breaker.seconds += monotonic() - began
        breaker.has_answered()
        return answer

    def _is_not_stored(self, error: NotStorable) -> None:
        self.breaker.errors += 1
        log.warning("%s: a result stays in memory, and is not stored: %s", self.name, error)
