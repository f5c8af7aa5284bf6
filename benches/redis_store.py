"""What hits in the second tier cost beside a bare GET of redis-py of the same record, and beside other caches in Redis.

    .venv/bin/python benches/redis_store.py

A hit is a call whose result is not in memory and is in the store: the version function, the load, and a dict of five
items decoded. The server is one of its own (`redis-server`), on this machine, so that the network is not in the
figures. All variants have their turn in each round, in a new order, each with a client of its own; shown are medians,
and the median ratio to the GET of the same round.
"""

from __future__ import annotations

import gc
import platform
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import redis

from redis_caches import OURS, of_ours, redis_caches
from versioned_lru_cache.stores import RedisStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

Variant: TypeAlias = "Callable[[list[int]], None]"
RECORDS = 1000
VALUE = {"id": 7, "name": "tea", "price": 2.5, "tags": ["a", "b"], "stock": None}
ROUNDS, TURNS = 101, 50
GET = "bare GET"


def main() -> None:
    """Measure and print."""
    with server() as url:
        samples = measured({**of_client(url), **{name: filled(at(url)) for name, at in redis_caches()}})
    version = redis.__version__
    print(f"Python {platform.python_version()}, redis-py {version}, {platform.machine()}")
    base = samples[GET]
    for name, found in samples.items():
        ratio = statistics.median(one / other for one, other in zip(found, base, strict=True))
        print(f"{name:42} {statistics.median(found) * 1e6:8.2f} us {ratio:8.2f}")


@contextmanager
def server() -> Iterator[str]:
    """Give the URL of a server that is there for the time of a block."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        sys.exit("There is no redis-server; on Debian: apt-get install redis-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        given = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"]
        process = subprocess.Popen([program, *given], stdout=subprocess.DEVNULL)
        try:
            until_it_answers(redis.Redis(port=port))
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()
            process.wait()


def until_it_answers(client: redis.Redis) -> None:
    """Return when the server has started."""
    end = time.monotonic() + 10
    while not answers(client):
        if time.monotonic() > end:
            sys.exit("the server has not started")
        time.sleep(0.01)


def answers(client: redis.Redis) -> bool:
    """Return whether a server is there."""
    try:
        client.ping()
    except redis.ConnectionError:
        return False
    return True


def of_client(url: str) -> dict[str, Variant]:
    """Return a GET of a record that hits read, and what else of the way can be told apart."""
    filled(dict([of_ours()])[OURS](url))
    # As RedisStore makes it of a URL.
    client: Any = redis.Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0, protocol=2)
    keys: list[bytes] = client.keys("vlru:bench:*:r:*")[:2]
    state = keys[0][: keys[0].index(b"}") + 1]
    store = RedisStore(url, namespace="bench")
    group = bytes.fromhex(state.split(b"{")[1][:-1].decode())
    addresses = [group + bytes.fromhex(key.split(b":r:")[1].decode()) for key in keys]

    def get(turns: list[int]) -> None:
        for turn in turns:
            client.get(keys[turn % 2])

    def mget(turns: list[int]) -> None:
        for turn in turns:
            client.mget(keys[turn % 2], state)

    def load(turns: list[int]) -> None:
        for turn in turns:
            store.load(addresses[turn % 2])

    get([0, 1])
    if None in (store.load(addresses[0]), store.load(addresses[1])):
        sys.exit("load() has not found what was saved")
    return {GET: get, "bare MGET of record and epoch": mget, "load()": load}


def filled(calls: Callable[[Callable[[int], object]], Variant]) -> Variant:
    """Return calls of a function whose results are all there; they fail if it is run again."""
    runs: list[int] = []

    def body(key: int) -> object:
        runs.append(key)
        return dict(VALUE)

    call = calls(body)
    call(list(range(RECORDS)))
    filled_with = len(runs)

    def hits(keys: list[int]) -> None:
        call(keys)
        if len(runs) != filled_with:
            sys.exit("what was to be a hit has computed")

    return hits


def measured(shown: dict[str, Variant]) -> dict[str, list[float]]:
    """Return seconds of one call, by variant and round."""
    samples: dict[str, list[float]] = {name: [] for name in shown}
    keys = [1, 2] * TURNS  # Our memory keeps one of the two.
    gc.disable()
    for _ in range(ROUNDS):
        for name in random.sample(list(shown), len(shown)):
            started = time.perf_counter()
            shown[name](keys)
            samples[name].append((time.perf_counter() - started) / len(keys))
    return samples


if __name__ == "__main__":
    main()
