"""Programs that are several processes with one local store."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from versioned_lru_cache import CachedFunction, versioned_lru_cache
from versioned_lru_cache.stores import LocalStore


def reading(folder: str, seconds: float) -> CachedFunction[[str], dict[str, Any]]:
    """The function of each of them: the version is a file, and another tells who has computed what."""
    data, runs = Path(folder, "version"), Path(folder, "runs")

    def version() -> str:
        return data.read_text()

    @versioned_lru_cache(version, store=LocalStore(Path(folder, "store"), namespace="test"), name="reading")
    def read(key: str) -> dict[str, Any]:
        found = {"key": key, "version": data.read_text()}
        with runs.open("a") as stream:
            stream.write(f"{key} {os.getpid()}\n")
        time.sleep(seconds)
        return found

    return read


def calls_once(folder: str, key: str, seconds: float) -> None:
    """Call the function, and print what it returned and how long that took."""
    read = reading(folder, seconds)
    began = time.monotonic()
    found = read(key)
    print(found["version"], time.monotonic() - began)


def calls_without_end(folder: str, number: int) -> None:
    """Call the function for some keys until killed; a wrong answer is written down."""
    data, read = Path(folder, "version"), reading(folder, 0.001)
    turn = number
    while True:
        turn += 1
        key, before = f"k{turn % 5}", int(data.read_text())
        found = read(key)
        if found["key"] != key or int(found["version"]) < before:
            Path(folder, f"wrong-{number}").write_text(f"{found} of {key} at {before}")
            return


def forks_while_it_computes(folder: str) -> None:
    """Fork in the midst of a computation that holds the lease: the child has none, and may compute itself."""
    children = []

    @versioned_lru_cache("1", store=LocalStore(Path(folder, "store"), namespace="test"), name="forking")
    def fork(key: str) -> str:
        child = os.fork()
        if child == 0:
            try:
                assert plain("b") == "b"
            finally:
                os._exit(0)
        children.append(child)
        return key

    @versioned_lru_cache("1", store=LocalStore(Path(folder, "store"), namespace="test"), name="plain")
    def plain(key: str) -> str:
        return key

    assert fork("a") == "a"
    assert os.waitpid(children[0], 0)[1] == 0
    assert plain("b") == "b"
    assert plain.cache_stats().store_hits == 1, "the child has saved it"
