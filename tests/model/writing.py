"""The ways to write a call: a function's only argument by its place and by its name, in turn."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class Writing:
    """Calls with one argument, written in one way after the other. All of them are one call."""

    def __init__(self, name: str) -> None:
        self.by_name = cycle([False, True, True])
        self.name = name

    def call(self, function: Callable[..., Any], argument: Hashable, *before: object) -> Any:
        """Calls the function with the argument, and with what comes before it."""
        return function(*before, **{self.name: argument}) if next(self.by_name) else function(*before, argument)
