"""A function's part of a shared store: turns calls into records, and a store that fails into one that has nothing.

What the engine asks for comes here, outside of any lock: a record to load, a lease, a result to save. A store that is
away, slow or full is no failure of the cached function. It is counted, logged once an outage, and left alone for a
while, twice as long each time.
"""

from __future__ import annotations

import logging
from itertools import count
from time import monotonic

from ._core import IMMUTABLE, mocked_clock
from .stores._codec import NotStorable, Unreadable
from .stores._identity import Identity
from .stores._record import Moment, Record, decode_record, encode_record, version_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    from .stores._protocol import Lease, Store

_log = logging.getLogger("versioned_lru_cache.stores")

LEASE_SECONDS = 60.0  # How long to wait for another's lease where nobody says.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0


class Tier:
    """The records of one cached function in a store.

    Attributes:
        errors: How often the store has failed, or had a record that could not be read.
        seconds: How long it has taken altogether.
    """

    def __init__(self, store: Store, name: str, revision: str) -> None:
        self.store = store
        self.name = name
        self.revision = revision
        self.errors = 0
        self.seconds = 0.0
        self._alone_until = 0.0
        self._pause = 0.0
        # What the store was not told yet. Each is told by itself, as another may be about the same meanwhile.
        self._owed: dict[int, tuple[Callable[[bytes], object], bytes]] = {}
        self._numbers = count()

    def load(self, key: bytes) -> tuple[object, object, int | None, int | None] | None:
        """Return the value, the version, the age and the own lifetime of a call's record, both in nanoseconds."""
        if self._owed:
            self._pay()
        identity = self._identity(key)
        data = None if self._owed else self._ask(self.store.load, identity.address)
        if data is None:
            return None
        try:
            record = decode_record(data, identity, self.store.codec)
        except Unreadable as error:
            self.errors += 1
            _log.info("%s: a record is not used, since %s", self.name, error)
            return None
        age = record.began.age(_now())
        return (
            record.value,
            IMMUTABLE if record.immutable else record.version,
            None if age is None else int(age * 1e9),
            None if record.ttl is None else int(record.ttl * 1e9),
        )

    def acquire(self, key: bytes, version: object, seconds: float | None) -> Lease | Literal[True] | None:
        """Return the lease for a call and version; ``True`` if another held it and has let go; ``None`` if none is."""
        lease, limit = self.try_to_acquire(key, version), LEASE_SECONDS if seconds is None else seconds
        if lease is not True or limit <= 0:
            return None if lease is True else lease
        began, digest = monotonic(), self._digest(version)
        waited = self._ask(self.store.wait, self._identity(key).address, digest, limit, failed=self)
        return None if waited is self or monotonic() - began >= limit else True

    def try_to_acquire(self, key: bytes, version: object) -> Lease | Literal[True] | None:
        """Return the lease for a call and version; ``True`` if another holds it; ``None`` if none is to be had."""
        if self._owed:
            self._pay()
        try:
            digest = self._digest(version)
        except NotStorable as error:
            self._is_not_stored(error)
            return None
        if self._owed:
            return None
        lease = self._ask(self.store.acquire, self._identity(key).address, digest, failed=self)
        return None if lease is self else True if lease is None else lease

    def save(self, lease: Lease, key: bytes, value: object, version: object, age: int, ttl: int | None) -> None:
        """Save a result, whose age and own lifetime are given in nanoseconds."""
        identity, now = self._identity(key), _now()
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
            return
        self._ask(self.store.save, lease, data)

    def release(self, lease: Lease) -> None:
        """Give a lease back."""
        self._ask(self.store.release, lease, always=True)

    def put(self, key: bytes, value: object, version: object, ttl: int | None) -> None:
        """Save a result that was made elsewhere just now, unless somebody computes one of that version."""
        lease = self.acquire(key, version, 0.0)
        if lease is not None and lease is not True:
            try:
                self.save(lease, key, value, version, 0, ttl)
            finally:
                self.release(lease)

    def forget(self, key: bytes) -> bool:
        """Remove a call's record, and see to it that no computation that runs now saves one."""
        number = self._owe(self.store.delete, self._identity(key).address)
        return self._pay(always=True).get(number, False)

    def clear(self) -> None:
        """Do the same for all calls of the function, and count from zero."""
        self.errors, self.seconds = 0, 0.0
        self._owe(self.store.clear, self._identity(b"").group)
        self._pay(always=True)

    def _owe(self, act: Callable[[bytes], object], name: bytes) -> int:
        number = next(self._numbers)
        self._owed[number] = act, name
        return number

    def _pay(self, *, always: bool = False) -> dict[int, bool]:
        """Tell the store what is invalid. As long as it does not hear of that, none of its records is used."""
        told: dict[int, bool] = {}
        for number, (act, name) in list(self._owed.items()):
            answer = self._ask(act, name, always=always, failed=self)
            if answer is self:
                break
            told[number] = bool(answer)
            self._owed.pop(number, None)
        return told

    def _digest(self, version: object) -> bytes:
        return version_digest(None if version is IMMUTABLE else version, self.store.codec)

    def _identity(self, key: bytes) -> Identity:
        return Identity(self.store.namespace, self.name, self.revision, key)

    def _ask(self, act: Callable[..., Any], *given: Any, always: bool = False, failed: object = None) -> Any:
        """Ask the store, unless it failed a short time ago. A failure is ``None``, or what stands for it."""
        began = monotonic()
        if began < self._alone_until and not always:
            return failed
        try:
            answer = act(*given)
        except Exception as error:
            self.errors += 1
            self._failed(error)
            return failed
        finally:
            self.seconds += monotonic() - began
        if self._pause:
            self._pause = 0.0
            _log.warning("%s: the store %r is back", self.name, self.store)
        return answer

    def _failed(self, error: Exception) -> None:
        if not self._pause:
            _log.warning(
                "%s: the store %r has failed, so results are computed and kept in memory only: %s: %s",
                self.name,
                self.store,
                type(error).__name__,
                error,
            )
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
        self._alone_until = monotonic() + self._pause

    def _is_not_stored(self, error: NotStorable) -> None:
        self.errors += 1
        _log.warning("%s: a result stays in memory, and is not stored: %s", self.name, error)


def _now() -> Moment:
    """Return this moment, by the clock that a test has put in the place of the real one if there is one."""
    mocked = mocked_clock()
    return Moment.now() if mocked is None else Moment(mocked, b"", 0)
