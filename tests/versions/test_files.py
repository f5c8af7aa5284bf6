"""`versions.file`: a change of a file is seen by the next session."""

from __future__ import annotations

import builtins
import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache.versions import file, tree

if TYPE_CHECKING:
    from collections.abc import Callable

BOTH = pytest.mark.parametrize("digest", [False, True])
needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


def at(moment: int, path: Path) -> None:
    """Give a file a time of its own, as if it had been written then."""
    os.utime(path, ns=(moment * 10**9, moment * 10**9))


def write(path: Path, text: str, moment: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if moment:
        at(moment, path)


# --- file


@BOTH
def test_a_change_is_seen_by_the_next_session(tmp_path: Path, digest: bool) -> None:
    path, runs = tmp_path / "report.csv", []
    write(path, "one")

    @versioned_lru_cache(file(path, digest=digest))
    def report() -> str:
        runs.append(1)
        return path.read_text()

    with session():
        assert report() == "one"
        write(path, "another")
        assert report() == "one"
    for _ in range(3):
        with session():
            assert report() == "another"
    assert len(runs) == 2


@BOTH
def test_a_file_that_is_not_there_is_a_version_like_any_other(tmp_path: Path, digest: bool) -> None:
    path, runs = tmp_path / "report.csv", []

    @versioned_lru_cache(file(path, digest=digest))
    def report() -> str | None:
        runs.append(1)
        return path.read_text() if path.exists() else None

    assert file(path, digest=digest)() is None
    assert [report() for _ in range(3)] == [None] * 3
    assert len(runs) == 1
    write(path, "")
    assert [report() for _ in range(3)] == [""] * 3
    assert len(runs) == 2
    path.unlink()
    assert report() is None


def test_the_version_is_what_the_file_system_tells(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, "one")
    told = path.stat()
    assert file(path)() == (told.st_mtime_ns, told.st_ctime_ns, told.st_size, told.st_ino, told.st_dev)


def test_each_part_of_what_the_file_system_tells_counts(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, "one", moment=1000)
    seen = [file(path)()]
    write(path, "two", moment=2000)  # another time
    seen.append(file(path)())
    write(path, "three", moment=2000)  # another size
    seen.append(file(path)())
    write(tmp_path / "b", "eight", moment=2000)  # another file of the same time and size
    os.replace(tmp_path / "b", path)
    seen.append(file(path)())
    assert len(set(seen)) == 4


@pytest.mark.thread_unsafe(reason="changes a function of the system")
def test_what_takes_the_place_of_os_stat_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system in memory does it, with which programs are tested."""
    path, real = tmp_path / "data.txt", os.stat
    path.write_text("text")
    version = file(path)
    before = version()
    monkeypatch.setattr(os, "stat", lambda path, **options: real(tmp_path.parent / "no such file"))
    assert version() is None
    monkeypatch.setattr(os, "stat", lambda path, **options: real(__file__))
    assert version() != before
    monkeypatch.undo()
    assert version() == before


@pytest.mark.skipif(sys.platform == "win32", reason="times before 1970")
def test_times_before_their_beginning_are_times_like_others(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("text")
    os.utime(path, ns=(-5, -5))
    version = file(path)
    first = version()
    assert isinstance(first, tuple)
    assert first[0] == -5
    os.utime(path, ns=(5, 5))
    assert version() != first


@pytest.mark.skipif(sys.platform == "win32", reason="no time of the last change of status there")
def test_times_that_were_set_back_hide_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, "one", moment=1000)
    before = path.stat()
    seen = file(path)()
    # The file system's clock may stand still for some milliseconds, and only then are the two alike.
    for number in range(10**6):
        write(path, f"{number % 900 + 100}", moment=1000)
        if path.stat().st_ctime_ns != before.st_ctime_ns:
            break
    after = path.stat()
    assert (before.st_mtime_ns, before.st_size, before.st_ino) == (after.st_mtime_ns, after.st_size, after.st_ino)
    assert file(path)() != seen


def test_a_digest_is_about_the_content_only(tmp_path: Path) -> None:
    path = tmp_path / "a"
    version = file(path, digest=True)
    write(path, "one", moment=1000)
    one = version()
    before = path.stat()
    write(path, "two", moment=1000)
    two = version()
    assert path.stat().st_size == before.st_size
    assert one != two
    write(tmp_path / "b", "one", moment=5000)
    os.replace(tmp_path / "b", path)
    assert version() == one
    write(path, "")
    assert version() not in (one, two, None)


def test_a_digest_reads_all_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    seen = set()
    for place in (0, (1 << 20) - 1, 1 << 20, (1 << 21) + 6):
        data = bytearray((1 << 21) + 7)
        data[place] = 1
        path.write_bytes(data)
        seen.add(file(path, digest=True)())
    assert len(seen) == 4


@BOTH
@needs_links
def test_a_link_is_about_what_it_leads_to(tmp_path: Path, digest: bool) -> None:
    current = tmp_path / "current"
    version = file(current, digest=digest)
    current.symlink_to(tmp_path / "v1")
    assert version() is None
    write(tmp_path / "v1", "one")
    write(tmp_path / "v2", "two")
    one = version()
    current.unlink()
    current.symlink_to(tmp_path / "v2")
    assert len({None, one, version()}) == 3


@BOTH
def test_a_folder_is_refused_because_its_times_say_little(tmp_path: Path, digest: bool) -> None:
    with pytest.raises(IsADirectoryError, match=r"versions\.tree") as raised:
        file(tmp_path, digest=digest)()
    assert raised.value.filename == str(tmp_path)


@BOTH
@pytest.mark.skipif(sys.platform == "win32", reason="not found, there")
def test_other_errors_go_to_the_caller_and_lose_nothing(tmp_path: Path, digest: bool) -> None:
    folder, runs = tmp_path / "folder", []
    path = folder / "a"
    write(path, "one")

    @versioned_lru_cache(file(path, digest=digest))
    def read() -> str:
        runs.append(1)
        return path.read_text()

    assert read() == "one"
    folder.rename(tmp_path / "aside")
    folder.write_text("")
    with pytest.raises(NotADirectoryError):
        read()
    folder.unlink()
    (tmp_path / "aside").rename(folder)
    assert read() == "one"
    assert len(runs) == 1


def out_of_reach(what: str, monkeypatch: pytest.MonkeyPatch, *places: Path) -> None:
    """Let a function of the system refuse these, as it would for all but root."""
    owner: Any = builtins if what == "open" else os
    plain = getattr(owner, what)

    def refusing(path: Any, *more: Any, **options: Any) -> Any:
        if not isinstance(path, int) and Path(path) in places:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return plain(path, *more, **options)

    monkeypatch.setattr(owner, what, refusing)


@pytest.mark.thread_unsafe(reason="changes a function of the system")
@pytest.mark.parametrize(("what", "digest"), [("stat", False), ("stat", True), ("open", True)])
def test_a_file_out_of_reach_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, digest: bool
) -> None:
    write(tmp_path / "a", "one")
    out_of_reach(what, monkeypatch, tmp_path / "a")
    for version in (file(tmp_path / "a", digest=digest), tree(tmp_path, digest=digest)):
        with pytest.raises(PermissionError):
            version()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes in folders")
def test_a_pipe_does_not_keep_anybody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert file(tmp_path / "pipe")()
    with pytest.raises(OSError, match="No regular file"):
        file(tmp_path / "pipe", digest=True)()
    write(tmp_path / "a", "one")
    assert tree(tmp_path, digest=True)() == tree(tmp_path, "a", digest=True)()


@pytest.mark.thread_unsafe(reason="changes the working directory")
def test_a_relative_path_is_looked_up_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "one" / "a", "one")
    version = file("a")
    monkeypatch.chdir(tmp_path)
    assert version() == (str(tmp_path / "a"), None)
    monkeypatch.chdir(tmp_path / "one")
    assert version() == (str(tmp_path / "one" / "a"), file(tmp_path / "one" / "a")())


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
@BOTH
def test_a_name_that_is_no_text(tmp_path: Path, digest: bool) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(path)).write_text("one")
    assert file(os.fsdecode(path), digest=digest)()
    before = tree(tmp_path, digest=digest)()
    Path(os.fsdecode(path)).write_text("another")
    assert tree(tmp_path, digest=digest)() != before


# --- wrong use

WRONG: list[tuple[Callable[..., Any], str, Any, type[Exception], str]] = [
    (file, "path", 5, TypeError, "must be a str or os.PathLike"),
    (file, "path", None, TypeError, "must be a str or os.PathLike"),
    (file, "path", "", ValueError, "must name something"),
    (file, "path", "a\0b", ValueError, "null character"),
    (file, "digest", 1, TypeError, "True or False"),
    (tree, "path", 5, TypeError, "must be a str or os.PathLike"),
    (tree, "path", "", ValueError, "must name something"),
    (tree, "digest", "sha1", TypeError, "True or False"),
    (tree, "pattern", None, TypeError, "must be a str"),
    (tree, "pattern", "", ValueError, "below the folder"),
    (tree, "pattern", "/etc/*", ValueError, "below the folder"),
    (tree, "pattern", "../*", ValueError, "below the folder"),
    (tree, "pattern", "a/./b", ValueError, "below the folder"),
    (tree, "pattern", "a/", ValueError, "below the folder"),
    (tree, "pattern", "a**", ValueError, "stand alone"),
]


@pytest.mark.parametrize(("make", "parameter", "value", "kind", "allowed"), WRONG)
def test_wrong_use_is_told_at_once(
    make: Callable[..., Any], parameter: str, value: Any, kind: type[Exception], allowed: str
) -> None:
    with pytest.raises(kind) as raised:
        make(**{"path": "a", parameter: value})
    assert type(raised.value) is kind
    assert all(word in str(raised.value) for word in (f"{parameter}={value!r}", allowed)), str(raised.value)
