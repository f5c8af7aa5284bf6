"""Leases of LocalStore: held by one, freed when their holder dies, and nothing is left of them."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT
from tests.programs import local_stores
from tests.programs.local_stores import VERSION, address, record
from versioned_lru_cache.stores import LocalStore, _leases
from versioned_lru_cache.stores._folder import PROBE
from versioned_lru_cache.stores._leases import LeaseFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.thread_unsafe(reason="the threads of a test would share its folder, and have their own")
posix = pytest.mark.skipif(sys.platform == "win32", reason="forks and kills are of POSIX")


@contextmanager
def running(program: Callable[..., None], *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A function of `tests/programs` in a process, killed in the end."""
    code = f"from {program.__module__} import {program.__name__} as it\nit(*{arguments!r})"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def files_of_leases(path: Path) -> list[Path]:
    """All but what whoever was killed while it opened the store has left, which goes a minute later."""
    return [each for each in (path / "format-1" / "leases").iterdir() if not each.name.startswith(PROBE)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with LocalStore(tmp_path / "store", namespace="test") as store:
        yield store


def test_a_lease_leaves_no_file(store: LocalStore, tmp_path: Path) -> None:
    lease = store.acquire(address(1), VERSION)
    assert lease is not None
    (file,) = files_of_leases(tmp_path / "store")
    assert file.name == f"{address(1).hex()}-{VERSION.hex()}"
    store.release(lease)
    assert files_of_leases(tmp_path / "store") == []
    assert store.stats().leases == 0


@posix
@pytest.mark.child
def test_a_holder_that_is_killed_frees_its_lease(store: LocalStore, tmp_path: Path) -> None:
    with running(local_stores.holds_until_killed, str(tmp_path / "store"), 1) as holder:
        token = int(first_line(holder))
        assert store.acquire(address(1), VERSION) is None
        started = time.monotonic()
        threading.Timer(0.2, holder.kill).start()
        store.wait(address(1), VERSION, 30)
        assert time.monotonic() - started < 5, "who waits goes on when the system has freed the lock"
        lease = store.acquire(address(1), VERSION)
        assert lease is not None
        assert lease.token > token
        assert store.save(lease, record(1))
        store.release(lease)
    store.close()
    assert store.stats().leases == 0, "what the dead holder left is swept when a store is opened"
    assert files_of_leases(tmp_path / "store") == []


@posix
@pytest.mark.child
def test_the_next_to_open_sweeps_what_dead_holders_left(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with running(local_stores.holds_until_killed, str(path), 1) as holder:
        assert first_line(holder) != "None"
        with running(local_stores.holds_until_killed, str(path), 2) as other:
            assert first_line(other) != "None"
            holder.kill()
            holder.wait(30)
            assert len(files_of_leases(path)) == 2
            with LocalStore(path, namespace="test") as store:
                assert store.stats().leases == 1, "what is held stays"
                assert [each.name[:64] for each in files_of_leases(path)] == [address(2).hex()]
                assert store.acquire(address(2), VERSION) is None
            other.kill()
            other.wait(30)
        with LocalStore(path, namespace="test") as store:
            assert store.stats().leases == 0
            assert files_of_leases(path) == []


@posix
@pytest.mark.child
def test_a_child_of_the_holder_does_not_hold(store: LocalStore, tmp_path: Path) -> None:
    with running(local_stores.holds_and_forks, str(tmp_path / "store")) as holder:
        child = int(first_line(holder))
        try:
            assert store.acquire(address(1), VERSION) is None
            holder.kill()
            holder.wait(30)
            started = time.monotonic()
            store.wait(address(1), VERSION, 20)
            assert time.monotonic() - started < 5
            lease = store.acquire(address(1), VERSION)
            assert lease is not None, "the child must not keep the lock of its dead parent"
            store.release(lease)
        finally:
            os.kill(child, signal.SIGKILL)


@posix
@pytest.mark.child
def test_a_child_neither_saves_nor_releases_what_its_parent_holds(store: LocalStore, tmp_path: Path) -> None:
    lease = store.acquire(address(1), VERSION)
    assert lease is not None
    child = os.fork()
    if not child:
        try:
            assert store.save(lease, b"the child's") is False
            store.release(lease)
            assert store.acquire(address(1), VERSION) is None
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert len(files_of_leases(tmp_path / "store")) == 1
    with LocalStore(tmp_path / "store", namespace="test") as other:
        assert other.acquire(address(1), VERSION) is None
    assert store.save(lease, b"the parent's")
    store.release(lease)
    assert store.load(address(1)) == b"the parent's"


@pytest.mark.child
def test_processes_take_turns(tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=local_stores.takes_turns, args=(str(tmp_path), 40)) for _ in range(4)]
    for each in processes:
        each.start()
    for each in processes:
        each.join(60)
        assert each.exitcode == 0
    assert (tmp_path / "counter").read_text() == "160"
    assert files_of_leases(tmp_path / "store") == []


@pytest.mark.child
def test_one_of_many_processes_computes(tmp_path: Path) -> None:
    computed = []
    for number in range(3):
        code = f"from tests.programs.local_stores import *\ncomputes_one_for_all({str(tmp_path / 'store')!r}, {number})"
        processes = [
            subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
            for _ in range(4)
        ]
        output = [each.communicate(timeout=60)[0] for each in processes]
        assert [each.returncode for each in processes] == [0] * 4
        computed.append("".join(output))
    assert computed == ["computed\n"] * 3


def test_two_threads_that_take_and_remove_never_hold_the_same(tmp_path: Path) -> None:
    """The classic race of lock files that are removed: one is unlinked between another's open and lock."""
    inside: list[int] = []
    most: list[int] = []

    def take_and_free(number: int) -> None:
        files = LeaseFiles(str(tmp_path))
        for _ in range(400):
            held = files.take("one")
            if held is not None:
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)
                files.free(held)

    threads = [threading.Thread(target=take_and_free, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert set(most) == {1}


@posix
def test_a_lock_of_a_file_that_was_removed_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import filelock

    real: Any = filelock.lock_descriptor
    files = LeaseFiles(str(tmp_path))
    opened = []

    def removed_before_it_is_locked(descriptor: int, *, blocking: bool) -> bool:
        opened.append(descriptor)
        if len(opened) == 1:  # Its holder gives the lease back just now.
            (tmp_path / "one").unlink()
        return bool(real(descriptor, blocking=blocking))

    monkeypatch.setattr(filelock, "lock_descriptor", removed_before_it_is_locked)
    held = files.take("one")
    assert held is not None
    assert len(opened) == 2, "it is opened again"
    monkeypatch.setattr(filelock, "lock_descriptor", real)
    assert files.take("one") is None
    assert files.free(held)
    assert not files.free(held)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_lease_leaves_no_lock(store: LocalStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> int:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("versioned_lru_cache.stores._database.lease", full)
        with pytest.raises(OSError, match="full"):
            store.acquire(address(1), VERSION)
    assert files_of_leases(tmp_path / "store") == []
    lease = store.acquire(address(1), VERSION)
    assert lease is not None
    store.release(lease)
    assert lease.handle not in _leases._held


@posix
@pytest.mark.child
@pytest.mark.parametrize("seed", range(int(os.environ.get("STORE_KILLS", "3"))))
def test_writers_that_are_killed_leave_a_sound_store(tmp_path: Path, seed: int) -> None:
    """Eight processes save, load and delete, and are killed at random moments, again and again."""
    path = tmp_path / "store"
    drawn = random.Random(seed)
    writers: list[subprocess.Popen[str]] = []

    def start() -> None:
        code = f"from tests.programs.local_stores import *\nwrites_until_killed({str(path)!r}, {drawn.random()!r})"
        writers.append(subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT))

    try:
        for _ in range(8):
            start()
        for each in writers:
            assert first_line(each) == "begun"
        for _ in range(12):
            time.sleep(drawn.random() * 0.1)
            victim = drawn.choice(writers)
            assert victim.poll() is None, "a writer has failed by itself"
            victim.kill()
            victim.communicate(timeout=30)
            writers.remove(victim)
            start()
        assert all(each.poll() is None for each in writers)
    finally:
        for each in writers:
            each.kill()
            each.communicate(timeout=30)
    with LocalStore(path, namespace="test", max_bytes=2**20) as store:
        assert store.check().ok
        stats = store.stats()
        assert stats.set_aside == 0
        assert stats.leases == 0
        assert stats.records > 50
        assert stats.size <= 2**20
        assert files_of_leases(path) == []
        for number in range(400):
            assert store.load(address(number)) in (None, record(number))
            lease = store.acquire(address(number), VERSION)
            assert lease is not None, "no dead process holds anything"
            assert store.save(lease, record(number))
            store.release(lease)
