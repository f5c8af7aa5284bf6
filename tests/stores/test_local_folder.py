"""The folder of a local store: whom it has to belong to, and stores that are only read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.programs.local_stores import VERSION, address, record
from tests.support.child import run_code
from versioned_lru_cache.stores import LocalStore, _folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.thread_unsafe(reason="the threads of a test would share its folder, and have their own")
posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners are of POSIX")
as_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files to others, and mounts"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with one record, closed."""
    with LocalStore(tmp_path / "store", namespace="test") as store:
        fill(store)
    return tmp_path / "store"


def fill(store: LocalStore, number: int = 1) -> None:
    lease = store.acquire(address(number), VERSION)
    assert lease is not None
    assert store.save(lease, record(number))
    store.release(lease)


def entries(folder: Path) -> dict[str, tuple[int, int]]:
    found = [(each, each.lstat()) for each in sorted(folder.rglob("*"))]
    return {str(each): (stats.st_mtime_ns, stats.st_size) for each, stats in found}


# --- whom it belongs to


@posix
def test_nobody_else_may_look_in(folder: Path) -> None:
    for each in (folder, folder / "format-1", folder / "format-1" / "leases"):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700, each
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


@posix
@pytest.mark.parametrize("mode", [0o770, 0o702, 0o720, 0o777, 0o1777], ids=oct)
@pytest.mark.parametrize("inner", ["", "format-1", "format-1/leases"])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_folder_that_others_may_write_to_is_refused(folder: Path, mode: int, inner: str, read_only: bool) -> None:
    (folder / inner).chmod(mode)
    if read_only and inner == "format-1/leases":
        return  # It has none.
    store = LocalStore(folder, namespace="test", read_only=read_only)
    with pytest.raises(PermissionError, match=f"others may write to the folder .mode {mode:04o}.*chmod go-w"):
        store.load(address(1))
    (folder / inner).chmod(0o700)
    assert store.load(address(1)) == record(1)
    store.close()


@posix
def test_a_folder_that_others_may_read_is_not_refused(folder: Path) -> None:
    folder.chmod(0o755)
    with LocalStore(folder, namespace="test") as store:
        assert store.load(address(1)) == record(1)


@as_root
@pytest.mark.parametrize("read_only", [False, True])
def test_a_folder_of_another_user_is_refused(folder: Path, read_only: bool) -> None:
    os.chown(folder, 12345, 0)
    store = LocalStore(folder, namespace="test", read_only=read_only)
    with pytest.raises(PermissionError, match="the folder is user 12345's, and this process is user 0's"):
        store.load(address(1))


@posix
@pytest.mark.parametrize("read_only", [False, True])
def test_a_symlink_in_its_place_is_refused(folder: Path, tmp_path: Path, read_only: bool) -> None:
    (tmp_path / "link").symlink_to(folder)
    store = LocalStore(tmp_path / "link", namespace="test", read_only=read_only)
    with pytest.raises(NotADirectoryError, match="a symlink stands where the store's folder should be"):
        store.load(address(1))
    folder.joinpath("format-1").rename(tmp_path / "elsewhere")
    folder.joinpath("format-1").symlink_to(tmp_path / "elsewhere")
    store = LocalStore(folder, namespace="test", read_only=read_only)
    with pytest.raises(NotADirectoryError, match="a symlink stands"):
        store.load(address(1))


