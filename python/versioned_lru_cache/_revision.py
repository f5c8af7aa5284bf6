"""The revision of a function: a digest of its code, by which results of an older one are told apart."""

from __future__ import annotations

from hashlib import blake2b
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def revision_of(function: object) -> str | None:
    """Return a digest of a function's code and constants, or ``None`` for one that is not written in Python.

    Where it stands in its file does not count, nor what it calls. The bytecode is that of one minor version of Python.
    """
    code = getattr(_plain(function), "__code__", None)
    if not isinstance(code, CodeType):
        return None
    digest = blake2b(digest_size=16)
    _take(digest, code)
    return digest.hexdigest()


def _plain(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return getattr(function, "__func__", function)


def _take(digest: Any, code: CodeType) -> None:
    digest.update(code.co_code)
    for names in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars):
        digest.update(repr(names).encode())
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    digest.update(repr(counts).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _take(digest, constant)
        else:
            digest.update(f"{type(constant).__qualname__} {_shown(constant)}".encode("utf-8", "surrogatepass"))


def _shown(constant: object) -> str:
    """Return how a constant is written, the same in each process: a set has no order of its own."""
    if isinstance(constant, frozenset):
        return repr(sorted(_all_shown(constant)))
    if isinstance(constant, tuple):
        return repr(_all_shown(constant))
    return f"{type(constant).__qualname__} {constant!r}"


def _all_shown(items: Any) -> list[str]:
    return [_shown(each) for each in items]
