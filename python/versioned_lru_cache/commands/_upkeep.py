"""`check`, `prune` and `clear`: a local store is kept in order."""

from __future__ import annotations

import sqlite3

from ..stores._identity import Identity
from ._problems import WrongUsage
from ._tables import show_one
from ._targets import store_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any


def check(chosen: Namespace) -> int:
    """Read the whole store; a damaged database is set aside."""
    try:
        told = _checked(chosen.path, read_only=False)
    except OSError:  # An image, say, or another user's: that can be read only.
        told = _checked(chosen.path, read_only=True)
    show_one(told, as_json=chosen.json)
    return 0 if told["ok"] else 1


def _checked(path: str, *, read_only: bool) -> dict[str, Any]:
    problems: list[str] = []
    records = size = 0
    with store_at(path, read_only=read_only) as store:
        try:
            found = store.check()
            records, size, problems = found.records, found.size, list(found.problems)
            if not problems and store.stats().set_aside:  # It was so damaged that it could not even be opened.
                problems.append("file is not a database; it was set aside")
            problems += [
                f"{each.address.hex()}: {each.problem}" for each in store.records() if each.problem is not None
            ]
        except sqlite3.DatabaseError as error:
            if not read_only or isinstance(error, sqlite3.OperationalError):
                raise
            problems.append(str(error))
    return {"ok": not problems, "records": records, "bytes": size, "problems": problems}


def prune(chosen: Namespace) -> int:
    """Sweep what dead processes left, give free disk back, and evict down to a bound if one is given."""
    with store_at(chosen.path, read_only=False) as store:
        try:
            evicted = store.prune(chosen.max_bytes)
        except ValueError as error:
            raise WrongUsage(f"--max-bytes: {error}") from error
        left = store.stats()
    show_one({"evicted": evicted, "records": left.records, "bytes": left.size}, as_json=chosen.json)
    return 0


def clear(chosen: Namespace) -> int:
    """Remove the records of a function, of a namespace, or all."""
    if chosen.all == (chosen.function is not None or chosen.namespace is not None):
        raise WrongUsage("clear: say which records go: --function NAME, --namespace NAME, both, or --all")
    with store_at(chosen.path, read_only=False) as store:
        before = store.stats().records
        if chosen.all:
            store.clear_all()
        else:
            found = {(each.namespace, each.function) for each in store.records() if each.problem is None}
            if chosen.namespace is not None and chosen.function is not None:
                found.add((chosen.namespace, chosen.function))  # Its first result may be computed right now.
            for namespace, function in sorted(found):
                if chosen.namespace in (None, namespace) and chosen.function in (None, function):
                    store.clear(Identity(namespace, function, "", b"").group)
        left = store.stats().records
    show_one({"removed": before - left, "records": left}, as_json=chosen.json)
    return 0 if before > left or chosen.all else 1
