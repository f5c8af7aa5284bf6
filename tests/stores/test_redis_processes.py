"""Processes that share a Redis store: one computes for all, and whoever is killed holds nobody up.

`make stress-stores` kills more of them: STORE_KILLS says how many.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests import ROOT
from tests.programs import redis_stores
from tests.programs.redis_stores import LEASE_SECONDS, VERSION, address, record
from tests.support.child import run
from versioned_lru_cache.stores import RedisStore

if TYPE_CHECKING:
    from tests.support.redis_server import RedisServer

pytestmark = [pytest.mark.child, pytest.mark.slow]

KILLS = int(os.environ.get("STORE_KILLS", "6"))
PROCESSES = 8


def test_one_of_eight_processes_computes_what_all_miss(server: RedisServer) -> None:
    context = multiprocessing.get_context("spawn")
    at = time.time() + 2.0
    children = [
        context.Process(target=redis_stores.computes_one_for_all, args=(server.url, number, at))
        for number in range(PROCESSES)
    ]
    for each in children:
        each.start()
    for each in children:
        each.join(60)
    assert [each.exitcode for each in children] == [0] * PROCESSES
    assert server.client().get("runs") == b"1"


def writer(url: str, seed: int) -> subprocess.Popen[str]:
    code = f"from tests.programs.redis_stores import writes_until_killed\nwrites_until_killed({url!r}, {seed})"
    started = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "begun\n"
    return started


def killed(child: subprocess.Popen[str]) -> str:
    """Kill a writer. Return what it found wrong."""
    assert child.poll() is None, "it has ended by itself"
    child.kill()
    with child:
        assert child.stdout is not None
        return child.stdout.read()


def test_processes_that_are_killed_leave_no_wrong_record_and_no_lease(server: RedisServer) -> None:
    drawn = random.Random(7)
    writers = [writer(server.url, seed) for seed in range(3)]
    try:
        for turn in range(KILLS):
            time.sleep(drawn.random() / 4)
            place = turn % len(writers)
            assert killed(writers[place]) == ""
            writers[place] = writer(server.url, 100 + turn)
    finally:
        told = [killed(each) for each in writers]
    assert told == [""] * 3
    all_are_right_and_free(RedisStore(server.url, namespace="test"))


def test_a_server_that_is_killed_under_load_leaves_no_wrong_record(own_server: RedisServer) -> None:
    writers = [writer(own_server.url, seed) for seed in range(3)]
    try:
        for _ in range(max(1, KILLS // 3)):
            time.sleep(0.3)
            own_server.kill()
            time.sleep(0.1)
            own_server.start()
        time.sleep(0.3)
    finally:
        told = [killed(each) for each in writers]
    assert told == [""] * 3
    all_are_right_and_free(RedisStore(own_server.url, namespace="test"))


def all_are_right_and_free(store: RedisStore) -> None:
    began = time.monotonic()
    for number in range(60):
        assert store.load(address(number)) in (None, record(number))
        store.wait(address(number), VERSION, 10.0)
        lease = store.acquire(address(number), VERSION)
        assert lease is not None
        assert store.save(lease, record(number))
        store.release(lease)
    assert time.monotonic() - began < 10 * LEASE_SECONDS, "leases of the dead end by themselves"
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_parent_and_children_go_on_after_forks_in_the_middle(server: RedisServer) -> None:
    run(redis_stores.forks_while_threads_use_it, server.url)
