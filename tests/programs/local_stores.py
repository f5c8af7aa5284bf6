"""Processes that use one local store, and die in the middle of it."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

from versioned_lru_cache.stores import LocalStore

VERSION = b"version"


def address(number: int) -> bytes:
    return number.to_bytes(32, "big")


def record(number: int) -> bytes:
    """What belongs to an address and nowhere else, of a length of its own."""
    return b"%d " % number * (number % 700 + 1)


def writes_until_killed(path: str, seed: int) -> None:
    """Saves, loads and deletes at random; prints a line when it has begun. Ends by itself after a while."""
    drawn = random.Random(seed)
    end = time.monotonic() + 60
    with LocalStore(path, namespace="test", max_bytes=2**20) as store:
        store.load(address(0))
        print("begun", flush=True)
        while time.monotonic() < end:
            number = drawn.randrange(400)
            found = store.load(address(number))
            assert found in (None, record(number)), f"wrong record at {number}"
            lease = store.acquire(address(number), VERSION)
            if lease is None:
                store.wait(address(number), VERSION, 0.1)
                continue
            store.save(lease, record(number))
            store.release(lease)
            if drawn.random() < 0.05:
                store.delete(address(drawn.randrange(400)))


def holds_until_killed(path: str, number: int) -> None:
    """Takes a lease and keeps it; prints its token."""
    store = LocalStore(path, namespace="test")
    lease = store.acquire(address(number), VERSION)
    print(lease and lease.token, flush=True)
    time.sleep(60)
    sys.exit("nobody killed the holder")


def holds_and_forks(path: str) -> None:
    """Takes a lease, and leaves a child behind that lives on when this process is killed; prints the child's id."""
    store = LocalStore(path, namespace="test")
    lease = store.acquire(address(1), VERSION)
    assert lease is not None
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    time.sleep(60)


def takes_turns(path: str, rounds: int) -> None:
    """Counts in a file, under one lease, in a way that loses counts if two do it at the same time."""
    counter = Path(path, "counter")
    store = LocalStore(Path(path, "store"), namespace="test")
    done = 0
    while done < rounds:
        lease = store.acquire(address(1), VERSION)
        if lease is None:
            store.wait(address(1), VERSION, 5.0)
            continue
        count = int(counter.read_text())
        time.sleep(0.0005)
        counter.write_text(str(count + 1))
        store.release(lease)
        done += 1
    store.close()


def computes_one_for_all(path: str, number: int) -> None:
    """What the tier does: load, acquire or wait, compute, save. Prints whether it computed."""
    with LocalStore(path, namespace="test") as store:
        while (found := store.load(address(number))) is None:
            lease = store.acquire(address(number), VERSION)
            if lease is None:
                store.wait(address(number), VERSION, 30.0)
                continue
            # Another may have saved between the two.
            found = store.load(address(number))
            if found is None:
                time.sleep(0.3)
                found = record(number)
                assert store.save(lease, found)
                print("computed", flush=True)
            store.release(lease)
            break
        assert found == record(number)


def survives_what_was_done_to_its_file(path: str, seed: int) -> None:
    """Uses a store whose database was damaged: every record is right or missing, and in the end all is well."""
    drawn = random.Random(seed)
    with LocalStore(path, namespace="test") as store:
        for number in range(300):
            found = store.load(address(number))
            # A record has a checksum of its own; the store does not look into it.
            assert found is None or isinstance(found, bytes), number
            if found != record(number) or drawn.random() < 0.1:
                lease = store.acquire(address(number), VERSION)
                assert lease is not None, number
                store.save(lease, record(number))
                store.release(lease)
        store.delete(address(7))
        store.clear(b"\1")
        store.check()
        second = store.check()
        assert second.ok, second
        for number in (1, 2, 3):
            lease = store.acquire(address(number), VERSION)
            assert lease is not None
            assert store.save(lease, record(number))
            store.release(lease)
            assert store.load(address(number)) == record(number)
        assert store.stats().leases <= 1, store.stats()


