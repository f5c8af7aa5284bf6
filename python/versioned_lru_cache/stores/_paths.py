"""Where in a value something is that a codec refuses: a path that Python would take, ``result["rows"][3].price``."""

from __future__ import annotations

from ._codec import ROOT, NotStorable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    Step: TypeAlias = Callable[[str], str]  # makes a child's path of its parent's
    Child: TypeAlias = tuple[Step, object]
    Children: TypeAlias = Callable[[object], Iterable[Child]]
    Refusal: TypeAlias = Callable[[object, int], NotStorable | None]

_LONGEST_KEY = 60
_MOST_STEPS = 200


def located(value: object, error: NotStorable, refusal: Refusal, children: Children) -> NotStorable:
    """Return the error with the path to the innermost value that is refused.

    Args:
        value: The whole value, which is refused.
        error: The refusal of the whole.
        refusal: Why a value at a depth is refused; ``None`` if it is not.
        children: The values that a value is made of, each with its step.
    """
    path, way = ROOT, {id(value): (ROOT, value)}  # The values are held, so that their ids remain theirs.
    while len(way) <= _MOST_STEPS:
        part = _refused_part(value, len(way), refusal, children)
        if part is None:
            break
        step, value, error = part
        path = step(path)
        if id(value) in way:
            return NotStorable(f"is {way[id(value)][0]} again: a value that is part of itself can't be stored", path)
        way[id(value)] = path, value
    return type(error)(error.problem, path)


def _refused_part(
    value: object, depth: int, refusal: Refusal, children: Children
) -> tuple[Step, object, NotStorable] | None:
    try:
        for step, child in children(value):
            found = refusal(child, depth)
            if found is not None:
                return step, child, found
    except Exception:  # of a class of the user's that can't be looked at: then it is the place to name.
        return None
    return None


def items(value: object) -> Iterable[Child]:
    """Yield what a list, tuple, dict, set or frozenset is made of."""
    container: Any = value
    if isinstance(value, dict):
        for key, each in container.items():
            yield (lambda path: f"a key of {path}"), key
            yield at_key(key), each
    elif isinstance(value, (list, tuple)):
        for place, each in enumerate(container):
            yield at_key(place), each
    elif isinstance(value, (set, frozenset)):
        for each in container:
            yield (lambda path: f"an item of {path}"), each


def at_key(key: object) -> Step:
    """Return the step to what lies at a key or a place."""
    text = f'"{key}"' if type(key) is str and key.isprintable() and not set(key) & {'"', "\\"} else repr(key)
    if len(text) > _LONGEST_KEY:
        text = f"{text[:_LONGEST_KEY]}..."
    return lambda path: f"{_whole(path)}[{text}]"


def at_attribute(name: str) -> Step:
    """Return the step to an attribute."""
    return lambda path: f"{_whole(path)}.{name}"


def _whole(path: str) -> str:
    """Return a path that more can be appended to: one in words needs parentheses."""
    return path if path.startswith((ROOT, "(")) else f"({path})"
