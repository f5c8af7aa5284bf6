"""`versions.tree`: a change of files below a folder is seen by the next session."""

from __future__ import annotations

import builtins
import os
import socket
import sys
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.versions.test_files import BOTH, needs_links, out_of_reach, write
from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache.versions import tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@BOTH
def test_a_change_below_a_folder_is_seen_by_the_next_session(tmp_path: Path, digest: bool) -> None:
    runs: list[int] = []

    @versioned_lru_cache(tree(tmp_path, "**/*.txt", digest=digest))
    def all_text() -> str:
        runs.append(1)
        return " ".join(path.read_text() for path in sorted(tmp_path.rglob("*.txt")))

    def as_is() -> str:
        with session():
            return all_text()

    assert (as_is(), as_is(), len(runs)) == ("", "", 1)
    write(tmp_path / "a.txt", "one")
    assert (as_is(), as_is(), len(runs)) == ("one", "one", 2)
    write(tmp_path / "b" / "c" / "d.txt", "deep")
    assert (as_is(), as_is(), len(runs)) == ("one deep", "one deep", 3)
    write(tmp_path / "b" / "c" / "d.txt", "deeper")
    assert (as_is(), as_is(), len(runs)) == ("one deeper", "one deeper", 4)
    (tmp_path / "b" / "c" / "d.txt").rename(tmp_path / "b" / "e.txt")
    assert (as_is(), as_is(), len(runs)) == ("one deeper", "one deeper", 5)
    (tmp_path / "a.txt").unlink()
    assert (as_is(), as_is(), len(runs)) == ("deeper", "deeper", 6)
    write(tmp_path / "b" / "c" / "d.csv", "no match")
    (tmp_path / "empty").mkdir()
    assert (as_is(), len(runs)) == ("deeper", 6)


MATCHES = [
    ("**/*", {"a.csv", "b.txt", ".hidden", "x/a.csv", "x/y/a.csv", "x/y/[z].csv", "z/a1"}),
    ("**", {"a.csv", "b.txt", ".hidden", "x/a.csv", "x/y/a.csv", "x/y/[z].csv", "z/a1"}),
    ("*", {"a.csv", "b.txt", ".hidden"}),
    ("*.csv", {"a.csv"}),
    ("**/*.csv", {"a.csv", "x/a.csv", "x/y/a.csv", "x/y/[z].csv"}),
    ("**/**/*.csv", {"a.csv", "x/a.csv", "x/y/a.csv", "x/y/[z].csv"}),
    ("x/*", {"x/a.csv"}),
    ("x/**/*", {"x/a.csv", "x/y/a.csv", "x/y/[z].csv"}),
    ("**/y/*", {"x/y/a.csv", "x/y/[z].csv"}),
    ("**/y/**/a.csv", {"x/y/a.csv"}),
    ("*/*/*", {"x/y/a.csv", "x/y/[z].csv"}),
    ("?/a?", {"z/a1"}),
    ("**/[ab].*", {"a.csv", "b.txt", "x/a.csv", "x/y/a.csv"}),
    ("**/[[]z].csv", {"x/y/[z].csv"}),
    ("x/y/a.csv", {"x/y/a.csv"}),
    ("x", set()),
    ("nothing/*", set()),
]


@pytest.mark.parametrize(("pattern", "matching"), MATCHES)
def test_which_files_a_pattern_is_about(tmp_path: Path, pattern: str, matching: set[str]) -> None:
    names = set().union(*(found for _, found in MATCHES))
    for name in names:
        write(tmp_path / name, "one")
    version = tree(tmp_path, pattern)
    about = set()
    for name in sorted(names):
        before = version()
        write(tmp_path / name, "another")
        if version() != before:
            about.add(name)
    assert about == matching


def test_the_patterns_of_these_tests_mean_what_they_mean_to_pathlib(tmp_path: Path) -> None:
    names = set().union(*(found for _, found in MATCHES))
    for name in names:
        write(tmp_path / name, "one")
    for pattern, matching in MATCHES:
        # Before Python 3.13 ** at the end is about folders only.
        found = tmp_path.glob(pattern + "/*" if pattern == "**" else pattern)
        assert {path.relative_to(tmp_path).as_posix() for path in found if path.is_file()} == matching, pattern


@pytest.mark.thread_unsafe(reason="changes a function of the system")
@BOTH
def test_the_order_in_which_the_system_lists_files_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: bool
) -> None:
    for number in range(30):
        write(tmp_path / str(number % 3) / str(number), str(number))
    plain = os.scandir

    @contextmanager
    def scandir(path: Any, *, backward: bool) -> Iterator[Any]:
        with plain(path) as entries:
            yield sorted(entries, key=lambda each: each.name, reverse=backward)

    versions = []
    for backward in (False, True):
        monkeypatch.setattr(os, "scandir", partial(scandir, backward=backward))
        versions.append(tree(tmp_path, digest=digest)())
    assert versions[0] == versions[1]