def goes_on_while_its_file_is_damaged(path: str) -> None:
    """Uses a store for a second and a half; prints when it has begun. In the end all is well."""
    import sqlite3

    store = LocalStore(path, namespace="test")
    for number in range(300):
        lease = store.acquire(address(number), VERSION)
        assert lease is not None
        store.save(lease, record(number))
        store.release(lease)
    print("begun", flush=True)
    end = time.monotonic() + 1.5
    number = 0
    while time.monotonic() < end:
        number = (number + 7) % 300
        try:
            found = store.load(address(number))
            assert found is None or isinstance(found, bytes)
            lease = store.acquire(address(number), VERSION)
            assert lease is not None
            try:
                store.save(lease, record(number))
            finally:
                store.release(lease)
        except (OSError, sqlite3.Error):
            pass  # Told to whoever calls it, who goes on without.
    store.check()
    found = store.check()
    assert found.ok, found
    for number in range(10):
        lease = store.acquire(address(number), VERSION)
        assert lease is not None
        assert store.save(lease, record(number))
        store.release(lease)
        assert store.load(address(number)) == record(number)
    store.close()


def uses_a_store_on_a_full_disk(path: str) -> None:
    """Fills the disk by saving: errors are told, what was saved stays right, and room makes it work again."""
    import sqlite3

    store = LocalStore(Path(path, "store"), namespace="test")
    saved, refused = [], 0
    for number in range(4000):
        try:
            lease = store.acquire(address(number), VERSION)
        except (OSError, sqlite3.Error):
            refused += 1
            if refused > 20:
                break
            continue
        assert lease is not None
        try:
            if store.save(lease, record(number)):
                saved.append(number)
        except (OSError, sqlite3.Error):
            refused += 1
        finally:
            try:
                store.release(lease)
            except (OSError, sqlite3.Error):
                refused += 1
        if refused > 20:
            break
    assert saved, "nothing fitted"
    assert refused > 20, "the disk was never full"
    for number in saved:
        assert store.load(address(number)) == record(number), number
    assert store.check().ok
    Path(path, "ballast").unlink()
    lease = store.acquire(address(5000), VERSION)
    assert lease is not None
    assert store.save(lease, record(5000))
    store.release(lease)
    assert store.load(address(5000)) == record(5000)
    store.close()
    print(len(saved), refused)


def forks_while_threads_use_it(path: str) -> None:
    """Parent and child go on, and the child never touches a connection of its parent."""
    import faulthandler
    import gc
    import threading
    import warnings

    # Since Python 3.12 a fork that leaves threads behind warns. That they are left behind is what is tested here.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    faulthandler.cancel_dump_traceback_later()
    store = LocalStore(path, namespace="test")
    stop = threading.Event()
    errors: list[BaseException] = []

    def use(number: int) -> None:
        try:
            while not stop.is_set():
                assert store.load(address(number)) in (None, record(number))
                lease = store.acquire(address(number), VERSION)
                assert lease is not None
                assert store.save(lease, record(number))
                store.release(lease)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(3)]
    for each in threads:
        each.start()
    while store.load(address(2)) is None:
        time.sleep(0.001)
    for number in range(30):
        connections = [id(each) for each in gc.get_objects() if type(each).__name__ == "Connection"]
        child = os.fork()
        if not child:
            status = 1
            try:
                assert connections, "the parent had none open"
                lease = store.acquire(address(100 + number), VERSION)
                assert lease is not None
                assert store.save(lease, record(100 + number))
                store.release(lease)
                for other in range(3):
                    store.load(address(other))
                store.close()
                status = 0
            finally:
                if status:
                    import traceback

                    traceback.print_exc()
                os._exit(status)
        end = time.monotonic() + 30
        while (done := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() > end:
                os.kill(child, 9)
                sys.exit(f"child {number} hangs")
            time.sleep(0.002)
        assert done[1] == 0, f"child {number} has failed"
        assert store.load(address(100 + number)) == record(100 + number)
    stop.set()
    for each in threads:
        each.join(30)
    assert not errors, errors
    assert store.check().ok
    store.close()


def the_child_inherits_no_connection(path: str) -> None:
    """Before a fork all connections are closed, so that there is nothing of SQLite to inherit."""
    store = LocalStore(path, namespace="test")
    lease = store.acquire(address(1), VERSION)
    assert lease is not None
    assert store.save(lease, record(1))
    before = open_files(path)
    assert any("sqlite3" in each for each in before), before
    child = os.fork()
    if not child:
        left = [each for each in open_files(path) if "sqlite3" in each or "leases" in each]
        os._exit(bool(left) or store.load(address(1)) != record(1))
    assert os.waitpid(child, 0)[1] == 0
    assert store.load(address(1)) == record(1)
    store.release(lease)
    store.close()


def open_files(path: str) -> list[str]:
    """The files of the folder that this process has open."""
    links = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]
    found = [os.readlink(each) for each in links if os.path.lexists(each)]
    return [each for each in found if each.startswith(path)]
