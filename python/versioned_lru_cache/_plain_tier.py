"""The tier of a plain function: each step runs to its end at once, since nothing of its store is awaited."""

from __future__ import annotations

from time import monotonic

from ._core import record_address, result_in_record
from .stores._identity import beginnings
from .stores._moment import this_boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, Literal, NoReturn, TypeVar

    from ._tier import Lives, Tier
    from .stores._protocol import Lease

    T = TypeVar("T")


class PlainTier:
    """What the core calls for a plain function. The methods are those of :class:`Tier`."""

    def __init__(self, tier: Tier) -> None:
        self._tier = tier
        self.breaker = tier.breaker
        self._store = tier.store
        self._group, self._before_key, self._identity = beginnings(tier.store.namespace, tier.name, tier.revision)

    def load(self, key: bytes) -> Any:
        """Load a call's record: as the tier's own step does, without coroutines, which take as long as all else."""
        breaker, began = self.breaker, monotonic()
        if breaker.owed or began < breaker.alone_until:
            return at_once(self._tier.load(key))
        try:
            data = self._store.load(record_address(self._group, self._before_key, key))
        except Exception as error:
            breaker.has_failed(error, monotonic())
            return None
        finally:
            breaker.seconds += monotonic() - began
        if breaker.pause:
            breaker.has_answered()
        if data is None:
            return None
        try:
            found = result_in_record(data, self._identity, key, self._store.codec, this_boot())
        except Exception:  # Reading it the long way tells what it is, and notes it.
            found = None
        return self._tier.read(data, self._identity, key) if found is None else found

    def acquire(self, key: bytes, version: object, seconds: float | None) -> Lease | Literal[True] | None:
        """Acquire a lease, or wait for who holds it."""
        return at_once(self._tier.acquire(key, version, seconds))

    def save(self, lease: Lease, key: bytes, value: object, version: object, age: int, lives: Lives) -> None:
        """Save a result, and give its lease back."""
        at_once(self._tier.save(lease, key, value, version, age, lives))

    def release(self, lease: Lease) -> None:
        """Give a lease back."""
        at_once(self._tier.release(lease))

    def put(self, key: bytes, value: object, version: object, lives: Lives) -> None:
        """Save a result that was made elsewhere."""
        at_once(self._tier.put(key, value, version, lives))

    def forget(self, key: bytes) -> bool:
        """Remove a call's record."""
        return at_once(self._tier.tell(self._tier.owe_call(key), always=True))

    def clear(self) -> None:
        """Remove those of all calls."""
        at_once(self._tier.tell(self._tier.owe_all(), always=True))


def at_once(step: Coroutine[Any, Any, T]) -> T:
    """Run a step that never suspends, and return what it returns."""
    try:
        suspended: NoReturn = step.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    step.close()
    raise RuntimeError(f"a store with plain methods has suspended, at {suspended!r}")