def test_what_is_in_the_files_does_not_stand_for_what_is_in_others(tmp_path: Path) -> None:
    version, seen = tree(tmp_path, digest=True), set()
    for names in ({"a": "x", "b": "y"}, {"a": "y", "b": "x"}, {"a": "xy", "b": ""}, {"ab": "x"}, {"a/b": "x"}, {}):
        for path in sorted(tmp_path.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        for name, text in names.items():
            write(tmp_path / name, text)
        seen.add(version())
    assert len(seen) == 6


@BOTH
def test_a_folder_that_is_not_there_has_the_version_none(tmp_path: Path, digest: bool) -> None:
    version = tree(tmp_path / "later", digest=digest)
    assert version() is None
    (tmp_path / "later").mkdir()
    empty = version()
    assert empty is not None
    write(tmp_path / "later" / "a", "")
    assert version() not in (None, empty)


def test_a_file_in_the_folders_place_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a", "one")
    with pytest.raises(NotADirectoryError if sys.platform != "win32" else OSError):
        tree(tmp_path / "a")()


@pytest.mark.thread_unsafe(reason="changes a function of the system")
def test_a_folder_out_of_reach_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "inner" / "a", "one")
    out_of_reach("scandir", monkeypatch, tmp_path / "inner")
    with pytest.raises(PermissionError):
        tree(tmp_path)()
    assert tree(tmp_path, "*.csv")() == tree(tmp_path, "*.txt")()  # No need to look into it.


@needs_links
def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "a", "one")
    folder = tmp_path / "folder"
    folder.mkdir()
    version = tree(folder)
    seen = [version()]
    (folder / "round").symlink_to(folder)
    (folder / "out").symlink_to(tmp_path / "outside")
    (folder / "nowhere").symlink_to(tmp_path / "nothing")
    assert version() == seen[0]
    (folder / "a").symlink_to(tmp_path / "outside" / "a")
    seen.append(version())
    write(tmp_path / "outside" / "a", "another")
    seen.append(version())
    assert len(set(seen)) == 3
    (tmp_path / "link").symlink_to(folder)
    assert tree(tmp_path / "link")() == version()


@pytest.mark.thread_unsafe(reason="changes the working directory")
@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="a system without sockets in folders")
@BOTH
def test_what_is_no_regular_file_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: bool) -> None:
    before = tree(tmp_path, digest=digest)()
    monkeypatch.chdir(tmp_path)  # The name of a socket has to be short.
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
        assert tree(tmp_path, digest=digest)() == before


@pytest.mark.thread_unsafe(reason="changes a function of the system")
@BOTH
@pytest.mark.parametrize("step", ["scandir", "stat", "open"])
def test_what_vanishes_while_it_is_looked_at_counts_as_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: bool, step: str
) -> None:
    """All that is in the folder is taken away right before each call, one by one, that the walk makes."""
    owner: Any = builtins if step == "open" else os
    plain = getattr(owner, step)
    for moment in range(12):
        folder = tmp_path / str(moment)
        for name in ("a", "b/c", "b/d/e"):
            write(folder / name, "one")
        calls = 0

        def vanishing(path: Any, *more: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == moment + 2:  # noqa: B023
                for name in ("a", "b/c", "b/d/e", "b/d", "b"):
                    place = folder / name  # noqa: B023
                    if place.is_dir():
                        place.rmdir()
                    else:
                        place.unlink(missing_ok=True)
            return plain(path, *more, **options)

        monkeypatch.setattr(owner, step, vanishing)
        version = tree(folder, digest=digest)
        assert version() is not None
        monkeypatch.setattr(owner, step, plain)
        assert version() == tree(folder, "nothing", digest=digest)() or calls < moment + 2


def test_it_can_be_asked_while_others_write(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path / str(number % 4) / str(number), "one")
    done = threading.Event()

    def come_and_go() -> None:
        number = 0
        while not done.is_set():
            path = tmp_path / str(number % 4) / str(number % 20)
            path.unlink(missing_ok=True)
            write(path, "two")
            number += 1

    writer = threading.Thread(target=come_and_go)
    writer.start()
    try:
        for digest in (False, True):
            for _ in range(100):
                assert tree(tmp_path, digest=digest)()
    finally:
        done.set()
        writer.join()
    assert tree(tmp_path, digest=True)() == tree(tmp_path, digest=True)()


def test_the_folder_may_depend_on_the_call(tmp_path: Path) -> None:
    runs: list[str] = []

    @versioned_lru_cache(tree(lambda region: tmp_path / region, "*.csv"))
    def count(region: str) -> int:
        runs.append(region)
        return len(list((tmp_path / region).glob("*.csv")))

    write(tmp_path / "north" / "a.csv", "one")
    assert [count("north"), count("south"), count("north")] == [1, 0, 1]
    write(tmp_path / "south" / "a.csv", "one")
    assert [count("north"), count("south")] == [1, 1]
    assert runs == ["north", "south", "south"]