@posix
def test_a_folder_above_may_be_a_symlink(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with LocalStore(tmp_path / "link" / "store", namespace="test") as store:
        assert store.load(address(1)) == record(1)


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("something")
    store = LocalStore(tmp_path / "store", namespace="test")
    with pytest.raises(NotADirectoryError, match="a file stands where"):
        store.load(address(1))


@pytest.mark.parametrize("package", ["filelock", "platformdirs"])
def test_a_package_that_is_missing_is_named(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, package, None)
    store = LocalStore(namespace="test")
    with pytest.raises(ImportError, match=rf"versioned-lru-cache\[local\].*{package}"):
        store.load(address(1))
    assert list(tmp_path.iterdir()) == []


# --- locks


@pytest.mark.parametrize("answers", [(True, True), (False,)], ids=["granted to all", "granted to none"])
def test_a_file_system_whose_locks_do_not_work_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: tuple[bool, ...]
) -> None:
    left = list(answers)
    monkeypatch.setattr("filelock.lock_descriptor", lambda _, blocking: left.pop(0))
    store = LocalStore(tmp_path / "store", namespace="test")
    with pytest.raises(OSError, match="locks do not work on this file system"):
        store.load(address(1))
    assert list((tmp_path / "store" / "format-1" / "leases").iterdir()) == []


def test_a_file_system_that_knows_no_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int, *, blocking: bool) -> bool:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("filelock.lock_descriptor", refuse)
    with pytest.raises(OSError, match="locks do not work on this file system"):
        LocalStore(tmp_path / "store", namespace="test").load(address(1))


@pytest.mark.skipif(sys.platform != "linux", reason="locks of open files are of Linux")
def test_a_file_system_without_locks_of_ranges_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    assert _folder.locks_work(tmp_path)
    monkeypatch.setattr(fcntl, "fcntl", lambda *_: b"")
    assert not _folder.locks_work(tmp_path)


def test_a_file_of_an_opening_that_was_killed_goes_a_minute_later(folder: Path) -> None:
    left, of_another = (folder / "format-1" / "leases" / f"{_folder.PROBE}{number}" for number in range(2))
    for each in (left, of_another):
        each.touch()
    os.utime(left, (0, 0))
    with LocalStore(folder, namespace="test") as store:
        assert store.load(address(1)) == record(1)
    assert not left.exists()
    assert of_another.exists(), "its maker may be at work"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
def test_network_file_systems_have_a_rollback_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _folder._on_network(tmp_path)
    monkeypatch.setattr(_folder, "NETWORK", frozenset([file_system_of(tmp_path)]))
    assert _folder._on_network(tmp_path)
    with LocalStore(tmp_path / "store", namespace="test") as store:
        fill(store)
        assert store.load(address(1)) == record(1)
        assert store.stats().journal == "delete"
        assert not list((tmp_path / "store").rglob("*-wal"))
        with LocalStore(tmp_path / "store", namespace="test", read_only=True) as reader:
            assert reader.load(address(1)) == record(1)
            store.delete(address(1))
            assert reader.load(address(1)) is None


def file_system_of(path: Path) -> str:
    return (
        subprocess.run(["stat", "--file-system", "--format=%T", str(path)], capture_output=True, text=True, check=True)
        .stdout.strip()
        .replace("ext2/ext3", "ext4")
    )


# --- only to be read


@pytest.fixture
def read_only(folder: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy on a file system that can't be written, as in an image."""
    image = tmp_path / "image"
    image.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(image)], check=True)
    try:
        shutil.copytree(folder, image / "store")
        subprocess.run(["mount", "-o", "remount,ro", str(image)], check=True)
        yield image / "store"
    finally:
        subprocess.run(["umount", str(image)], check=True)


def test_a_read_only_store_reads_and_changes_nothing(folder: Path) -> None:
    before = entries(folder)
    with LocalStore(folder, namespace="test", read_only=True) as store:
        assert store.load(address(1)) == record(1)
        assert store.load(address(2)) is None
        lease = store.acquire(address(2), VERSION)
        assert lease is not None
        again = store.acquire(address(2), VERSION)
        assert again is not None, "each process computes for itself"
        store.wait(address(2), VERSION, 60)
        assert store.save(lease, record(2)) is False
        store.release(lease)
        assert store.load(address(2)) is None
        assert store.stats()[:1] == (1,)
        assert store.stats().journal == "read-only"
        assert store.check().ok
        for change in (lambda: store.delete(address(1)), lambda: store.clear(b""), store.clear_all, store.prune):
            with pytest.raises(PermissionError, match="read-only"):
                change()
    assert entries(folder) == before


