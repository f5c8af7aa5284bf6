"""Registered types: classes of the user that a codec knows by a name, and how their objects become plain data.

An Enum, a named tuple and a dataclass say themselves what they are made of. They come back as copies do: with the
attributes that they had, and without ``__init__`` and ``__post_init__`` run again, which may do something else today.
"""

from __future__ import annotations

from .._words import a_type
from ._codec import NotStorable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_tuple: Any = tuple


class Registered:
    """A class, the name that stands for it in stored data, and how its objects become plain data and come back.

    Attributes:
        by_attributes: Whether the plain data is a dict of the object's attributes.
    """

    __slots__ = ("_encode", "by_attributes", "cls", "decode", "name")

    def __init__(
        self,
        cls: type,
        name: str,
        encode: Callable[[Any], object],
        decode: Callable[[Any], object],
        *,
        by_attributes: bool = False,
    ) -> None:
        self.cls = cls
        self.name = name
        self._encode = encode
        self.decode = decode
        self.by_attributes = by_attributes

    def encoded(self, value: object) -> object:
        """Return an object's plain data.

        Raises:
            NotStorable: The user's function failed.
        """
        try:
            return self._encode(value)
        except Exception as error:
            raise NotStorable(f"can't be encoded: {type(error).__name__}: {error}") from error


def registered(
    cls: Any, name: str | None, encode: Callable[[Any], object] | None, decode: Callable[[Any], object] | None
) -> Registered:
    """Return what is known of a class, once the user's arguments are checked."""
    if not isinstance(cls, type):
        raise TypeError(f"cls={cls!r} is {a_type(cls)}; it must be a class")
    name = _checked_name(cls, name)
    if encode is not None or decode is not None:
        for label, given in (("encode", encode), ("decode", decode)):
            if not callable(given):
                raise TypeError(f"{label}={given!r} is {a_type(given)}; encode= and decode= must both be callable")
        return Registered(cls, name, encode, decode)  # type: ignore[arg-type]
    if hasattr(cls, "__members__"):
        return _of_enum(cls, name)
    kind: Any = cls
    if issubclass(cls, tuple) and hasattr(kind, "_fields"):
        return _of_attributes(kind, name, kind._fields)
    if hasattr(kind, "__dataclass_fields__") and kind.__new__ is object.__new__:
        from dataclasses import fields

        return _of_attributes(kind, name, tuple(each.name for each in fields(kind)))
    raise TypeError(
        f"{kind.__qualname__} is no Enum, named tuple or plain dataclass, so encode= and decode= must say what it is "
        "made of"
    )


def _checked_name(cls: type, name: object) -> str:
    if name is None:
        name = f"{cls.__module__}.{cls.__qualname__}"
        if cls.__module__ == "__main__" or "<locals>" in name:
            raise ValueError(f"{name} may be another class in another process: give it a name, name='...'")
    if not isinstance(name, str) or not name:
        raise TypeError(f"name={name!r} is not allowed; it must be a str that stands for {cls.__qualname__}")
    return name


def _of_enum(cls: Any, name: str) -> Registered:
    # Members by name: a value may be anything. But combined flags have no name of their own in all Python versions.
    from enum import Flag

    if issubclass(cls, Flag):
        return Registered(cls, name, lambda member: member.value, cls)
    return Registered(cls, name, lambda member: member.name, lambda member: cls[member])


def _of_attributes(cls: Any, name: str, fields: tuple[str, ...]) -> Registered:
    """Return what is known of a class whose objects are their fields, and whatever attributes they have beside."""
    is_tuple = issubclass(cls, tuple)

    def encode(value: Any) -> dict[str, object]:
        found = zip(fields, value, strict=True) if is_tuple else ((field, getattr(value, field)) for field in fields)
        more: dict[str, object] = getattr(value, "__dict__", {})
        # What `Box[int](1)` notes, for type checkers at run time, is no part of the value.
        return {**dict(found), **{name: each for name, each in more.items() if name != "__orig_class__"}}

    def decode(state: dict[str, object]) -> object:
        own = [state[field] for field in fields]  # A KeyError: the class has fields that it had not then.
        made: Any = _tuple.__new__(cls, own) if is_tuple else object.__new__(cls)
        for attribute, each in state.items():
            if not (is_tuple and attribute in fields):
                object.__setattr__(made, attribute, each)
        return made

    return Registered(cls, name, encode, decode, by_attributes=True)
