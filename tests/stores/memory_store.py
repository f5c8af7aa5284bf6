"""A store in the memory of this process, right in all, and wrong ones that break one rule each."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, ClassVar

from versioned_lru_cache.stores import Lease


class Shared:
    """What several stores have in common, as several processes have a database."""

    def __init__(self) -> None:
        self.records: dict[bytes, tuple[int, bytes]] = {}
        self.held: dict[tuple[bytes, bytes], int] = {}
        self.valid: dict[int, bytes] = {}
        self.token = 0
        self.changed = threading.Condition()


class MemoryStore:
    """A store as it should be."""

    namespace = "test"
    codec: Any = None

    def __init__(self, shared: Shared) -> None:
        self.shared = shared

    def load(self, address: bytes) -> bytes | None:
        check(address)
        with self.shared.changed:
            return self.shared.records.get(address, (0, None))[1]

    def acquire(self, address: bytes, version: bytes) -> Lease | None:
        check(address)
        check(version)
        with self.shared.changed:
            if (address, version) in self.shared.held:
                return None
            self.shared.token += 1
            self.shared.held[address, version] = self.shared.token
            self.shared.valid[self.shared.token] = address
            return Lease(address, version, self.shared.token, None)

    def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        with self.shared.changed:
            self.shared.changed.wait_for(lambda: (address, version) not in self.shared.held, seconds)

    def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        check(record)
        with self.shared.changed:
            if lease.token not in self.shared.valid:
                return False
            if self.shared.records.get(lease.address, (0, b""))[0] > lease.token:
                return False
            self.shared.records[lease.address] = (lease.token, record)
            return True

    def release(self, lease: Lease) -> None:
        with self.shared.changed:
            self.shared.valid.pop(lease.token, None)
            if self.shared.held.get((lease.address, lease.version)) == lease.token:
                del self.shared.held[lease.address, lease.version]
                self.shared.changed.notify_all()

    def delete(self, address: bytes) -> bool:
        check(address)
        with self.shared.changed:
            self.fence(lambda each: each == address)
            return self.shared.records.pop(address, None) is not None

    def clear(self, group: bytes) -> None:
        check(group)
        with self.shared.changed:
            self.fence(lambda each: each.startswith(group))
            for address in [each for each in self.shared.records if each.startswith(group)]:
                del self.shared.records[address]

    def fence(self, meant: Any) -> None:
        for token in [token for token, address in self.shared.valid.items() if meant(address)]:
            del self.shared.valid[token]


def check(value: Any) -> None:
    if not isinstance(value, bytes):
        raise TypeError(f"{value!r}: must be bytes")


class AsyncMemoryStore:
    """The same for coroutines."""

    namespace = "test"
    codec: Any = None
    plain: type[MemoryStore] = MemoryStore

    def __init__(self, shared: Shared) -> None:
        self.store = self.plain(shared)

    async def load(self, address: bytes) -> bytes | None:
        return self.store.load(address)

    async def acquire(self, address: bytes, version: bytes) -> Lease | None:
        return self.store.acquire(address, version)

    async def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        end = time.monotonic() + seconds
        # Leases are released in other threads too, and no event of asyncio's may be set there.
        while (address, version) in self.store.shared.held and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        return self.store.save(lease, record, seconds)

    async def release(self, lease: Lease) -> None:
        self.store.release(lease)

    async def delete(self, address: bytes) -> bool:
        return self.store.delete(address)

    async def clear(self, group: bytes) -> None:
        self.store.clear(group)


# --- wrong ones


class NoFenceOnDelete(MemoryStore):
    def delete(self, address: bytes) -> bool:
        check(address)
        return self.shared.records.pop(address, None) is not None


class NoFenceOnClear(MemoryStore):
    def clear(self, group: bytes) -> None:
        check(group)
        for address in [each for each in self.shared.records if each.startswith(group)]:
            del self.shared.records[address]


class FencesAll(MemoryStore):
    def fence(self, meant: Any) -> None:
        self.shared.valid.clear()


class FencesForGood(MemoryStore):
    deleted: ClassVar[set[bytes]] = set()

    def delete(self, address: bytes) -> bool:
        self.deleted.add(address)
        return super().delete(address)

    def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        return lease.address not in self.deleted and super().save(lease, record, seconds)


class FencesByReleasing(MemoryStore):
    def fence(self, meant: Any) -> None:
        super().fence(meant)
        self.shared.held.clear()


class ClearsByComparing(MemoryStore):
    """Takes the last address of a group for one beyond it."""

    def clear(self, group: bytes) -> None:
        check(group)
        end = group + b"\xff" * 16
        self.fence(lambda each: group <= each < end)
        for address in [each for each in self.shared.records if group <= each < end]:
            del self.shared.records[address]


class EarlierLeaseWins(MemoryStore):
    def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        check(record)
        if lease.token not in self.shared.valid:
            return False
        self.shared.records[lease.address] = (lease.token, record)
        return True


class FirstSaveStays(MemoryStore):
    def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        check(record)
        if lease.address in self.shared.records:
            return False
        return super().save(lease, record, seconds)


class SavesAfterRelease(MemoryStore):
    def release(self, lease: Lease) -> None:
        valid = dict(self.shared.valid)
        super().release(lease)
        self.shared.valid = valid


class SaveReleases(MemoryStore):
    def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        saved = super().save(lease, record, seconds)
        self.release(lease)
        return saved


class ReleasesWhatOthersHold(MemoryStore):
    def release(self, lease: Lease) -> None:
        with self.shared.changed:
            self.shared.valid.pop(lease.token, None)
            self.shared.held.pop((lease.address, lease.version), None)
            self.shared.changed.notify_all()


class ForgetsToRelease(MemoryStore):
    def release(self, lease: Lease) -> None:
        self.shared.valid.pop(lease.token, None)


class LeasesForAll(MemoryStore):
    def acquire(self, address: bytes, version: bytes) -> Lease | None:
        self.shared.held.pop((address, version), None)
        return super().acquire(address, version)


class OneLeaseForAllVersions(MemoryStore):
    def acquire(self, address: bytes, version: bytes) -> Lease | None:
        if any(address == held for held, _ in self.shared.held):
            return None
        return super().acquire(address, version)


class KeepsNothingThatEnds(MemoryStore):
    def save(self, lease: Lease, record: bytes, seconds: float | None = None) -> bool:
        return seconds is None and super().save(lease, record)


class TokensStandStill(MemoryStore):
    def acquire(self, address: bytes, version: bytes) -> Lease | None:
        lease = super().acquire(address, version)
        return lease and lease._replace(token=1)


class WaitsForEver(MemoryStore):
    def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        super().wait(address, version, seconds + 2)


class SleepsForAll(MemoryStore):
    def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        time.sleep(seconds)


class NeverWaits(MemoryStore):
    def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        pass


class ReturnsBytearrays(MemoryStore):
    def load(self, address: bytes) -> Any:
        record = super().load(address)
        return record and bytearray(record)


class TruncatesAtZero(MemoryStore):
    def load(self, address: bytes) -> bytes | None:
        record = super().load(address)
        return record and record.partition(b"\0")[0]


class TakesAnyType(MemoryStore):
    def load(self, address: Any) -> bytes | None:
        return self.shared.records.get(address, (0, None))[1]


class SaysNothingOfDeletes(MemoryStore):
    def delete(self, address: bytes) -> Any:
        super().delete(address)


class KeepsToItself(MemoryStore):
    def __init__(self, shared: Shared) -> None:
        super().__init__(Shared())


class ShortAddresses(MemoryStore):
    def load(self, address: bytes) -> bytes | None:
        check(address)
        found = [record for other, (_, record) in self.shared.records.items() if other[:31] == address[:31]]
        return found[-1] if found else None


class ShortestAddresses(ShortAddresses):
    """As short, for a rule of its own."""


class BlocksTheLoop(AsyncMemoryStore):
    async def wait(self, address: bytes, version: bytes, seconds: float) -> None:
        self.store.wait(address, version, seconds)
