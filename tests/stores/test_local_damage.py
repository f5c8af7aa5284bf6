"""A damaged database is set aside and made anew; a full disk is an error and leaves a sound store."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests import ROOT
from tests.programs import local_stores
from tests.programs.local_stores import VERSION, address, record
from tests.support.child import run, run_code
from versioned_lru_cache.stores import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.thread_unsafe(reason="the threads of a test would share its folder, and have their own")
# `make stress-stores` does so with more.
FILES = int(os.environ.get("STORE_DAMAGES", "24"))


def fill(path: Path, numbers: range = range(300)) -> None:
    with LocalStore(path, namespace="test") as store:
        for number in numbers:
            put(store, number)


def put(store: LocalStore, number: int) -> None:
    lease = store.acquire(address(number), VERSION)
    assert lease is not None
    assert store.save(lease, record(number))
    store.release(lease)


def database_in(path: Path) -> Path:
    return max(path.glob("format-1/records-*.sqlite3"))


# --- kinds of damage: each is given the file's bytes


def truncated(data: bytearray, drawn: random.Random) -> None:
    del data[drawn.randrange(len(data)) :]


def truncated_to_a_page(data: bytearray, drawn: random.Random) -> None:
    del data[drawn.randrange(len(data) // 4096) * 4096 :]


def overwritten(data: bytearray, drawn: random.Random) -> None:
    length = drawn.randrange(1, 10_000)
    start = drawn.randrange(len(data))
    data[start : start + length] = drawn.randbytes(len(data[start : start + length]))


def zeroed(data: bytearray, drawn: random.Random) -> None:
    start = drawn.randrange(len(data) // 4096) * 4096
    data[start : start + 4096] = bytes(4096)


def flipped(data: bytearray, drawn: random.Random) -> None:
    for _ in range(drawn.choice([1, 1, 8, 64])):
        data[drawn.randrange(len(data))] ^= 1 << drawn.randrange(8)


def flipped_at_the_begin(data: bytearray, drawn: random.Random) -> None:
    data[drawn.randrange(100)] ^= 1 << drawn.randrange(8)


def all_of_it(data: bytearray, drawn: random.Random) -> None:
    data[:] = drawn.randbytes(len(data))


DAMAGES: list[Callable[[bytearray, random.Random], None]] = [
    truncated,
    truncated_to_a_page,
    overwritten,
    zeroed,
    flipped,
    flipped,
    flipped_at_the_begin,
    all_of_it,
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "store"
    fill(path)
    return path


@pytest.mark.child
@pytest.mark.parametrize("seed", range(FILES))
def test_a_damaged_file_is_survived(sound: Path, tmp_path: Path, seed: int) -> None:
    path = tmp_path / "store"
    shutil.copytree(sound, path)
    drawn = random.Random(seed)
    file = database_in(path)
    data = bytearray(file.read_bytes())
    DAMAGES[seed % len(DAMAGES)](data, drawn)
    file.write_bytes(data)
    run(local_stores.survives_what_was_done_to_its_file, str(path), seed)


@pytest.mark.child
@pytest.mark.parametrize("seed", range(FILES // 4))
def test_a_damaged_log_is_survived(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "store"
    # Killed, so that all is in the log.
    run_code(
        f"""
        import os
        from tests.programs.local_stores import *
        store = LocalStore({str(path)!r}, namespace="test")
        for number in range(300):
            lease = store.acquire(address(number), VERSION)
            assert store.save(lease, record(number))
            store.release(lease)
        os._exit(0)
        """
    )
    (log,) = path.glob("format-1/*-wal")
    data = bytearray(log.read_bytes())
    DAMAGES[seed % len(DAMAGES)](data, random.Random(seed))
    log.write_bytes(data)
    run(local_stores.survives_what_was_done_to_its_file, str(path), seed)


@pytest.mark.skipif(sys.platform == "win32", reason="there an open file can't be overwritten")
@pytest.mark.child
@pytest.mark.parametrize("seed", range(FILES // 6))
def test_a_file_that_is_damaged_while_it_is_open_is_survived(tmp_path: Path, seed: int) -> None:
    drawn = random.Random(seed)
    path = tmp_path / "store"
    code = f"from tests.programs.local_stores import *\ngoes_on_while_its_file_is_damaged({str(path)!r})"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            for _ in range(3):
                time.sleep(drawn.random() * 0.3)
                file = database_in(path)
                size = file.stat().st_size
                with file.open("r+b") as opened:
                    if drawn.random() < 0.3:
                        opened.truncate(drawn.randrange(size))
                    else:
                        opened.seek(drawn.randrange(size))
                        opened.write(drawn.randbytes(20_000))
            process.wait(60)
        finally:
            process.kill()
    assert process.returncode == 0


def destroy(path: Path) -> None:
    """Overwrite the pages of a database that is open, but for those of the begin, which connections remember."""
    file = database_in(path)
    data = bytearray(file.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    file.write_bytes(data)


def test_a_damaged_database_is_set_aside_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "store"
    fill(path)
    first = database_in(path)
    destroy(path)
    with LocalStore(path, namespace="test") as store:
        for number in range(300):
            assert store.load(address(number)) is None
        assert store.stats().set_aside == 1
        assert first.exists(), "it is kept, to be looked at"
        assert "malformed" in first.with_name(f"{first.name}.damaged").read_text()
        put(store, 1)
        assert store.load(address(1)) == record(1)
        assert store.check().ok
    second = database_in(path)
    assert second > first
    destroy(path)
    with LocalStore(path, namespace="test") as store:
        assert store.load(address(1)) is None
        assert not first.exists(), "only the last one is kept"
        assert not first.with_name(f"{first.name}.damaged").exists()
        assert second.exists()


def test_all_stores_leave_a_database_that_one_has_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "store"
    fill(path, range(3))
    with LocalStore(path, namespace="test") as one, LocalStore(path, namespace="test") as other:
        assert other.load(address(1)) == record(1)
        lease = other.acquire(address(1), VERSION)
        assert lease is not None
        database = one._opened.current()
        one._opened.heal(database, "for a test")
        assert one.load(address(1)) is None or one._opened.current().path != database.path
        assert one._opened.current().path != database.path
        assert other.save(lease, b"into the old one") is False, "its lease was noted in the old one"
        assert one.load(address(1)) is None
        other.release(lease)
        put(other, 2)
        assert one.load(address(2)) == record(2)
        assert (one.stats().set_aside, other.stats().set_aside) == (1, 0)


def test_a_foreign_database_in_its_place_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "store"
    fill(path, range(3))
    file = database_in(path)
    file.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE records (mine)")
        connection.execute("PRAGMA application_id = 77")
    connection.close()
    with LocalStore(path, namespace="test") as store:
        assert store.load(address(1)) is None
        assert store.stats().set_aside == 1
        put(store, 1)
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("records",)]
    connection.close()


def test_a_header_of_a_later_format_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "store"
    fill(path, range(3))
    file = database_in(path)
    data = bytearray(file.read_bytes())
    data[18] = 66  # SQLite reads such a file and does not write it
    file.write_bytes(data)
    with LocalStore(path, namespace="test") as store:
        put(store, 1)
        assert store.load(address(1)) == record(1)
        assert store.stats().set_aside == 1


def test_check_finds_what_no_call_has_met(tmp_path: Path) -> None:
    path = tmp_path / "store"
    fill(path)
    file = database_in(path)
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        # An index of other rows: sound pages that contradict each other.
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, '(used)', '(token)') WHERE name = 'by_use'")
    connection.close()
    with LocalStore(path, namespace="test") as store:
        assert store.load(address(1)) == record(1)
        found = store.check()
        assert not found.ok
        assert "by_use" in found.problems[0]
        assert found.records == 300
        assert store.stats().set_aside == 1
        assert store.check().ok
        assert store.load(address(1)) is None


def test_check_of_a_read_only_store_only_tells(tmp_path: Path) -> None:
    path = tmp_path / "store"
    fill(path)
    destroy(path)
    with LocalStore(path, namespace="test", read_only=True) as store:
        assert not store.check().ok
        assert not store.check().ok
        with pytest.raises(sqlite3.DatabaseError):
            [store.load(address(number)) for number in range(300)]
    assert not list(path.rglob("*.damaged"))


# --- a full disk


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root mounts")
@pytest.mark.child
def test_a_full_disk_is_an_error_and_leaves_a_sound_store(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)], check=True)
    try:
        (tmp_path / "ballast").write_bytes(bytes(2**20))
        done = run(local_stores.uses_a_store_on_a_full_disk, str(tmp_path))
        saved, _ = map(int, done.stdout.split())
        assert saved > 20
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="limits are of POSIX")
@pytest.mark.child
def test_files_that_may_not_grow_are_an_error_and_leave_a_sound_store(tmp_path: Path) -> None:
    """The same without a mount: beyond this limit writes fail."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    code = f"""
        import resource, signal
        from tests.programs.local_stores import *
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        path = {str(tmp_path)!r}
        store = LocalStore(path + "/store", namespace="test")
        store.load(address(1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, {hard}))
        import sqlite3
        saved, refused = [], 0
        while refused < 10:
            number = len(saved) + refused
            try:
                lease = store.acquire(address(number), VERSION)
                if store.save(lease, record(number)):
                    saved.append(number)
                store.release(lease)
            except (OSError, sqlite3.Error):
                refused += 1
        assert saved
        assert all(store.load(address(number)) == record(number) for number in saved)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({soft}, {hard}))
        assert store.check().ok
        lease = store.acquire(address(9999), VERSION)
        assert store.save(lease, record(9999))
        store.close()
        """
    run_code(code)
