"""A process of many that call the same functions over a Redis store, whose versions somebody else raises meanwhile."""

from __future__ import annotations

import mmap
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import RedisStore

if TYPE_CHECKING:
    from versioned_lru_cache import CachedFunction

KEYS = 6
WIDTH = 8
LEASE_SECONDS = 2.0
# No call waits for longer: for two leases of the dead, one after the other, and for what a busy machine does meanwhile.
LONGEST = 20.0


class World:
    """What all processes see: the versions of the data, whether to rest, and a log of computations. A folder has it."""

    def __init__(self, folder: str) -> None:
        versions = Path(folder) / "versions"
        if not versions.exists():
            versions.write_bytes(bytes(WIDTH * (KEYS + 1)))
        with versions.open("r+b") as file:
            self._versions = mmap.mmap(file.fileno(), WIDTH * (KEYS + 1))
        self._log = os.open(Path(folder) / "log", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._path = Path(folder) / "log"

    def version(self, key: int) -> int:
        return int.from_bytes(self._versions[WIDTH * key : WIDTH * (key + 1)], "little")

    def change(self, key: int) -> None:
        self._versions[WIDTH * key : WIDTH * (key + 1)] = (self.version(key) + 1).to_bytes(WIDTH, "little")

    @property
    def rest(self) -> int:
        """Which rest it is, 0 if none: nobody begins a call then."""
        return self.version(KEYS)

    @rest.setter
    def rest(self, number: int) -> None:
        self._versions[WIDTH * KEYS :] = number.to_bytes(WIDTH, "little")

    def note(self, *told: object) -> None:
        os.write(self._log, " ".join(map(str, told)).encode() + b"\n")

    def noted(self) -> list[list[str]]:
        return [line.split() for line in self._path.read_text().splitlines()]


def calls_until_killed(url: str, folder: str, seed: int, timeout: float, clears: float) -> None:
    """Prints a line when it has begun, and whatever was stale, wrong or too slow. Clears now and then, if it is to."""
    world, drawn = World(folder), random.Random(seed)
    store = RedisStore(url, namespace="test", lease_seconds=LEASE_SECONDS, timeout=timeout)
    functions = [_function(world, store, key) for key in range(KEYS)]
    print("begun", flush=True)
    end = time.monotonic() + 600
    while time.monotonic() < end:
        if number := world.rest:
            world.note("rests", number, 0, os.getpid())
            while world.rest == number:
                time.sleep(0.002)
        key = drawn.randrange(KEYS)
        before, began = world.version(key), time.monotonic()
        found = functions[key]()
        took, after = time.monotonic() - began, world.version(key)
        if found[0] != key or not before <= found[1] <= after or len(found) != 200:
            print(f"wrong or stale: {found[:3]} of {key} between {before} and {after}", flush=True)
        if took > LONGEST:
            print(f"slow: {took} s", flush=True)
        if drawn.random() < clears:
            functions[key].cache_clear()


def _function(world: World, store: RedisStore, key: int) -> CachedFunction[[], list[int]]:
    asked = [0]

    def version() -> int:
        asked[0] = world.version(key)
        return asked[0]

    @versioned_lru_cache(version, store=store, name=f"function {key}", revision="1")
    def function() -> list[int]:
        of = asked[0]  # What the lease is for; the data may be newer.
        data = world.version(key)
        world.note("begins", key, of, os.getpid())
        time.sleep(0.03)
        world.note("ends", key, of, os.getpid())
        return [key, data] * 100

    return function
