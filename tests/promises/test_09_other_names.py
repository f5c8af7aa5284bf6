"""Promise 9: a cached function that a class names once more stays what it is for those who call it by its own name."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@versioned_lru_cache(None)
def total(numbers: tuple[int, ...]) -> list[int]:
    return [sum(numbers)]


def pair() -> tuple[int, ...]:
    return tuple(range(2))  # another one each time


class Shop:
    @versioned_lru_cache(None)
    def price(self, item: str) -> list[str]:
        return [item]


def test_a_name_in_a_class_makes_no_method_of_a_function_of_a_module() -> None:
    kept = total(pair())

    class Uses:
        sums = total
        plain = staticmethod(total)

    @dataclass
    class Job:
        how: Callable[..., Any] = total

    assert total(pair()) is Job().how(pair()) is Uses.sums(pair()) is Uses().plain(pair()) is kept
    unhashable: Any = [1]
    with pytest.raises(TypeError, match=r"numbers.*unhashable"):
        total(unhashable)


def test_a_method_that_is_named_in_another_class_stays_one() -> None:
    class Other:
        cost = Shop.price

    one, other = Other(), Other()
    assert one.cost("tea") is one.cost("tea")
    assert one.cost("tea") is not other.cost("tea")


def test_a_function_that_is_decorated_in_a_class_body_by_way_of_another_is_a_method() -> None:
    def without_wraps(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: function(*args)

    class Named:
        @versioned_lru_cache(None)
        @without_wraps
        def m(self, number: int) -> list[int]:
            return [number]

        of_another = versioned_lru_cache(None)(without_wraps(lambda self: [self]))

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 1

    one, other = Named(), Named()
    assert one.m(1) is one.m(1)
    assert one.m(1) is not other.m(1)
    assert one.of_another() is one.of_another()
    assert one.of_another() is not other.of_another()


def test_a_class_that_is_loaded_again_has_methods_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "from versioned_lru_cache import versioned_lru_cache\nclass Again:\n"
    source += "    @versioned_lru_cache(None)\n    def m(self): return [self]\n"
    (tmp_path / "loaded_again.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("loaded_again")
    for _ in range(2):
        one = module.Again()
        assert one.m() is one.m()
        assert one.m.cache_contains()
        assert module.Again.m.cache_invalidate(one)
        module = importlib.reload(module)
    del sys.modules["loaded_again"]
