"""Callables that users hand in, checked: whether they are some, and whether they return an answer when called.

A wrong value raises ``TypeError`` with its name, the value and what is allowed.
"""

from __future__ import annotations

from ._signatures import kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeGuard


def is_callable(value: object, label: str, purpose: str) -> TypeGuard[Callable[..., Any]]:
    """Return whether it is a callable, and refuse anything else but ``None``."""
    if value is None or callable(value):
        return value is not None
    raise TypeError(f"{label}={value!r} is a {type(value).__name__}; it must be {purpose}, or None")


def check_kind(value: object, label: str) -> None:
    """Refuse what would return a coroutine or a generator in place of an answer."""
    unfit = kind(value)
    if unfit is not None:
        raise TypeError(f"{label}={value!r} is a {unfit}; it must be a plain function that returns its answer")


def checked_callable(value: object, label: str, purpose: str) -> Callable[..., Any] | None:
    """Return ``None`` or a callable that returns its answer."""
    if not is_callable(value, label, purpose):
        return None
    check_kind(value, label)
    return value
