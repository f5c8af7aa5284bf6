"""Caches of function results on the disk: ours, and those of other libraries, each in a folder that it is given.

All are as their documentation begins with them: no option is set for speed, or against it.
"""

from __future__ import annotations

import dbm
import tempfile
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from libraries import if_installed
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

Body: TypeAlias = "Callable[[int], Any]"
Cached: TypeAlias = "Callable[[Body], Body]"
DiskCache: TypeAlias = "tuple[str, Callable[[str], Cached]]"

OURS = "a hit in the second tier"
BY_CONSTANT = f"{OURS}, constant version"
DISKCACHE = "diskcache, memoize"


def now() -> int:
    """Return the version of all data."""
    return 1


def of_ours() -> DiskCache:
    """With a version function; memory holds one result, so that every other one comes from the store."""
    return OURS, partial(_ours, now)


def of_ours_by_constant() -> DiskCache:
    """With a version that is constant."""
    return BY_CONSTANT, partial(_ours, None)


def _ours(version: Callable[[], int] | None, folder: str) -> Cached:
    store = LocalStore(folder, namespace="bench")

    def cached(body: Body) -> Body:
        named = f"bench.{body.__name__}"
        if version is None:
            return versioned_lru_cache(version=1, store=store, maxsize=1, name=named, revision="1")(body)
        return versioned_lru_cache(version, store=store, maxsize=1, name=named, revision="1")(body)

    return cached


def of_diskcache() -> DiskCache:
    """In SQLite, pickled."""
    diskcache = import_module("diskcache")

    def in_folder(folder: str) -> Cached:
        made: Cached = diskcache.Cache(folder).memoize()
        return made

    return DISKCACHE, in_folder


def of_dogpile() -> DiskCache:
    """In a dbm file, pickled, under locks of files."""
    dogpile = import_module("dogpile.cache")

    def in_folder(folder: str) -> Cached:
        region = dogpile.make_region().configure("dogpile.cache.dbm", arguments={"filename": f"{folder}/cache.dbm"})
        made: Cached = region.cache_on_arguments()
        return made

    return f"dogpile.cache, {_kind_of_dbm()}", in_folder


def _kind_of_dbm() -> str:
    """Return which module this Python makes dbm files with; dbm.dumb reads a file's whole index for each call."""
    with tempfile.TemporaryDirectory() as folder:
        dbm.open(f"{folder}/file", "c").close()
        return dbm.whichdb(f"{folder}/file") or "dbm"


def of_joblib() -> DiskCache:
    """In a folder a result, pickled."""
    joblib = import_module("joblib")

    def in_folder(folder: str) -> Cached:
        made: Cached = joblib.Memory(folder, verbose=0).cache
        return made

    return "joblib.Memory", in_folder


def disk_caches() -> list[DiskCache]:
    """Return all that are installed; ours come first."""
    others = [if_installed(make) for make in (of_diskcache, of_dogpile, of_joblib)]
    return [of_ours(), of_ours_by_constant(), *(other for other in others if other)]
