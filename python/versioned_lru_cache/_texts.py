"""Texts that name something, such as what is bumped: how they are checked."""

from __future__ import annotations

from ._words import a_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def checked_text(value: object, label: str) -> str:
    """Return a ``str`` with something in it, and refuse anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{label}={value!r} is {a_type(value)}; it must be a str")
    if not value:
        raise ValueError(f"{label}={value!r} is empty; it must name something")
    return value


def checked_constant(name: object, label: str) -> str:
    """Return a name that stands in the program. Refuse one that is meant as a pattern: it would be like any other."""
    text = checked_name(name, label)
    above, _, last = text.rpartition(":")
    if last == "*":
        above = above or "user"
        raise ValueError(
            f"{label}={name!r} is not allowed; a name is no pattern: a bump of {above!r} counts for all names below "
            f"it, such as {above + ':7'!r}"
        )
    return text


def checked_constants(names: Iterable[object], label: str) -> tuple[str, ...]:
    """Return several, each once and in an order of their own."""
    return _sorted(checked_constant(name, label) for name in names)


def checked_tags(names: tuple[object, ...]) -> tuple[str, ...]:
    """Return the names that ``tags`` was given, where it was given no callable alone."""
    if not names or any(map(callable, names)):
        raise TypeError(
            f"tags{names!r} is not allowed; it must have names, or one callable that takes the call's arguments and "
            "returns all of the names"
        )
    return checked_constants(names, "tags(names)")


def checked_name(name: object, label: str) -> str:
    """Return a name as plain text."""
    return str.__str__(checked_text(name, label))


def one_name(found: object, label: str) -> tuple[str, ...]:
    """Return the name that a callable answered."""
    return (checked_name(found, label),)


def several_names(found: object, label: str) -> tuple[str, ...]:
    """Return the names that a callable answered, in an order of their own: a set has none."""
    if isinstance(found, str):
        return one_name(found, label)
    try:
        listed: list[object] = list(found)  # type: ignore[call-overload]
    except TypeError as error:
        raise TypeError(f"{label}={found!r} is {a_type(found)}; it must be a str or several") from error
    return _sorted(checked_name(name, label) for name in listed)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
