"""`inspect` and `explain`: what a store has, and what a call would do. Nothing is changed, and nothing unpickled."""

from __future__ import annotations

from .._core import stable_key_of
from ..stores._identity import Identity
from ._calls import call_of
from ._problems import WrongUsage
from ._tables import show, show_one
from ._targets import function_at, identity_of, local_store_of, store_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any

    from ..stores import LocalRecord

_OF_FUNCTIONS = ("namespace", "function", "revision", "records", "bytes", "newest", "oldest")
_OF_RECORDS = ("address", "version", "age", "ttl", "immutable", "bytes", "problem")


def inspect(chosen: Namespace) -> int:
    """Tell what a store has of each function, or all records of one."""
    with store_at(chosen.path, read_only=True) as store:
        if chosen.function is not None:
            rows = [_row(record) for record in store.records() if record.function == chosen.function]
            show(_OF_RECORDS, rows, as_json=chosen.json)
            return 0 if rows else 1
        functions: dict[tuple[str, ...], dict[str, Any]] = {}
        for record in store.records():
            _count(functions, record)
    show(_OF_FUNCTIONS, (functions[key] for key in sorted(functions)), as_json=chosen.json)
    return 0


def explain(chosen: Namespace) -> int:
    """Tell what a call would do in this process, and which record its store has of it."""
    function = function_at(chosen.function)
    store = local_store_of(function, chosen.function)
    args, kwargs = call_of(chosen.args, "--args")
    try:
        explanation = function.cache_explain(*args, **kwargs)
        key = stable_key_of(function, tuple(args), kwargs)
    except TypeError as error:  # of what a call can't have
        raise WrongUsage(f"--args: {error}") from error
    if chosen.store is not None:
        store_at(chosen.store, read_only=True).close()
        store.reopen(chosen.store, read_only=True)
    name, revision = identity_of(function)
    told: dict[str, Any] = {"call": str(explanation), "function": name, "revision": revision, "record": "none"}
    identity = Identity(store.namespace, name, revision, key)
    data = store.load(identity.address)
    if data is not None:
        from ..stores._listing import told_of

        told.update(_row(told_of(identity.address, data)), record="there")
    show_one(told, as_json=chosen.json)
    return 0 if data is not None else 1


def _row(record: LocalRecord) -> dict[str, Any]:
    return {
        "address": record.address.hex(),
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
        },
    )
    row["records"] += 1
    row["bytes"] += record.size
    row["unreadable"] += record.problem is not None
    if record.age is not None:
        row["newest"] = record.age if row["newest"] is None else min(row["newest"], record.age)
        row["oldest"] = record.age if row["oldest"] is None else max(row["oldest"], record.age)
