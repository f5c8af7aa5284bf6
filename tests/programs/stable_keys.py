"""Canonical keys in another process: those of a table, and of values that go deep or have no end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support import stable_values
from versioned_lru_cache._core import stable_key


def key_of(expression: str) -> str:
    """The key of a call, written as its arguments are, in hexadecimal."""
    call = eval(f"(lambda *args, **kwargs: (args, kwargs))({expression})", vars(stable_values))
    return stable_key(*call, False, False).hex()


def are_as_in(table: str) -> None:
    """Each line is a key and the arguments of the call."""
    lines = Path(table).read_text(encoding="utf-8").splitlines()
    assert len(lines) > 50
    wrong = [line for line in lines if key_of(line.partition("  ")[2]) != line.partition("  ")[0]]
    assert not wrong, wrong


def print_keys(table: str) -> None:
    """Writes the keys of a table anew."""
    lines = Path(table).read_text(encoding="utf-8").splitlines()
    calls = [line.partition("  ")[2] for line in lines]
    Path(table).write_text("".join(f"{key_of(call)}  {call}\n" for call in calls), encoding="utf-8")


def refusal(*args: object) -> Exception | None:
    """What is raised for a call that is to have no key."""
    try:
        stable_key(args, {}, False, False)
    except (RecursionError, TypeError) as error:
        return error
    return None


def deep_values_are_refused() -> None:
    wraps: list[Any] = [
        lambda inner: (inner,),
        lambda inner: stable_values.Span(inner),
        lambda inner: stable_values.Point(1, inner),
    ]
    for wrap in wraps:
        value: Any = ()
        for _ in range(100_000):
            value = wrap(value)
        assert isinstance(refusal(value), RecursionError)
        while value:
            value = value.first if isinstance(value, stable_values.Span) else value[-1]
    nested: Any = frozenset()
    for _ in range(400):
        nested = frozenset([nested])
    assert stable_key((nested,), {}, False, False).count(b"f") == 401


def values_without_end_are_refused() -> None:
    value: Any = (1,)
    for _ in range(60):
        value = (value, value)
    for args in ((value,), ("x" * (16 << 20), 1), ("ä" * (8 << 20),), (b"x" * (16 << 20),), (1 << (16 << 23),)):
        assert "longer than 16 MiB" in str(refusal(*args))
    assert len(stable_key(("x" * (1 << 20),), {}, False, False)) > 1 << 20
