"""What all ready-made version functions have in common: one for equal configurations, what they take, how they show."""

from __future__ import annotations

import gc
import inspect
import os
import sqlite3
import threading
import urllib.request
import weakref
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.child import run_code
from versioned_lru_cache import session, versioned_lru_cache, versioned_lru_cache_with_ttl, versions
from versioned_lru_cache.versions import all_of, counter, file, http_etag, sqlite, tags, tree
from versioned_lru_cache.versions._version_function import _known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPENER = urllib.request.build_opener()


def by_region(region: str) -> str:
    return f"{region}.csv"


def a_version() -> int:
    return 1


class HasAPath:
    def path(self, region: str) -> str:
        return region


DATA = HasAPath()

NO_VERSION_FUNCTIONS = {"bump", "set_max_names"}

MADE: list[Callable[[], Any]] = [
    lambda: file("a.csv"),
    lambda: file("a.csv", digest=True),
    lambda: file(by_region),
    lambda: file(by_region, digest=True),
    lambda: file(DATA.path),
    lambda: tree("a"),
    lambda: tree("a", "*.csv"),
    lambda: tree("a", digest=True),
    lambda: tree(by_region),
    lambda: sqlite("a.db"),
    lambda: http_etag("http://localhost/a"),
    lambda: http_etag("http://localhost/a", timeout=5),
    lambda: http_etag("http://localhost/a", headers={"Accept": "text/csv"}),
    lambda: http_etag("http://localhost/a", opener=OPENER),
    lambda: http_etag(by_region),
    lambda: counter("a.csv"),
    lambda: counter(by_region),
    lambda: counter(DATA.path),
    lambda: tags("a.csv", "b.csv"),
    lambda: tags(by_region),
    lambda: all_of(a_version),
    lambda: all_of(a_version, 1),
    lambda: all_of(a_version, True),
    lambda: all_of(a_version, 1.0),
    lambda: all_of(1, a_version),
    lambda: all_of(a_version, None),
    lambda: all_of(a_version, file("a.csv")),
    lambda: all_of(a_version, file("b.csv")),
]


@pytest.mark.parametrize("make", MADE)
def test_equal_configurations_are_one_version_function(make: Callable[[], Any]) -> None:
    made = make()
    assert make() is made


def test_other_configurations_are_others() -> None:
    made = [make() for make in MADE]
    assert len({id(each) for each in made}) == len(made)


def test_the_same_however_it_is_written() -> None:
    assert file("a.csv") is file(Path("a.csv")) is file(path=b"a.csv")  # type: ignore[arg-type]
    assert tree("a") is tree(Path("a"), "**/*", digest=False)
    assert sqlite("a.db") is sqlite(Path("a.db"))
    assert tags("a", "b") is tags("b", "a", "b") is not tags("a") is counter("a")
    one, other = {"accept": "a", "X-Y": "b"}, {"X-y": "b", "Accept": "a"}
    assert http_etag("http://localhost/", headers=one) is http_etag("http://localhost/", headers=other)
    with sqlite3.connect(":memory:") as connection:
        assert sqlite(connection) is sqlite(connection)
    connection.close()


def test_functions_over_one_file_see_one_state_of_it_in_a_session(tmp_path: Path) -> None:
    path = tmp_path / "prices"
    path.write_text("1")

    def cached(function: Callable[[str], object]) -> Callable[[], object]:
        return versioned_lru_cache(file(path))(lambda: function(path.read_text()))

    number, text = cached(int), cached(str)
    with session() as current:
        assert number() == 1
        path.write_text("20")
        assert text() == "20"
        assert len({version for names in current.values() for version in names.values()}) == 1
    with session():
        assert number() == 20


