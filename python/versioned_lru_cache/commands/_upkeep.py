"""`check`, `prune` and `clear`: a local store is kept in order."""

from __future__ import annotations

from ..stores._identity import Identity
from ._problems import WrongUsage
from ._tables import show_one
from ._targets import store_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def check(chosen: Namespace) -> int:
    """Read the whole store; a damaged database is set aside."""
    with store_at(chosen.path, read_only=False) as store:
        found = store.check()
        unreadable = [f"{each.address.hex()}: {each.problem}" for each in store.records() if each.problem is not None]
    problems = [*found.problems, *unreadable]
    told = {"ok": not problems, "records": found.records, "bytes": found.size, "problems": problems}
    show_one(told, as_json=chosen.json)
    return 1 if problems else 0


def prune(chosen: Namespace) -> int:
    """Evict down to a bound, sweep what dead processes left, and give the disk back."""
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
            for namespace, function in sorted(found):
                if chosen.namespace in (None, namespace) and chosen.function in (None, function):
                    store.clear(Identity(namespace, function, "", b"").group)
        left = store.stats().records
    show_one({"removed": before - left, "records": left}, as_json=chosen.json)
    return 0 if before > left or chosen.all else 1
