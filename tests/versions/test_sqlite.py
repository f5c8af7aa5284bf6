"""`versions.sqlite` of a path: each commit is seen by the next session, in both journal modes, from all processes."""

from __future__ import annotations

import gc
import os
import sqlite3
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs import sqlite_writers
from tests.support.child import run
from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache.versions import sqlite
from versioned_lru_cache.versions._sqlite_commits import _watches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODES = pytest.mark.parametrize("mode", ["delete", "wal"])
INSERT = "INSERT INTO sales VALUES (1)"


@contextmanager
def connected(path: Path, **options: Any) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, **options)) as connection:
        yield connection


def make(path: Path, mode: str) -> Path:
    with connected(path) as connection:
        assert connection.execute(f"PRAGMA journal_mode={mode}").fetchone() == (mode,)
        connection.execute("CREATE TABLE sales (amount)")
        connection.commit()
    return path


def write(path: Path, statement: str = INSERT) -> None:
    """Write by a connection of this process that is opened for it."""
    with connected(path) as connection:
        connection.execute(statement)
        connection.commit()


def write_elsewhere(path: Path, statement: str = INSERT) -> None:
    """Write by another process."""
    run(sqlite_writers.write, str(path), statement)


def count(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("SELECT count(*) FROM sales").fetchone()[0]
    return found


def cached(version: Any, source: Path | sqlite3.Connection) -> Callable[[], tuple[int, int]]:
    """Return a cached function that counts rows, with the number of its runs."""
    runs: list[int] = []

    @versioned_lru_cache(version)
    def counted() -> tuple[int, int]:
        runs.append(1)
        if isinstance(source, sqlite3.Connection):
            return count(source), len(runs)
        with connected(source) as connection:
            return count(connection), len(runs)

    return counted


# --- a path


@MODES
@pytest.mark.parametrize("writing", [write, write_elsewhere])
def test_a_commit_is_seen_by_the_next_session(tmp_path: Path, mode: str, writing: Callable[..., None]) -> None:
    path = make(tmp_path / "a.db", mode)
    counted = cached(sqlite(path), path)
    with session():
        assert counted() == (0, 1)
        writing(path)
        assert counted() == (0, 1)
    for _ in range(3):
        with session():
            assert counted() == (1, 2)
    for number in range(2, 5):
        writing(path)
        assert counted() == counted() == (number, number + 1)


@MODES
def test_all_kinds_of_change_are_seen(tmp_path: Path, mode: str) -> None:
    path = make(tmp_path / "a.db", mode)
    version = sqlite(path)
    seen = [version()]
    statements = [
        INSERT,
        "UPDATE sales SET amount = 2",
        "CREATE TABLE others (name)",
        "PRAGMA user_version = 3",
        "DROP TABLE others",
        "DELETE FROM sales",
        "INSERT INTO sales VALUES (zeroblob(4))",
    ]
    for statement in statements:
        write(path, statement)
        seen.append(version())
        assert version() == seen[-1]
    if sys.version_info >= (3, 11):
        with connected(path) as connection:
            with connection.blobopen("sales", "amount", 1) as blob:
                blob.write(b"data")
            connection.commit()
            seen.append(version())
    assert len(set(seen)) == len(statements) + 1 + (sys.version_info >= (3, 11))


@MODES
def test_a_connection_that_stays_open_and_writes_is_seen(tmp_path: Path, mode: str) -> None:
    path = make(tmp_path / "a.db", mode)
    with connected(path) as connection:
        counted = cached(sqlite(path), connection)
        for number in range(5):
            assert counted() == counted() == (number, number + 1)
            connection.execute(INSERT)
            connection.commit()


@MODES
def test_what_is_not_committed_is_no_new_version(tmp_path: Path, mode: str) -> None:
    path = make(tmp_path / "a.db", mode)
    version = sqlite(path)
    with connected(path) as connection:
        before = version()
        connection.execute(INSERT)
        assert version() == before
        connection.rollback()
        assert version() == before
        connection.execute(INSERT)
        connection.commit()
        assert version() != before


@MODES
def test_a_checkpoint_is_no_new_version(tmp_path: Path, mode: str) -> None:
    path = make(tmp_path / "a.db", mode)
    version = sqlite(path)
    with connected(path) as connection:
        connection.execute(INSERT)
        connection.commit()
        before = version()
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        assert version() == before
    assert version() == before


@MODES
def test_it_leaves_nothing_behind(tmp_path: Path, mode: str) -> None:
    """What is in the write-ahead log gets into the file, also if the version function is the last to go."""
    path = make(tmp_path / "a.db", mode)
    version = sqlite(path)
    version()
    with connected(path) as connection:
        connection.execute(INSERT)
        connection.commit()
        version()
        names = {each.name for each in tmp_path.iterdir()}
        assert names == ({"a.db"} if mode == "delete" else {"a.db", "a.db-wal", "a.db-shm"})
    del version
    gc.collect()
    assert list(tmp_path.iterdir()) == [path]
    os.rename(path, tmp_path / "b.db")
    with connected(tmp_path / "b.db") as connection:
        assert count(connection) == 1


def test_the_journal_mode_may_change(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", "delete")
    version = sqlite(path)
    seen = [version()]
    write(path, "PRAGMA journal_mode=WAL")
    for _ in range(3):
        write(path)
        seen.append(version())
    assert len(set(seen)) == 4


@pytest.mark.parametrize("mode", ["truncate", "persist", "memory", "off"])
def test_other_journal_modes(tmp_path: Path, mode: str) -> None:
    path = make(tmp_path / "a.db", "delete")
    version = sqlite(path)
    with connected(path) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        seen = [version()]
        for _ in range(3):
            connection.execute(INSERT)
            connection.commit()
            seen.append(version())
    assert len(set(seen)) == 4


def test_a_database_that_is_not_there_is_a_version_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    version = sqlite(path)
    assert version() is None
    assert not path.exists()
    path.write_bytes(b"")
    empty = version()
    assert empty is not None
    make(path, "wal")
    assert version() not in (None, empty)


@MODES
@pytest.mark.skipif(sys.platform == "win32", reason="what is open stays where it is, there")
def test_a_file_put_in_its_place_is_seen(tmp_path: Path, mode: str) -> None:
    """Both have had as many commits, and the connections to both count from the same number."""
    path = make(tmp_path / "a.db", mode)
    version = sqlite(path)
    seen = [version()]
    for number in range(3):
        os.replace(make(tmp_path / "b.db", mode), path)
        seen.append(version())
        assert version() == seen[-1]
        if number:
            path.unlink()
            assert version() is None
            make(path, mode)
            seen.append(version())
            write(path)
            seen.append(version())
    assert len(set(seen)) == len(seen) == 8


@pytest.mark.skipif(sys.platform == "win32", reason="what is open stays where it is, there")
def test_the_journal_of_a_file_put_in_its_place_is_left_alone(tmp_path: Path) -> None:
    """The end of a connection to the old file would remove the new one's journal, which has the same name."""
    path = make(tmp_path / "a.db", "wal")
    version = sqlite(path)
    before = version()
    for leftover in (f"{path}-wal", f"{path}-shm"):
        Path(leftover).unlink(missing_ok=True)
    os.replace(make(tmp_path / "b.db", "wal"), path)
    with connected(path) as connection:
        connection.execute(INSERT)
        connection.commit()
        assert version() != before
        assert Path(f"{path}-wal").stat().st_size > 0
        with connected(path) as other:
            assert count(other) == 1


@MODES
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_a_writer_that_died_does_not_stand_in_the_way(tmp_path: Path, mode: str) -> None:
    path = make(tmp_path / "a.db", mode)
    write(path)
    counted = cached(sqlite(path), path)
    assert counted() == (1, 1)
    for runs in (2, 3):
        run(sqlite_writers.die_in_a_transaction, str(path), exit_code=-9)
        if mode == "delete":
            assert Path(f"{path}-journal").stat().st_size > 512
        seen = sqlite(path)()
        assert counted()[0] == runs - 1
        assert sqlite(path)() == seen
        write(path)
        assert counted()[0] == runs


def test_a_lock_that_is_held_too_long_is_an_error_that_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: plain(*args, **{"timeout": 0.0, **options}))
    path = make(tmp_path / "a.db", "delete")
    counted = cached(sqlite(path), path)
    assert counted() == (0, 1)
    with connected(path) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            counted()
        connection.rollback()
    assert counted() == (0, 1)


def test_what_is_no_database_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("no database, " * 1000)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        sqlite(path)()
    with pytest.raises(sqlite3.OperationalError):
        sqlite(tmp_path)()


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "a?mode=memory", "a#b.db", "ä.db", "file.db"])
def test_a_name_with_signs_that_mean_something_in_a_uri(tmp_path: Path, name: str) -> None:
    path = make(tmp_path / name, "delete")
    version = sqlite(path)
    before = version()
    write(path)
    assert version() != before is not None


