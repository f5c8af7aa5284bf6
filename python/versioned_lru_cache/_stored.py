"""The option ``store=``: which function may have one, and what its records are called."""

from __future__ import annotations

from ._callables import is_of_process
from ._signatures import COROUTINE, kind
from ._words import a_type, with_article

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._awaited_tier import AwaitedTier
    from ._plain_tier import PlainTier

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
    _check_codec(store, label)
    kinds = {name: kind(getattr(store, name)) for name in _METHODS}
    unlike = next(
        (name for name, each in kinds.items() if each not in (None, COROUTINE) or each != kinds["load"]), None
    )
    if unlike is not None:
        raise TypeError(
            f"{label}={store!r} is {a_type(store)} whose methods are of several kinds: {unlike} is "
            f"{with_article(kinds[unlike] or 'function')}; let all be plain, or all coroutine functions"
        )


def _check_codec(store: Any, label: str) -> None:
    codec = store.codec
    encodes = all(callable(getattr(codec, name, None)) for name in ("encode", "decode"))
    if isinstance(codec, type) or not encodes or not isinstance(getattr(codec, "name", None), str):
        raise TypeError(
            f"{label}={store!r} has codec={codec!r}, {a_type(codec)}; it must be a codec, such as stores.Msgpack(): "
            "with the methods encode and decode, and a name of type str"
        )


def is_awaited(store: Any) -> bool:
    """Return whether a store's methods are coroutine functions."""
    return kind(store.load) is not None


def check_process(version: object, label: str) -> None:
    """Refuse a version that only this process knows: another one's is another count, under the same number."""
    if is_of_process(version):
        raise TypeError(
            f"{label}={version!r} means something in this process only, and nothing in a store that others share; give "
            "a version that all of them see, such as versions.file, or versions.sql with an Engine"
        )


def tier_of(
    store: Any, function: Any, found_as: tuple[str, str], name: str | None, revision: str | None, *, awaits: bool
) -> PlainTier | AwaitedTier:
    """Return the part in a store of a function of this module and qualified name.

    Refuse a function whose records no other process would find, or that can't await its store.
    """
    own = found_as[1]
    if is_awaited(store) and not awaits:
        raise TypeError(
            f"store={store!r} has methods that are to be awaited, and {own} is no coroutine function; give a store "
            "with plain ones, such as LocalStore"
        )
    name, revision = known_as(store, function, found_as, name, revision)
    from ._breaker import Breaker

    breaker = Breaker(name, store)
    if not awaits:
        from ._plain_tier import PlainTier
        from ._tier import Tier

        return PlainTier(Tier(store, breaker, name, revision, awaits=False))
    from ._awaited_tier import AwaitedTier, ThreadedTier

    return (AwaitedTier if is_awaited(store) else ThreadedTier)(store, breaker, name, revision)


def known_as(
    store: Any, function: Any, found_as: tuple[str, str], name: str | None, revision: str | None
) -> tuple[str, str]:
    """Return the name and the revision under which a store has a function's records."""
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
    return name or f"{module}.{own}", revision
