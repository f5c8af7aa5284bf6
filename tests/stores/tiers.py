"""Functions as several processes have them: each with a memory of its own, and all with one store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.stores.memory_store import AsyncMemoryStore, MemoryStore, Shared
from versioned_lru_cache import CachedFunction, versioned_lru_cache
from versioned_lru_cache.stores import Msgpack

if TYPE_CHECKING:
    from collections.abc import Callable


class TierStore(MemoryStore):
    """A right store that counts what it is asked."""

    codec = Msgpack()

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self.asked: list[str] = []
        self.useful: list[float | None] = []

    def load(self, address: bytes) -> bytes | None:
        self.asked.append("load")
        return super().load(address)

    def acquire(self, address: bytes, version: bytes) -> Any:
        self.asked.append("acquire")
        return super().acquire(address, version)

    def save(self, lease: Any, record: bytes, seconds: float | None = None) -> bool:
        self.asked.append("save")
        self.useful.append(seconds)
        return super().save(lease, record, seconds)


class Source:
    """The data: what the functions read, and its version."""

    def __init__(self) -> None:
        self.version = 1
        self.runs: list[Any] = []

    def read(self, key: Any) -> list[Any]:
        self.runs.append(key)
        return [key, self.version]


class Processes:
    """Processes of one program, one after the other or side by side."""

    def __init__(self) -> None:
        self.shared = Shared()
        self.source = Source()

    def start(self, body: Callable[..., Any] | None = None, **options: Any) -> CachedFunction[..., Any]:
        """Return the function as a process has it that starts now."""
        source = self.source

        def read(key: Any) -> Any:
            return source.read(key)

        options = {"store": TierStore(self.shared), "name": "read", "revision": "1", **options}
        version = options.pop("version", lambda: source.version)
        return versioned_lru_cache(version, **options)(body or read)


def asked(function: CachedFunction[..., Any]) -> list[str]:
    """What a function has asked its store since it was looked at last."""
    store = function.cache_parameters()["store"]
    found: list[str] = store.asked[:]
    store.asked.clear()
    return found


class AwaitedTierStore(AsyncMemoryStore):
    """The same store with methods that are awaited."""

    plain = TierStore
    codec = Msgpack()

    @property
    def asked(self) -> list[str]:
        found: list[str] = self.store.asked  # type: ignore[attr-defined]
        return found
