"""Callables that users hand in, checked: whether they are some, and whether they return an answer when called.

A wrong value raises ``TypeError`` with its name, the value and what is allowed.
"""

from __future__ import annotations

from types import FunctionType, MethodType

from ._bytecode import returns_only_none
from ._core import Counter, NamesOfCall, VersionFunction
from ._signatures import kind
from ._words import a_type, with_article

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeGuard

CONSTANT_INSTEAD = ", or write a constant in its place, such as None, for data that never changes"


def is_callable(value: object, label: str, purpose: str) -> TypeGuard[Callable[..., Any]]:
    """Return whether it is a callable, and refuse anything else but ``None``."""
    if value is None or callable(value):
        return value is not None
    raise TypeError(f"{label}={value!r} is {a_type(value)}; it must be {purpose}, or None")


def check_kind(value: object, label: str) -> None:
    """Refuse what would return a coroutine or a generator in place of an answer."""
    unfit = kind(value)
    if unfit is not None:
        raise TypeError(
            f"{label}={value!r} is {with_article(unfit)}; it must be a plain function that returns its answer"
        )


def check_answers(version: object, label: str, remedy: str) -> None:
    """Refuse a version function whose code has no ``return`` but of ``None``: its version would never change."""
    plain: object = version.__func__ if isinstance(version, MethodType) else version
    if isinstance(plain, FunctionType) and returns_only_none(plain.__code__):
        raise TypeError(
            f"{label}={version!r} can only return None, so that its version never changes; let it return the "
            f"version{remedy}"
        )


def checked_callable(value: object, label: str, purpose: str) -> Callable[..., Any] | None:
    """Return ``None`` or a callable that returns its answer."""
    if not is_callable(value, label, purpose):
        return None
    check_kind(value, label)
    return value


def is_of_process(version: object) -> bool:
    """Return whether a version function's answers mean nothing to another process, as those of a count in memory."""
    return isinstance(version, (Counter, NamesOfCall)) or (isinstance(version, VersionFunction) and version.local)