def test_many_threads_that_make_one_at_a_time_get_the_same() -> None:
    made: list[list[Any]] = []
    barrier = threading.Barrier(4)

    def make() -> None:
        barrier.wait(30)
        made.append([file(f"of-threads-{number}") for number in range(200)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    for each in made:
        assert all(one is other for one, other in zip(made[0], each, strict=True))


def test_it_lives_as_long_as_a_function_that_uses_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    cached = versioned_lru_cache(file(path))(path.read_text)
    alive = weakref.ref(file(path))
    gc.collect()
    assert cached() == "1"
    assert alive() is file(path)
    del cached
    gc.collect()
    assert alive() is None


@pytest.mark.thread_unsafe(reason="counts what all threads make")
def test_nothing_stays_of_those_that_nobody_uses() -> None:
    gc.collect()
    before = len(_known)
    kept = [make() for make in MADE]
    assert len(_known) > before
    for number in range(1000):
        file(f"{number}.csv")
        file(lambda number=number: f"{number}.csv")
        counter(str(number))
        tags(lambda number=number: f"{number}.csv")
        all_of(file(str(number)), number)
    kept.clear()
    gc.collect()
    assert len(_known) == before


def test_one_of_a_callable_that_died_is_not_found_by_another_at_its_address() -> None:
    for number in range(100):
        assert "partial" in repr(file(partial(str, number)))
        version = file(partial(by_region, f"none-{number}"))
        assert version() == (os.path.abspath(f"none-{number}.csv"), None)


# --- where their answers come from


class Tenant:
    """Whose data it is now, as a request or a working directory says."""

    name = "one"


def tenants(folder: Path) -> Iterator[tuple[Any, Callable[[str], None]]]:
    """Yield version functions that are about what is the tenant's now, and how the two come to be alike."""

    def path() -> Path:
        return folder / Tenant.name

    def equal(name: str) -> None:
        (folder / name).write_text("equal")

    def empty(name: str) -> None:
        (folder / name).mkdir()

    def nothing(name: str) -> None:
        pass

    yield file(path), nothing
    yield file(path, digest=True), nothing
    yield file(path, digest=True), equal
    yield tree(path), nothing
    yield tree(path), empty
    yield tree(path, digest=True), empty
    yield all_of(file(path), tree(path)), nothing
    yield counter(lambda: Tenant.name), nothing
    yield tags(lambda: Tenant.name), nothing


@pytest.mark.thread_unsafe(reason="one tenant for all threads")
@pytest.mark.parametrize("case", range(9))
def test_two_that_are_alike_are_not_taken_for_each_other(tmp_path: Path, case: int) -> None:
    version, prepare = list(tenants(tmp_path))[case]
    served_each_its_own(version, prepare)


def served_each_its_own(version: Any, prepare: Callable[[str], None]) -> None:
    f: Any = versioned_lru_cache(version)(lambda: [Tenant.name])
    for name in ("one", "two"):
        prepare(name)
    for name in ("one", "two", "two", "one"):
        Tenant.name = name
        with session():
            assert f() == [name]
            assert f() is f()
    Tenant.name = "two"
    assert f() == ["two"]
    assert f() is f(), "what has not changed is served"
    Tenant.name = "one"


@pytest.mark.thread_unsafe(reason="changes the working directory")
@pytest.mark.parametrize(
    "make",
    [
        lambda: file("a"),
        lambda: file("a", digest=True),
        lambda: tree("a"),
        lambda: sqlite("a"),
        lambda: file(lambda: "a"),
    ],
)
def test_a_relative_path_is_another_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[], Any]
) -> None:
    version = make()
    seen: list[object] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        seen += [version(), version()]
    assert seen[0] == seen[1] != seen[2] == seen[3]


@pytest.mark.thread_unsafe(reason="changes the working directory")
@pytest.mark.skipif(os.name == "nt", reason="nobody can remove a working directory there")
def test_a_working_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert file("a")() == ("a", None)


# --- what they take


def test_what_is_asked_of_one_thing_takes_nothing() -> None:
    for version in (file("a"), tree("a"), sqlite("a"), http_etag("http://localhost/")):
        assert str(inspect.signature(version)) == "()"
        with pytest.raises(TypeError):
            version(1)


def test_what_is_asked_of_a_callable_takes_what_that_takes() -> None:
    assert list(inspect.signature(file(by_region)).parameters) == ["region"]
    assert list(inspect.signature(tree(DATA.path)).parameters) == ["region"]
    assert list(inspect.signature(tags(by_region)).parameters) == ["region"]
    assert str(inspect.signature(file(lambda *a, **k: "a"))) == "(*a, **k)"
    assert str(inspect.signature(file(lambda: "a"))) == "()"


def test_a_callable_gets_the_arguments_of_the_call(tmp_path: Path) -> None:
    (tmp_path / "north").write_text("1")
    (tmp_path / "south").write_text("2")
    runs: list[str] = []

    @versioned_lru_cache(file(lambda region: tmp_path / region))
    def total(region: str) -> int:
        runs.append(region)
        return int((tmp_path / region).read_text())

    assert (total("north"), total("south")) == (1, 2)
    (tmp_path / "north").write_text("10")
    assert (total("north"), total("south")) == (10, 2)
    assert total(region="south") == 2
    assert runs == ["north", "south", "north"]