@MODES
def test_threads_share_one_state_of_it(tmp_path: Path, mode: str) -> None:
    path = make(tmp_path / "a.db", mode)
    version = sqlite(path)
    seen: list[list[Any]] = []
    barrier = threading.Barrier(5, timeout=60)

    def ask() -> None:
        own: list[Any] = []
        for _ in range(10):
            barrier.wait()
            own.append(version())
            barrier.wait()
        seen.append(own)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        barrier.wait()
        barrier.wait()
        write(path)
    for thread in threads:
        thread.join()
    assert all(own == seen[0] for own in seen)
    assert len(set(seen[0])) == 10


@MODES
def test_no_commit_is_missed_while_others_ask(tmp_path: Path, mode: str) -> None:
    """Whoever asks after a commit never gets a version from before it."""
    path = make(tmp_path / "a.db", mode)
    version = sqlite(path)
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            version()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        with connected(path, timeout=60) as connection:
            seen = {version()}
            for number in range(2, 60):
                connection.execute(INSERT)
                connection.commit()
                seen.add(version())
                assert len(seen) == number
    finally:
        done.set()
        for thread in threads:
            thread.join()


@pytest.mark.thread_unsafe(reason="counts what all threads make")
def test_its_connection_is_closed_with_the_last_function_that_uses_it(tmp_path: Path) -> None:
    gc.collect()
    before = len(_watches)
    path = make(tmp_path / "a.db", "delete")
    opened = []
    plain = sqlite3.connect

    class Noted(sqlite3.Connection):
        closed = False

        def close(self) -> None:
            self.closed = True
            super().close()

    def noting(*args: Any, **options: Any) -> Any:
        opened.append(plain(*args, factory=Noted, **options))
        return opened[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", noting)
        functions = [versioned_lru_cache(sqlite(path))(lambda: 1) for _ in range(3)]
        assert [each() for each in functions] == [1, 1, 1]
    assert [each.closed for each in opened] == [False]
    assert len(_watches) == before + 1
    functions.clear()
    gc.collect()
    assert [each.closed for each in opened] == [True]
    assert len(_watches) == before


def test_its_connection_is_closed_before_the_collector_comes_to_it(tmp_path: Path) -> None:
    """Since Python 3.13 a connection complains if it is collected open; pytest makes an error of that."""
    for number in range(20):
        path = make(tmp_path / f"{number}.db", "delete")
        cached: Any = versioned_lru_cache(sqlite(path))(lambda: 1)
        cached.itself = cached
        assert cached() == 1
        del cached
        gc.collect()


# --- wrong use


@pytest.mark.parametrize(
    ("given", "kind", "allowed"),
    [
        (5, TypeError, "must be a str or os.PathLike, or a sqlite3.Connection"),
        (None, TypeError, "must be a str or os.PathLike, or a sqlite3.Connection"),
        (lambda: "a", TypeError, "must be a str or os.PathLike, or a sqlite3.Connection"),
        ("", ValueError, "must name something"),
        (":memory:", ValueError, "give the connection"),
        ("file:a.db?mode=ro", ValueError, "give the connection"),
    ],
)
def test_wrong_use_is_told_at_once(given: Any, kind: type[Exception], allowed: str) -> None:
    with pytest.raises(kind) as raised:
        sqlite(given)
    assert type(raised.value) is kind
    assert all(word in str(raised.value) for word in (f"path_or_connection={given!r}", allowed)), str(raised.value)
