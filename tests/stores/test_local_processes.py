"""LocalStore in many threads and in forked processes."""

from __future__ import annotations

import gc
import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.programs import local_stores
from tests.programs.local_stores import VERSION, address, record
from tests.support.child import run, run_code
from versioned_lru_cache.stores import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.thread_unsafe(reason="the threads of a test would share its folder, and have their own")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")


@forks
@pytest.mark.child
def test_parent_and_child_go_on_after_a_fork_in_the_middle(tmp_path: Path) -> None:
    run(local_stores.forks_while_threads_use_it, str(tmp_path / "store"), timeout=120)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
@pytest.mark.child
def test_a_child_inherits_no_connection_and_no_lock(tmp_path: Path) -> None:
    run(local_stores.the_child_inherits_no_connection, str(tmp_path / "store"))


def test_threads_read_what_threads_write(tmp_path: Path) -> None:
    with LocalStore(tmp_path / "store", namespace="test") as store:
        begin = threading.Barrier(8)

        def use(number: int) -> None:
            begin.wait()
            for each in range(40):
                mine = number * 100 + each
                lease = store.acquire(address(mine), VERSION)
                assert lease is not None
                assert store.save(lease, record(mine))
                store.release(lease)
                for other in range(max(0, mine - 3), mine + 1):
                    assert store.load(address(other)) in (None, record(other))
                assert store.load(address(mine)) == record(mine)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(use, range(8)))
        assert store.stats().records == 8 * 40
        database = store._opened.database
        assert database is not None
        assert len(database.pool.idle) <= 8, "there are never more connections than threads"


def test_threads_that_open_it_at_the_same_time_have_one_database(tmp_path: Path) -> None:
    for attempt in range(5):
        with LocalStore(tmp_path / str(attempt), namespace="test") as store:
            begin = threading.Barrier(6)

            def use(number: int, store: LocalStore = store, begin: threading.Barrier = begin) -> None:
                begin.wait()
                lease = store.acquire(address(number), VERSION)
                assert lease is not None
                assert store.save(lease, record(number))
                store.release(lease)

            with ThreadPoolExecutor(6) as pool:
                list(pool.map(use, range(6)))
            assert store.stats().records == 6
            assert store.stats().set_aside == 0


@pytest.mark.child
def test_processes_that_open_it_at_the_same_time_have_one_database(tmp_path: Path) -> None:
    code = f"""
        import multiprocessing
        from tests.programs.local_stores import *
        context = multiprocessing.get_context("spawn")
        path = {str(tmp_path / "store")!r}
        children = [context.Process(target=computes_one_for_all, args=(path, number)) for number in range(6)]
        for each in children:
            each.start()
        for each in children:
            each.join(60)
        assert [each.exitcode for each in children] == [0] * 6
        with LocalStore(path, namespace="test") as store:
            assert store.stats().records == 6, store.stats()
        assert len(list(Path(path).glob("format-1/records-*.sqlite3"))) == 1
        """
    run_code(code, timeout=90)


def test_a_store_that_is_forgotten_closes_its_files(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store", namespace="test")
    assert store.load(address(1)) is None
    assert list((tmp_path / "store" / "format-1").glob("*-wal"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del store
        gc.collect()
    assert not list((tmp_path / "store" / "format-1").glob("*-wal"))


@pytest.mark.child
def test_a_program_that_ends_leaves_one_complete_file(tmp_path: Path) -> None:
    run_code(
        f"""
        from tests.programs.local_stores import *
        store = LocalStore({str(tmp_path / "store")!r}, namespace="test")
        lease = store.acquire(address(1), VERSION)
        assert store.save(lease, record(1))
        """
    )
    names = sorted(each.name for each in (tmp_path / "store" / "format-1").iterdir())
    assert [each.partition("-")[0] for each in names] == ["leases", "records"]
    with LocalStore(tmp_path / "store", namespace="test") as store:
        assert store.load(address(1)) == record(1)
        assert store.stats().leases == 0
