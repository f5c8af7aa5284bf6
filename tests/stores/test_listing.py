"""LocalStore.records: all records once, a few at a time, whatever their rows hold."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import LocalStore, _database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.thread_unsafe(reason="the threads of a test would share its folder")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with LocalStore(tmp_path / "store", namespace="test") as store:
        yield store


def put(store: LocalStore, address: bytes, record: bytes) -> None:
    lease = store.acquire(address, b"version")
    assert lease is not None
    assert store.save(lease, record)
    store.release(lease)


def test_all_are_listed_whatever_is_read_at_once(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {b"%03d" % number: 1 + 997 * number % 5000 for number in range(150)}
    for address, size in sizes.items():
        put(store, address, os.urandom(size))
    monkeypatch.setattr(_database, "READ_BYTES_AT_ONCE", 6000)
    found = [(record.address, record.size) for record in store.records()]
    assert found == list(sizes.items())


def test_large_records_are_read_one_by_one(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_database, "READ_BYTES_AT_ONCE", 1000)
    for number in range(3):
        put(store, b"%d" % number, bytes(1000))
    with store._opened.current().pool.one() as connection:
        assert [row[1] for row in _database.some_records(connection, -1)] == [b"0"]


def test_what_is_saved_over_is_listed_once_and_what_is_deleted_meanwhile_not(store: LocalStore) -> None:
    for number in range(200):
        put(store, b"%03d" % number, b"record")
    listing = store.records()
    first = [next(listing).address for _ in range(10)]
    put(store, b"000", b"another")
    store.delete(b"199")
    rest = [record.address for record in listing]
    assert [*first, *rest] == [b"%03d" % number for number in range(199)]


def test_a_row_that_holds_no_bytes_is_a_problem_and_no_error(store: LocalStore) -> None:
    @versioned_lru_cache("1", store=store, name="price")
    def price(item: str) -> str:
        return item

    price("tea")
    put(store, b"number", b"record")
    put(store, b"text", b"record")
    with sqlite3.connect(store._opened.current().path) as connection:
        connection.execute("UPDATE records SET record = 7 WHERE address = ?", (b"number",))
        connection.execute("UPDATE records SET record = 'text' WHERE address = ?", (b"text",))
    connection.close()
    good, number, text = store.records()
    assert (good.function, good.namespace, good.version, good.problem) == ("price", "test", "'1'", None)
    assert (number.address, number.size, number.problem) == (b"number", 0, "its row is damaged")
    assert text.problem is not None