def test_a_callable_that_takes_nothing_is_called_once_per_session(tmp_path: Path) -> None:
    config = {"path": tmp_path / "a"}
    asked: list[Path] = []

    def configured() -> Path:
        asked.append(config["path"])
        return config["path"]

    @versioned_lru_cache(file(configured))
    def read(x: int) -> str:
        return config["path"].read_text()

    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with session():
        assert (read(1), read(2)) == ("a", "a")
    assert len(asked) == 1
    config["path"] = tmp_path / "b"
    with session():
        assert (read(1), read(2)) == ("b", "b")


def test_with_the_original_decorator_one_that_names_arguments_is_asked_for_each(tmp_path: Path) -> None:
    (tmp_path / "north").write_text("1")
    (tmp_path / "south").write_text("2")
    g: dict[str, object] = {}

    def forget() -> None:
        g.clear()

    @versioned_lru_cache_with_ttl(
        proxy_to_session_context_object=g,
        generate_version_func=file(lambda region: tmp_path / region),
        module_name="m",
        cache_max_size=10,
    )
    def total(region: str) -> int:
        return int((tmp_path / region).read_text())

    assert (total("north"), total("south")) == (1, 2)
    (tmp_path / "south").write_text("20")
    assert (total("north"), total("south")) == (1, 2)
    forget()
    assert (total("north"), total("south")) == (1, 20)


def test_a_callable_that_can_not_take_the_arguments_is_told_at_decoration() -> None:
    with pytest.raises(TypeError, match=r"<versions\.file\(.*by_region.*\)> can't take the arguments of"):
        versioned_lru_cache(file(by_region))(lambda: 1)


async def awaited() -> str:
    return "a"


def yielded() -> Any:
    yield "a"


@pytest.mark.parametrize("make", [file, tree, http_etag, counter, tags])
def test_a_callable_that_returns_no_plain_answer_is_refused(make: Any) -> None:
    for function, kind in ((awaited, "coroutine function"), (yielded, "generator function")):
        with pytest.raises(TypeError, match=rf"{function.__name__}.* is a {kind}"):
            make(function)


def test_what_a_callable_returns_is_checked_when_it_is_asked() -> None:
    with pytest.raises(TypeError, match=r"path\(\)=5 is an int; it must be a str or os\.PathLike"):
        file(lambda: 5)()  # type: ignore[arg-type, return-value]
    with pytest.raises(ValueError, match=r"url\(\)='a' is not allowed"):
        http_etag(lambda: "a")()


# --- how they show


def test_each_shows_what_it_asks() -> None:
    def me() -> int:
        return 1

    assert repr(file(Path("a") / "b.csv")) == f"<versions.file({str(Path('a') / 'b.csv')!r})>"
    assert repr(file("a", digest=True)) == "<versions.file('a', digest=True)>"
    assert repr(tree("a")) == "<versions.tree('a', '**/*')>"
    assert repr(tree("a", "*.csv", digest=True)) == "<versions.tree('a', '*.csv', digest=True)>"
    assert repr(sqlite("a.db")) == "<versions.sqlite('a.db')>"
    assert repr(http_etag("http://localhost/a", headers={"Authorization": "secret"})) == (
        "<versions.http_etag('http://localhost/a')>"
    )
    assert repr(file(by_region)) == f"<versions.file({by_region!r})>"
    assert repr(all_of(file("a"), me, "v2")) == f"<versions.all_of(<versions.file('a')>, {me!r}, 'v2')>"


def test_an_error_of_one_names_it(tmp_path: Path) -> None:
    @versioned_lru_cache(file(lambda *more: tmp_path))
    def read(x: int) -> int:
        return x

    with pytest.raises(IsADirectoryError):
        read(1)


def test_all_public_names_are_there_and_say_what_they_can_miss() -> None:
    for name in {*versions.__all__} - NO_VERSION_FUNCTIONS:
        text = " ".join((inspect.getdoc(getattr(versions, name)) or "").split())
        assert "A version seen again means the same data, but for what" in text, name


# --- imports


@pytest.mark.child
def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    run_code(
        """
        import sys
        import versioned_lru_cache
        assert "versioned_lru_cache.versions" not in sys.modules
        before = set(sys.modules)
        import versioned_lru_cache.versions
        new = {name for name in set(sys.modules) - before if name.partition(".")[0] != "versioned_lru_cache"}
        assert new <= {"errno", "itertools", "stat"}, new
        """
    )
