"""Calls as JSON: a list is positional arguments, an object keyword arguments, or both under "args" and "kwargs"."""

from __future__ import annotations

import json
from typing import cast

from ._problems import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TypeAlias

    CallArguments: TypeAlias = tuple[list[Any], dict[str, Any]]


def call_of(text: str, where: str) -> CallArguments:
    """Return the arguments that a JSON text says."""
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongUsage(f"{where}: {text.strip()[:80]!r} is no JSON: {error}") from error
    if isinstance(said, list):
        return said, {}  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(said, dict):
        raise WrongUsage(f"{where}: {text.strip()[:80]!r} is no call; a call is a JSON list or a JSON object")
    fields = cast("dict[str, Any]", said)
    args, kwargs = fields.get("args", []), fields.get("kwargs", {})
    if fields and fields.keys() <= {"args", "kwargs"} and isinstance(args, list) and isinstance(kwargs, dict):
        return args, cast("dict[str, Any]", kwargs)  # pyright: ignore[reportUnknownVariableType]
    return [], fields


def calls_of(lines: Iterable[str], name: str) -> Iterator[tuple[int, CallArguments]]:
    """Go through a file of a call a line, each with its number; empty lines are left out."""
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, call_of(line, f"{name}:{number}")
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{name}:{number + 1} or soon after: {error}; write the file in UTF-8") from error


def hashable(value: object) -> Any:
    """Return a value of JSON as an argument that can be part of a key: a list as a tuple."""
    return tuple(map(hashable, cast("list[object]", value))) if isinstance(value, list) else value
