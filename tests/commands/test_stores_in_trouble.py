"""What the commands do about stores that are damaged, missing, read-only or larger than they were told."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.commands import main
from versioned_lru_cache.stores import LocalStore
from versioned_lru_cache.stores._identity import Identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.thread_unsafe(reason="the threads of a test would share its folder, and what is printed")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Run a command; its code and its JSON."""

    def run(*arguments: str | Path) -> tuple[int, Any]:
        capsys.readouterr()
        code = main([*map(str, arguments), "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store of three records."""
    with LocalStore(tmp_path / "store", namespace="shop") as store:

        @versioned_lru_cache("1", store=store, name="price")
        def price(item: str) -> str:
            return item

        assert [price(item) for item in ("tea", "rice", "salt")] == ["tea", "rice", "salt"]
    return tmp_path / "store"


def database(folder: Path) -> Path:
    return max(folder.glob("format-*/records-*.sqlite3"))


def overwrite(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


def test_a_database_that_can_not_even_be_opened_is_damaged(folder: Path, run: Any) -> None:
    overwrite(database(folder), 0, b"no database")
    code, told = run("check", folder)
    assert (code, told["ok"]) == (1, False)
    assert "not a database" in told["problems"][0]
    assert run("check", folder)[0] == 0


def test_a_store_that_can_only_be_read_is_checked_too(folder: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from versioned_lru_cache.stores import _opening

    found = _opening.prepare

    def not_to_be_written(path: Path | None, read_only: bool) -> Any:
        if not read_only:
            raise PermissionError(f"{path} is another user's")
        return found(path, read_only)

    monkeypatch.setattr(_opening, "prepare", not_to_be_written)  # root may write everywhere, so modes show nothing
    before = sorted((each.name, each.stat().st_mtime_ns) for each in folder.rglob("*"))
    assert run("check", folder) == (
        0,
        {"ok": True, "records": 3, "bytes": database(folder).stat().st_size, "problems": []},
    )
    overwrite(database(folder), 0, b"no database")
    code, told = run("check", folder)
    assert (code, told["ok"], told["problems"]) == (1, False, ["file is not a database"])
    assert [name for name, _ in before] == sorted(each.name for each in folder.rglob("*"))


@pytest.mark.parametrize("command", [["inspect"], ["check"], ["prune"], ["clear", "--all"]])
@pytest.mark.parametrize("there", ["nothing", "a folder", "a store without a database", "a later format"])
def test_what_is_no_store_is_wrong_usage_and_none_is_made(
    tmp_path: Path, run: Any, command: list[str], there: str
) -> None:
    place = tmp_path / "place"
    if there != "nothing":
        place.mkdir(mode=0o700)
    if there == "a store without a database":
        (place / "format-1").mkdir(mode=0o700)
    if there == "a later format":
        (place / "format-9").mkdir(mode=0o700)
        (place / "format-9" / "records-1.sqlite3").touch()
    before = sorted(tmp_path.rglob("*"))
    assert run(command[0], place, *command[1:]) == (2, None)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_prune_without_a_bound_evicts_nothing(tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if the store had more than LocalStore's own bound, which the folder's program need not have.
    monkeypatch.setitem(LocalStore.__init__.__kwdefaults__, "max_bytes", 2**20)
    with LocalStore(tmp_path / "store", namespace="shop", max_bytes=2**30) as store:
        for number in range(3):
            lease = store.acquire(b"%d" % number, b"version")
            assert lease is not None
            assert store.save(lease, os.urandom(2**19))
            store.release(lease)
    code, told = run("prune", tmp_path / "store")
    assert (code, told["evicted"], told["records"]) == (0, 0, 3)
    assert run("prune", tmp_path / "store", "--max-bytes", "0")[1]["records"] == 0


def test_a_clear_of_one_function_strikes_its_first_result_too(folder: Path, run: Any) -> None:
    with LocalStore(folder, namespace="shop") as store:
        identity = Identity("shop", "new", "1", b"key")
        lease = store.acquire(identity.address, b"version")
        assert lease is not None
        assert run("clear", folder, "--namespace", "shop", "--function", "new")[1]["removed"] == 0
        assert not store.save(lease, b"computed before it was cleared")
        store.release(lease)


def test_records_of_several_functions_are_listed(folder: Path, run: Any) -> None:
    with LocalStore(folder, namespace="other") as store:
        versioned_lru_cache("2", store=store, name="count")(lambda item: len(item))("tea")
        versioned_lru_cache("2", store=store, name="third")(lambda item: len(item))("tea")
    code, rows = run("inspect", folder, "--function", "price", "count")
    assert code == 0
    assert sorted((row["namespace"], row["function"], row["version"]) for row in rows) == [
        ("other", "count", "'2'"),
        ("shop", "price", "'1'"),
        ("shop", "price", "'1'"),
        ("shop", "price", "'1'"),
    ]


def test_versions_are_counted(folder: Path, run: Any) -> None:
    with LocalStore(folder, namespace="shop") as store:
        versioned_lru_cache("2", store=store, name="price", revision="r")(lambda item: item)("tea")
        versioned_lru_cache("3", store=store, name="price", revision="r")(lambda item: item)("rice")
    found = {row["revision"]: (row["records"], row["versions"]) for row in run("inspect", folder)[1]}
    assert found.pop("r") == (2, 2)
    assert list(found.values()) == [(3, 1)]
