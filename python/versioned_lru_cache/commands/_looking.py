"""`inspect` and `explain`: what a store has, and what a call would do. Nothing is changed.

`inspect` decodes no value, so it needs no codec and unpickles nothing.
"""

from __future__ import annotations

from ..stores._listing import told_of
from ._calls import call_of
from ._problems import WrongUsage
from ._tables import show, show_one
from ._targets import address_of, identity_of, passed, store_at, stored_function_at
from ._would_load import would_load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any

    from .. import CachedFunction
    from ..stores import LocalRecord

_OF_FUNCTIONS = ("namespace", "function", "revision", "records", "bytes", "newest", "oldest", "versions")
_OF_RECORDS = ("address", "version", "age", "ttl", "immutable", "bytes", "problem")


def inspect(chosen: Namespace) -> int:
    """Tell what a store has of each function, or all records of some."""
    with store_at(chosen.path, read_only=True) as store:
        if chosen.function is not None:
            rows = [_row(record) for record in store.records() if record.function in chosen.function]
            show(_OF_RECORDS, rows, as_json=chosen.json)
            return 0 if rows else 1
        functions: dict[tuple[str, ...], dict[str, Any]] = {}
        for record in store.records():
            _count(functions, record)
    for row in functions.values():
        row["versions"] = len(row["versions"])
    show(_OF_FUNCTIONS, (functions[key] for key in sorted(functions)), as_json=chosen.json)
    return 0


def explain(chosen: Namespace) -> int:
    """Tell what a call would do in this process, which record its store has of it, and whether that is loaded."""
    function, store = stored_function_at(chosen.function, chosen.namespace, chosen.store)
    try:
        args, kwargs = passed(function, call_of(chosen.args, "--args"))
        explanation = function.cache_explain(*args, **kwargs)
        address = address_of(function, args, kwargs)
    except TypeError as error:  # of what a call can't have
        raise WrongUsage(f"--args: {error}") from error
    if chosen.store is not None:
        store_at(chosen.store, read_only=True).close()
    name, revision = identity_of(function)
    told: dict[str, Any] = {"call": str(explanation), "function": name, "revision": revision, "record": "none"}
    store.reopen(chosen.store, read_only=True)  # A look makes no store.
    try:
        data = store.load(address)
    except FileNotFoundError:
        data, told["record"] = None, "none, as there is no store yet"
    if data is not None:
        told.update(_row(told_of(address, data)), record="there")
    loads, why = _loads(function, args, kwargs) if data is not None else (False, "there is no record")
    told.update(loads=loads, why=why)
    show_one(told, as_json=chosen.json)
    return 0 if loads else 1


def _loads(
    function: CachedFunction[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bool | None, str | None]:
    """Return whether a call would be answered with its record, ``None`` if nobody can tell; and why it is not."""
    try:
        loads, version = would_load(function, args, kwargs)
    except Exception as error:  # of the version function, say
        return None, f"{type(error).__name__}: {error}"
    return loads, None if loads else f"its version is {version} now, or its record is too old or can't be read"


def _row(record: LocalRecord) -> dict[str, Any]:
    return {
        "address": record.address.hex(),
        "namespace": record.namespace,
        "function": record.function,
        "revision": record.revision,
        "version": record.version,
        "age": record.age,
        "ttl": record.ttl,
        "immutable": record.immutable,
        "codec": record.codec,
        "bytes": record.size,
        "problem": record.problem,
    }


def _count(functions: dict[tuple[str, ...], dict[str, Any]], record: LocalRecord) -> None:
    key = record.namespace, record.function, record.revision
    row = functions.setdefault(
        key,
        {
            **dict(zip(_OF_FUNCTIONS, key, strict=False)),
            "records": 0,
            "bytes": 0,
            "newest": None,
            "oldest": None,
            "unreadable": 0,
            "versions": set(),
        },
    )
    row["records"] += 1
    row["bytes"] += record.size
    row["versions"].add(record.version)
    row["unreadable"] += record.problem is not None
    if record.age is not None:
        row["newest"] = record.age if row["newest"] is None else min(row["newest"], record.age)
        row["oldest"] = record.age if row["oldest"] is None else max(row["oldest"], record.age)
