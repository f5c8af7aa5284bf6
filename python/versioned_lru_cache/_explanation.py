"""What a call would do and why, in the words of RFC 9211 (Cache-Status)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:/")


class Explanation:
    """What a call would do and why: what ``cache_explain`` returns. Its ``str`` is a ``Cache-Status`` value.

    Attributes:
        name: The function, ``module.name``.
        hit: Whether it would be answered with what is there. If it is neither a hit nor forwarded, the version has to
            be asked first (``detail`` is ``"asks"``).
        fwd: Why it would run the function (RFC 9211, 2.2): ``"miss"``, ``"stale"``, ``"request"`` (the session
            refreshes it), ``"bypass"`` (nothing is ever stored), or ``None``.
        ttl: Seconds until the result expires, negative since it has, or ``None``.
        stored: Whether the result of running the function would be stored.
        collapsed: Whether it would wait for a computation that is in progress.
        key: A digest of the arguments, or the arguments.
        detail: More, in a word: ``known``, ``equal``, ``newer``, ``verified``, ``immutable``, ``offline``, ``refresh``,
            ``changed``, ``expired``, ``asks``, ``stale-if-error``, ``stale-while-revalidate``, ``session-only`` (the
            result rests on something that its session has read and that has changed since), or nothing. A session's
            ``cache_status()`` says ``loaded`` of a result that came from a store.
        rests_on: Why the result of these arguments was not stored when it was computed last: the name of the cached
            function whose version, as the computation had read it, did not hold when it was asked anew. Or ``None``.

    Example:
        >>> from versioned_lru_cache import versioned_lru_cache
        >>> @versioned_lru_cache(None)
        ... def price(item: str) -> int:
        ...     return len(item)
        >>> print(price.cache_explain("tea", show_args=True))
        "__main__.price"; fwd=miss; stored; key="'tea'"
    """

    __slots__ = ("collapsed", "detail", "fwd", "hit", "key", "name", "rests_on", "stored", "ttl")

    def __init__(
        self,
        name: str,
        hit: bool,
        fwd: str | None,
        ttl: float | None,
        stored: bool,
        collapsed: bool,
        key: str,
        detail: str,
        rests_on: str | None = None,
    ) -> None:
        self.name, self.hit, self.fwd, self.ttl = name, hit, fwd, ttl
        self.stored, self.collapsed, self.key = stored, collapsed, key
        self.detail, self.rests_on = detail, rests_on

    def __str__(self) -> str:
        parts = [self.name if self.name[:1].isalpha() and _TOKEN.issuperset(self.name) else _quoted(self.name)]
        if self.hit:
            parts.append("hit")
        if self.fwd:
            parts.append(f"fwd={self.fwd}")
        if self.fwd and self.stored:
            parts.append("stored")
        if self.collapsed:
            parts.append("collapsed")
        if self.ttl is not None:
            parts.append(f"ttl={int(self.ttl // 1)}")
        parts.append(f"key={_quoted(self.key)}")
        if self.detail:
            parts.append(f"detail={self.detail}")
        return "; ".join(parts)

    def __repr__(self) -> str:
        return f"<Explanation: {self}>"

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Explanation):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]


def _quoted(text: str) -> str:
    """Return a structured field string (RFC 8941, 3.3.3), which has printable ASCII characters only."""
    plain = "".join(char if " " <= char <= "~" else "?" for char in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
