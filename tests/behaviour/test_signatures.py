"""What a function takes is told from its code."""

from __future__ import annotations

import inspect
import sys
from itertools import product
from typing import Any

import pytest

from versioned_lru_cache._signatures import fit, shape

# There `inspect` binds a call that Python refuses: a positional-only parameter is missing, and `**more` takes its name.
BINDS_TOO_MUCH = sys.version_info[:2] == (3, 13)
TELLING = [print] if sys.version_info >= (3, 11) else []  # Before, it had no signature.
NAMES = ("a", "b", "k", "z")
PARAMETERS = [
    "",
    "a",
    "a=1",
    "a, b",
    "a, b=1",
    "a, /",
    "a=1, /",
    "a, /, b",
    "a, b=1, /",
    "*args",
    "a, *args",
    "a=1, *args, k",
    "**z",
    "a, **more",
    "a, /, **more",
    "a=1, /, b=2, *args, k=3, **more",
    "*, k",
    "*, k=1",
    "a, *, k, z=1",
    "a, b, /, *, k=1, **more",
]
CALLS = [
    (count, {name: 0 for name, given in zip(NAMES, chosen, strict=True) if given})
    for count in range(4)
    for chosen in product([False, True], repeat=len(NAMES))
]


class Host:
    def method(self, a: int, k: int = 0) -> None: ...


@pytest.mark.parametrize("parameters", PARAMETERS)
def test_a_call_is_accepted_where_python_makes_it(parameters: str) -> None:
    function: Any = eval(f"lambda {parameters}: None")
    known, refuse = shape(function), fit(function)
    assert known is not None
    assert refuse is not None
    for count, keywords in CALLS:
        taken = why_not(function, count, keywords) is None
        assert known.accepts(count, keywords) is taken, (count, keywords)
        # In the words of inspect, which has to agree for that.
        reason = None if taken else why_not(inspect.signature(function).bind, count, keywords)
        assert why_not(refuse, count, keywords) == reason
        assert taken or reason or (BINDS_TOO_MUCH and "/" in parameters and "**more" in parameters)


@pytest.mark.parametrize("function", [Host().method, Host.method, len, inspect.unwrap, *TELLING])
def test_a_call_of_what_does_something_is_accepted_where_inspect_binds_it(function: Any) -> None:
    refuse = fit(function)
    assert refuse is not None
    for count, keywords in CALLS:
        assert why_not(refuse, count, keywords) == why_not(inspect.signature(function).bind, count, keywords)


def why_not(function: Any, count: int, keywords: dict[str, int]) -> str | None:
    try:
        function(*range(count), **keywords)
    except TypeError as error:
        return str(error)
    return None


def test_what_does_not_tell_refuses_nothing() -> None:
    class Silent:
        __signature__ = "none"

        def __call__(self) -> None: ...

    assert fit(Silent()) is None
