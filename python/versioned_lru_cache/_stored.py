"""The option ``store=``: which function may have one, and what its records are called."""

from __future__ import annotations

from ._callables import is_of_process
from ._signatures import kind
from ._words import a_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._awaited_tier import AwaitedTier
    from ._tier import Tier

_METHODS = ("load", "acquire", "wait", "save", "release", "delete", "clear")


def check_store(store: Any, label: str) -> None:
    """Refuse what is no store."""
    missing = [name for name in _METHODS if not callable(getattr(store, name, None))]
    missing += [name for name in ("namespace", "codec") if not hasattr(store, name)]
    if isinstance(store, type) or missing:
        lacks = f", which lacks {missing[0]}" if missing else ""
        raise TypeError(
            f"{label}={store!r} is {a_type(store)}{lacks}; it must be a store, such as "
            "stores.LocalStore(namespace='shop'), or None"
        )
    if any(kind(getattr(store, name)) is not None for name in _METHODS):
        raise TypeError(
            f"{label}={store!r} has methods that are to be awaited; give a store with plain ones, such as LocalStore"
        )


def check_process(version: object, label: str) -> None:
    """Refuse a version that only this process knows: another one's is another count, under the same number."""
    if is_of_process(version):
        raise TypeError(
            f"{label}={version!r} means something in this process only, and nothing in a store that others share; give "
            "a version that all of them see, such as versions.file, or versions.sql with an Engine"
        )


def tier_of(
    store: Any, function: Any, found_as: tuple[str, str], name: str | None, revision: str | None, *, awaits: bool
) -> Tier | AwaitedTier:
    """Return the part in a store of a function of this module and qualified name.

    Refuse a function whose records no other process would find.
    """
    module, own = found_as
    if name is None and (module in ("__main__", "?") or "<" in own):
        raise ValueError(
            f"store={store!r}: {module}.{own} has no name by which another process would know it; give name="
        )
    if revision is None:
        from ._revision import revision_of  # It brings hashlib.

        revision = revision_of(function)
    if revision is None:
        raise ValueError(
            f"store={store!r}: {own} is not written in Python, so nobody sees when its code changes; give revision="
        )
    from ._tier import Tier

    tier = Tier(store, name or f"{module}.{own}", revision)
    if not awaits:
        return tier
    from ._awaited_tier import AwaitedTier

    return AwaitedTier(tier)
