"""LocalStore: what it does with its options, its bound, its records and its upkeep."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs.local_stores import VERSION, address, record
from tests.support.child import run_code
from versioned_lru_cache import stores
from versioned_lru_cache.stores import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = pytest.mark.thread_unsafe(reason="the threads of a test would share its folder, and have their own")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with LocalStore(tmp_path / "store", namespace="test", max_bytes=2**20) as store:
        yield store


def put(store: LocalStore, number: int, size: int | None = None) -> bool:
    lease = store.acquire(address(number), VERSION)
    assert lease is not None
    try:
        return store.save(lease, record(number) if size is None else os.urandom(size))
    finally:
        store.release(lease)


def database_of(store: LocalStore) -> str:
    database = store._opened.current()
    return database.path


# --- options and opening


def test_to_make_one_touches_no_file(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store", namespace="test")
    assert list(tmp_path.iterdir()) == []
    store.close()
    assert list(tmp_path.iterdir()) == []
    assert store.load(address(1)) is None
    assert [each.name for each in tmp_path.iterdir()] == ["store"]
    store.close()


@pytest.mark.child
def test_the_package_imports_nothing_of_it() -> None:
    run_code(
        """
        import sys
        import versioned_lru_cache.stores, versioned_lru_cache.testing
        from versioned_lru_cache.stores import Store, Lease
        heavy = {"sqlite3", "filelock", "platformdirs", "asyncio", "pathlib"} & set(sys.modules)
        assert not heavy, heavy
        versioned_lru_cache.stores.LocalStore(namespace="test")
        heavy = {"filelock", "platformdirs", "asyncio"} & set(sys.modules)
        assert not heavy, heavy
        """
    )


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"namespace": 3}, TypeError, "namespace=3: must be a str"),
        ({"namespace": ""}, ValueError, "namespace='': must name"),
        ({"path": b"bytes"}, TypeError, "path=b'bytes': must be a str"),
        ({"path": 3}, TypeError, "path=3: must be a str"),
        ({"max_bytes": 1.5}, TypeError, "max_bytes=1.5: must be an int"),
        ({"max_bytes": True}, TypeError, "max_bytes=True: must be an int"),
        ({"max_bytes": 1000}, ValueError, "max_bytes=1000: must be at least 1048576"),
        ({"read_only": 1}, TypeError, "read_only=1: must be a bool"),
    ],
)
def test_a_wrong_option_is_told(options: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        LocalStore(**{"namespace": "test", **options})


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"'versioned_lru_cache\.stores' has no attribute 'unknown'"):
        getattr(stores, "unknown")  # noqa: B009 - checkers know that there is none
    assert dir(stores) == sorted(stores.__all__)
    assert all(hasattr(stores, name) for name in stores.__all__)


@pytest.mark.child
@pytest.mark.skipif(sys.platform != "linux", reason="XDG_CACHE_HOME is of Linux")
def test_without_a_path_it_lies_in_the_users_cache_folder(tmp_path: Path) -> None:
    run_code(
        """
        from versioned_lru_cache.stores import LocalStore
        with LocalStore(namespace="test") as store:
            store.load(b"address")
        """,
        XDG_CACHE_HOME=str(tmp_path),
    )
    assert (tmp_path / "versioned-lru-cache" / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172")


def test_it_opens_again_after_close(store: LocalStore) -> None:
    assert put(store, 1)
    store.close()
    store.close()
    assert store.load(address(1)) == record(1)


def test_a_closed_store_leaves_one_complete_file(store: LocalStore) -> None:
    assert put(store, 1)
    path = database_of(store)
    store.close()
    beside = sorted(each for each in os.listdir(os.path.dirname(path)) if each != "leases")
    assert beside == [os.path.basename(path)]


def test_two_formats_live_side_by_side(store: LocalStore, tmp_path: Path) -> None:
    assert put(store, 1)
    (tmp_path / "store" / "format-2").mkdir(mode=0o700)
    (tmp_path / "store" / "format-2" / "records-3.sqlite3").write_bytes(b"of another release")
    assert store.load(address(1)) == record(1)
    assert store.prune(0) == 1
    assert (tmp_path / "store" / "format-2" / "records-3.sqlite3").read_bytes() == b"of another release"


def test_moving_the_folder_changes_nothing(tmp_path: Path) -> None:
    with LocalStore(tmp_path / "here", namespace="test") as store:
        assert put(store, 1)
        last = store.acquire(address(2), VERSION)
        assert last is not None
        store.release(last)
    shutil.move(tmp_path / "here", tmp_path / "there")
    with LocalStore(tmp_path / "there", namespace="test") as store:
        assert store.load(address(1)) == record(1)
        lease = store.acquire(address(2), VERSION)
        assert lease is not None
        assert lease.token > last.token
        store.release(lease)


def test_a_folder_that_is_removed_is_made_again(store: LocalStore, tmp_path: Path) -> None:
    assert put(store, 1)
    lease = store.acquire(address(2), VERSION)
    assert lease is not None
    shutil.rmtree(tmp_path / "store")
    assert not store.save(lease, record(2)), "the lease was noted in a database that is gone"
    assert store.load(address(1)) is None
    assert put(store, 1)
    with LocalStore(tmp_path / "store", namespace="test") as other:
        assert other.load(address(1)) == record(1)


def test_a_load_notices_within_a_second_that_the_folder_was_removed(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("versioned_lru_cache.stores._database.LOOK_SECONDS", 0.05)
    assert put(store, 1)
    shutil.rmtree(tmp_path / "store")
    time.sleep(0.1)
    assert store.load(address(1)) is None


# --- records


def test_a_lease_may_save_again(store: LocalStore) -> None:
    lease = store.acquire(address(1), VERSION)
    assert lease is not None
    assert store.save(lease, b"first")
    assert store.save(lease, b"second")
    assert store.load(address(1)) == b"second"
    store.release(lease)


def test_a_record_larger_than_the_bound_is_not_stored(store: LocalStore) -> None:
    assert not put(store, 1, 2**20 + 1)
    assert store.load(address(1)) is None
    assert put(store, 1)


def test_what_flipped_bits_have_made_no_bytes_is_missing(store: LocalStore) -> None:
    for number in range(4):
        assert put(store, number)
    with sqlite3.connect(database_of(store)) as connection:
        connection.execute("UPDATE records SET record = 7 WHERE address = ?", (address(0),))
        connection.execute("UPDATE records SET record = 'text' WHERE address = ?", (address(1),))
        connection.execute("UPDATE records SET used = 'soon' WHERE address = ?", (address(2),))
    connection.close()
    assert store.load(address(0)) is None
    # Text comes as the bytes that it is made of: its checksum tells whoever decodes it.
    assert store.load(address(1)) == b"text"
    assert store.load(address(2)) is None
    assert store.load(address(3)) == record(3)


def test_a_token_is_never_given_twice(store: LocalStore, tmp_path: Path) -> None:
    tokens = []
    for number in range(3):
        lease = store.acquire(address(number), VERSION)
        assert lease is not None
        tokens.append(lease.token)
        store.release(lease)
        store.clear_all()
        store.close()
    shutil.rmtree(tmp_path / "store")
    lease = store.acquire(address(1), VERSION)
    assert lease is not None
    tokens.append(lease.token)
    store.release(lease)
    assert tokens == sorted(set(tokens)), "not even in a database that was made anew"


# --- fences, as processes that know nothing of each other meet them; the contract has the rest


@pytest.fixture
def other(store: LocalStore, tmp_path: Path) -> Iterator[LocalStore]:
    with LocalStore(tmp_path / "store", namespace="test") as other:
        yield other


def test_what_was_deleted_meanwhile_is_not_saved(store: LocalStore, other: LocalStore) -> None:
    assert put(store, 1)
    lease = store.acquire(address(1), VERSION)
    assert lease is not None
    assert other.delete(address(1))
    assert not store.save(lease, b"computed before")
    assert other.load(address(1)) is None
    store.release(lease)
    assert put(store, 1)


def test_what_was_cleared_meanwhile_is_not_saved(store: LocalStore, other: LocalStore) -> None:
    lease = store.acquire(address(1), VERSION)
    assert lease is not None
    other.clear(address(1)[:16])
    assert not store.save(lease, b"computed before")
    assert other.load(address(1)) is None
    store.release(lease)
    assert put(store, 1)


def test_what_a_later_lease_has_saved_stays(store: LocalStore, other: LocalStore) -> None:
    earlier = store.acquire(address(1), b"version 1")
    later = other.acquire(address(1), b"version 2")
    assert earlier is not None
    assert later is not None
    assert other.save(later, b"of version 2")
    assert not store.save(earlier, b"of version 1")
    assert store.load(address(1)) == b"of version 2"
    store.release(earlier)
    other.release(later)


# --- the bound, and eviction


def test_the_bound_is_kept(store: LocalStore) -> None:
    for number in range(200):
        assert put(store, number, 20_000)
        assert store.stats().size <= 2**20, number
    assert store.stats().evicted > 100
    assert store.stats().records > 30
    assert os.path.getsize(database_of(store)) <= 2**20 + 50_000


def test_many_small_records_keep_the_bound_too(store: LocalStore) -> None:
    for number in range(3000):
        assert put(store, number, 700)
    found = store.stats()
    assert found.size <= 2**20
    assert found.records > 900
    assert store.check().ok


def test_what_was_used_least_recently_goes_first(store: LocalStore) -> None:
    for number in range(30):
        assert put(store, number, 20_000)
    with sqlite3.connect(database_of(store)) as connection:
        connection.execute("UPDATE records SET used = used - 3600")
    connection.close()
    used = {0, 3, 17}
    for number in used:
        assert store.load(address(number)) is not None
    for number in range(100, 130):
        assert put(store, number, 20_000)
    left = {number for number in range(30) if store.load(address(number)) is not None}
    assert used <= left
    assert 3 < len(left) < 25


def test_loads_write_nothing(store: LocalStore) -> None:
    for number in range(100):
        assert put(store, number)
    with sqlite3.connect(database_of(store)) as connection:
        before = connection.execute("PRAGMA data_version").fetchone()
        for _ in range(3):
            for number in range(100):
                assert store.load(address(number)) is not None
        assert connection.execute("PRAGMA data_version").fetchone() == before
    connection.close()


def test_what_only_reads_writes_the_times_of_access_by_and_by(store: LocalStore) -> None:
    assert put(store, 1)
    assert put(store, 2)
    with sqlite3.connect(database_of(store)) as connection:
        connection.execute("UPDATE records SET used = 1000")
        connection.commit()
        assert store.load(address(1)) is not None
        assert connection.execute("SELECT used FROM records").fetchall() == [(1000,), (1000,)]
        database = store._opened.database
        assert database is not None
        database._flush_at = time.monotonic()
        database.look_at = 0.0
        assert store.load(address(2)) is not None
        (first,), (second,) = connection.execute("SELECT used FROM records ORDER BY id").fetchall()
        assert abs(first - time.time()) < 60
        assert second == 1000
        store.close()
        (first,), (second,) = connection.execute("SELECT used FROM records ORDER BY id").fetchall()
        assert abs(second - time.time()) < 60
    connection.close()


def test_a_load_does_not_wait_to_write_times_of_access(store: LocalStore) -> None:
    assert put(store, 1)
    connection = sqlite3.connect(database_of(store), isolation_level=None)
    connection.execute("UPDATE records SET used = 1000")
    assert store.load(address(1)) is not None
    connection.execute("BEGIN IMMEDIATE")
    database = store._opened.database
    assert database is not None
    database._flush_at = time.monotonic()
    database.look_at = 0.0
    started = time.monotonic()
    assert store.load(address(1)) == record(1)
    assert time.monotonic() - started < 2.0
    connection.close()


# --- upkeep


def test_prune_evicts_down_to_a_bound_and_gives_the_disk_back(store: LocalStore) -> None:
    for number in range(40):
        assert put(store, number, 20_000)
    assert store.prune() == 0
    before = os.path.getsize(database_of(store))
    removed = store.prune(300_000)
    assert removed > 20
    assert store.stats().size <= 300_000
    assert os.path.getsize(database_of(store)) < before / 2
    assert store.prune(0) == 40 - removed
    assert store.stats().records == 0
    with pytest.raises(ValueError, match="max_bytes=-1: must be None or a number"):
        store.prune(-1)


def test_clear_all_removes_all_and_fences_all(store: LocalStore) -> None:
    for number in range(40):
        assert put(store, number, 20_000)
    assert store.prune() == 0
    before = os.path.getsize(database_of(store))
    lease = store.acquire(b"\xff" * 32, VERSION)
    assert lease is not None
    store.clear_all()
    assert not store.save(lease, b"old")
    store.release(lease)
    assert store.stats()[:1] == (0,)
    assert store.stats().leases == 0
    assert os.path.getsize(database_of(store)) < before / 2


def test_stats_tell_what_is_there(store: LocalStore) -> None:
    assert put(store, 1)
    lease = store.acquire(address(2), VERSION)
    assert lease is not None
    found = store.stats()
    assert (found.records, found.leases, found.max_bytes) == (1, 1, 2**20)
    assert (found.evicted, found.set_aside, found.journal) == (0, 0, "wal")
    store.release(lease)
    assert store.stats().leases == 0
    store.close()
    assert found.size == os.path.getsize(database_of(store))


def test_a_write_that_others_hold_up_for_too_long_is_an_error(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("versioned_lru_cache.stores._database.BUSY_SECONDS", 0.2)
    assert put(store, 1)
    store.close()
    lease = store.acquire(address(2), VERSION)
    assert lease is not None
    connection = sqlite3.connect(database_of(store), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        store.save(lease, record(2))
    assert time.monotonic() - started < 3.0
    assert store.load(address(1)) == record(1), "readers do not wait"
    connection.close()
    assert store.save(lease, record(2)), "the lease is still there"
    store.release(lease)


def test_an_sqlite_that_is_too_old_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 7, 17))
    with pytest.raises(sqlite3.NotSupportedError, match=r"needs SQLite 3\.24\.0 or newer, not 3\."):
        LocalStore(tmp_path / "store", namespace="test").load(address(1))


def test_damage_that_is_met_while_times_of_access_are_written_is_survived(store: LocalStore) -> None:
    assert put(store, 1)
    connection = sqlite3.connect(database_of(store), isolation_level=None)
    connection.execute("UPDATE records SET used = 1000")
    assert store.load(address(1)) is not None
    connection.execute("DROP INDEX by_use")
    connection.execute("ALTER TABLE records RENAME COLUMN used TO lost")
    connection.close()
    database = store._opened.database
    assert database is not None
    database._flush_at = time.monotonic()
    database.look_at = 0.0
    assert store.load(address(1)) is None
    assert store.stats().set_aside == 1


def test_it_says_what_it_is(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, namespace="shop", read_only=True)
    assert repr(store) == f"<LocalStore 'shop' in {str(tmp_path)!r}, read-only>"
    assert repr(LocalStore(namespace="shop")) == "<LocalStore 'shop' in the user's cache folder>"
