"""`versions.sqlite` of a connection: what it commits is seen, and what others do, and no transaction leaves traces."""

from __future__ import annotations

import sqlite3
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.versions.test_sqlite import INSERT, MODES, cached, connected, make, write, write_elsewhere
from versioned_lru_cache import session
from versioned_lru_cache.versions import sqlite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@MODES
@pytest.mark.parametrize("writing", [write, write_elsewhere])
def test_a_commit_of_another_is_seen_on_a_connection(tmp_path: Path, mode: str, writing: Callable[..., None]) -> None:
    path = make(tmp_path / "a.db", mode)
    with connected(path) as connection:
        counted = cached(sqlite(connection), connection)
        for number in range(4):
            assert counted() == counted() == (number, number + 1)
            writing(path)


@MODES
@pytest.mark.parametrize("level", ["", None, "IMMEDIATE"])
def test_its_own_commits_are_seen(tmp_path: Path, mode: str, level: str | None) -> None:
    path = make(tmp_path / "a.db", mode)
    with connected(path, isolation_level=level) as connection:
        counted = cached(sqlite(connection), connection)
        for number in range(4):
            assert counted() == counted() == (number, number + 1)
            connection.execute(INSERT)
            connection.commit()


def test_a_database_in_memory() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE sales (amount)")
        counted = cached(sqlite(connection), connection)
        for number in range(4):
            assert counted() == counted() == (number, number + 1)
            connection.execute(INSERT)
            connection.commit()


def test_each_kind_of_own_change_is_seen() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE sales (amount)")
        version = sqlite(connection)
        seen = [version()]
        statements = [
            INSERT,
            "UPDATE sales SET amount = 1",
            "CREATE TABLE others (name)",
            "PRAGMA user_version = 3",
            "ALTER TABLE others ADD COLUMN age",
            "DROP TABLE others",
            "DELETE FROM sales",
        ]
        for statement in statements:
            connection.execute(statement)
            connection.commit()
            seen.append(version())
            assert version() == seen[-1]
        with closing(sqlite3.connect(":memory:")) as other:
            other.backup(connection)
        seen.append(version())
        assert len(set(seen)) == len(statements) + 2


@MODES
def test_a_transaction_that_is_rolled_back_leaves_no_result_behind(tmp_path: Path, mode: str) -> None:
    path = make(tmp_path / "a.db", mode)
    with connected(path) as connection:
        counted = cached(sqlite(connection), connection)
        assert counted()[0] == 0
        connection.execute(INSERT)
        assert counted()[0] == 1  # sees what is not committed yet
        connection.rollback()
        assert counted()[0] == 0
        connection.execute(INSERT)
        assert counted()[0] == 1
        connection.commit()
        assert counted()[0] == 1


def test_a_transaction_that_is_as_far_as_another_was_is_not_the_same() -> None:
    """The counts of changes are equal, the data is not."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE sales (amount)")
        counted = cached(sqlite(connection), connection)
        connection.execute("BEGIN")
        connection.execute(INSERT)
        assert counted()[0] == 1
        connection.execute("ROLLBACK")
        connection.execute("BEGIN")
        assert counted()[0] == 0
        connection.execute(INSERT)
        connection.execute("SAVEPOINT inner_one")
        connection.execute(INSERT)
        assert counted()[0] == 2
        connection.execute("ROLLBACK TO inner_one")
        assert counted()[0] == 1
        connection.execute("COMMIT")
        assert counted()[0] == 1
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE others (name)")
        during = sqlite(connection)()
        connection.execute("ROLLBACK")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE more (name)")
        assert sqlite(connection)() != during
        connection.execute("ROLLBACK")


def test_a_session_in_a_transaction_has_one_state_of_it() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE sales (amount)")
        counted = cached(sqlite(connection), connection)
        connection.execute(INSERT)
        with session() as current:
            assert counted() == counted() == (1, 1)
            connection.execute(INSERT)
            assert counted() == (1, 1)
            current.renew()
            assert counted() == (2, 2)
        connection.rollback()
        assert counted() == (0, 3)


def test_attached_databases_count(tmp_path: Path) -> None:
    one, two = make(tmp_path / "one.db", "delete"), make(tmp_path / "two.db", "wal")
    with closing(sqlite3.connect(":memory:")) as connection:
        version = sqlite(connection)
        seen = [version()]
        connection.execute('ATTACH ? AS "we""ird [x]"', (str(one),))
        seen.append(version())
        write(one)
        seen.append(version())
        connection.execute('DETACH "we""ird [x]"')
        connection.execute('ATTACH ? AS "we""ird [x]"', (str(two),))
        seen.append(version())
        write_elsewhere(two)
        seen.append(version())
        connection.execute('INSERT INTO "we""ird [x]".sales VALUES (1)')
        connection.commit()
        seen.append(version())
        assert len(set(seen)) == 6


def test_how_the_user_reads_rows_does_not_matter() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE sales (amount)")
        version = sqlite(connection)
        before = version()
        connection.row_factory = lambda cursor, row: {"row": row}
        assert version() == before
        connection.text_factory = bytearray
        assert version() == before
        assert hash(version()) == hash(before)


def test_two_connections_never_share_a_version() -> None:
    with closing(sqlite3.connect(":memory:")) as one, closing(sqlite3.connect(":memory:")) as other:
        assert sqlite(one)() != sqlite(other)()


def test_errors_of_a_connection_go_to_the_caller(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", "delete")
    with connected(path) as connection:
        version = sqlite(connection)
        raised: list[BaseException] = []

        def ask() -> None:
            try:
                version()
            except sqlite3.ProgrammingError as error:
                raised.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        assert "thread" in str(raised)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        version()


def test_threads_may_share_a_connection_that_allows_it(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", "delete")
    with connected(path, check_same_thread=False) as connection:
        version = sqlite(connection)
        before, seen = version(), []
        thread = threading.Thread(target=lambda: seen.append(version()))
        thread.start()
        thread.join()
        assert seen == [before]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no autocommit before")
def test_a_connection_that_is_always_in_a_transaction_is_refused() -> None:
    options: dict[str, Any] = {"autocommit": False}
    with (
        closing(sqlite3.connect(":memory:", **options)) as connection,
        pytest.raises(ValueError, match=r"autocommit=False.*give the path"),
    ):
        sqlite(connection)