@posix
def test_a_folder_without_write_permission_is_enough(folder: Path) -> None:
    below = [folder, folder / "format-1", *(folder / "format-1").glob("records-*")]
    for each in below:
        each.chmod(each.stat().st_mode & ~0o222)
    try:
        with LocalStore(folder, namespace="test", read_only=True) as store:
            assert store.load(address(1)) == record(1)
            assert store.check().ok
    finally:
        for each in below:
            each.chmod(each.stat().st_mode | 0o200)


@as_root
def test_a_read_only_file_system_is_enough(read_only: Path) -> None:
    with LocalStore(read_only, namespace="test", read_only=True) as store:
        assert store.load(address(1)) == record(1)
        assert store.load(address(2)) is None
        assert store.check().ok
    with pytest.raises(OSError, match=r"Read-only file system|readonly database|locks do not work|unable to open"):
        LocalStore(read_only, namespace="test").load(address(1))


@as_root
@pytest.mark.child
def test_another_user_reads_an_image_of_root(folder: Path) -> None:
    with TemporaryDirectory() as image:
        copy = shutil.copytree(folder, f"{image}/store")
        os.chmod(image, 0o755)
        os.chmod(copy, 0o755)
        os.chmod(f"{copy}/format-1", 0o755)
        for each in os.listdir(f"{copy}/format-1"):
            os.chmod(f"{copy}/format-1/{each}", 0o644 if each.startswith("records-") else 0o700)
        code = f"""
            import os
            import filelock  # while it may be read
            from versioned_lru_cache.stores import LocalStore
            os.chdir("/")
            with LocalStore({copy!r}, namespace="test", read_only=True) as store:
                store.load(b"any")  # imports the rest
            os.setuid(12345)
            with LocalStore({copy!r}, namespace="test", read_only=True) as store:
                assert store.load({address(1)!r}) == {record(1)!r}
            try:
                LocalStore({copy!r}, namespace="test").load({address(1)!r})
            except PermissionError as error:
                assert "the folder is user 0's, and this process is user 12345's" in str(error), error
            else:
                raise AssertionError("its owner could plant results")
            """
        run_code(code)


def test_a_read_only_store_sees_what_others_write(folder: Path) -> None:
    writer = LocalStore(folder, namespace="test")
    with LocalStore(folder, namespace="test", read_only=True) as store:
        assert store.load(address(1)) == record(1)
        # It reads an unlocked file so far. Once others write it has to read their log.
        fill(writer, 2)
        store._opened.current()
        assert store.load(address(2)) == record(2)
        writer.delete(address(1))
        assert store.load(address(1)) is None
        writer.close()
        store._opened.current()
        assert store.load(address(2)) == record(2)


def test_a_read_only_store_without_a_database_says_so(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store", namespace="test", read_only=True)
    with pytest.raises(FileNotFoundError, match="has to be made before, by a store that writes"):
        store.load(address(1))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "store").mkdir(mode=0o700)
    (tmp_path / "store" / "format-1").mkdir(mode=0o700)
    with pytest.raises(FileNotFoundError, match="has no database yet"):
        store.load(address(1))


@as_root
def test_a_copy_of_a_store_in_use_is_told(folder: Path, tmp_path: Path) -> None:
    writer = LocalStore(folder, namespace="test")
    fill(writer, 2)
    image = tmp_path / "image"
    image.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(image)], check=True)
    try:
        shutil.copytree(folder, image / "store", ignore=shutil.ignore_patterns("*-shm"))
        subprocess.run(["mount", "-o", "remount,ro", str(image)], check=True)
        store = LocalStore(image / "store", namespace="test", read_only=True)
        with pytest.raises(sqlite3.OperationalError, match="copied while a store was open"):
            store.load(address(1))
    finally:
        writer.close()
        subprocess.run(["umount", str(image)], check=True)
