"""What gets the arguments of a function's calls has the defaults of that function: told at decoration."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.refusing import refused
from versioned_lru_cache import versioned_lru_cache, versioned_lru_cache_with_ttl, versions

if TYPE_CHECKING:
    from collections.abc import Callable


class Undecided:
    """Equal to nothing, as an array is to another: it raises."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth of an array is ambiguous")

    __hash__ = object.__hash__


UNDECIDED = Undecided(), Undecided()


def south(region: str = "south") -> str:
    return region


def total(region: str = "north") -> list[str]:
    return [region]


class Shop:
    def __init__(self, region: str = "south") -> None:
        pass

    def south(self, region: str = "south") -> str:
        return region

    @classmethod
    def of_all(cls, region: str = "south") -> str:
        return region


DIFFERENT: list[tuple[Any, Any]] = [
    (south, total),
    (lambda place="south": place, total),
    (lambda region, *, day=1: 1, lambda region, day=0: 1),
    (lambda region, day=1: 1, lambda region, *, day=0: 1),
    (lambda *, day=1: 1, lambda *, day=0: 1),
    (lambda region="south", /: region, total),
    (lambda region="south", *rest, **more: region, total),
    (lambda region="south": region, lambda region=None, *rest, **more: region),
    (partial(south, "north"), lambda *, day=0: 1),
    (partial(lambda region, day: 1, day=1), lambda region, *, day=0: 1),
    (Shop().south, total),
    (Shop.of_all, total),
    (Shop, total),
    (versioned_lru_cache(None)(south), total),
    (lambda day=True: 1, lambda day=2: 1),
]
CALLERS = {
    "version": lambda option, function: versioned_lru_cache(option)(function),
    "key": lambda option, function: versioned_lru_cache(None, key=option)(function),
    "version_args": lambda option, function: versioned_lru_cache(len, version_args=option)(function),
    "generate_version_func": lambda option, function: versioned_lru_cache_with_ttl(
        proxy_to_session_context_object={}, generate_version_func=option, module_name="m"
    )(function),
}
each_option = pytest.mark.parametrize("option", CALLERS)


@each_option
@pytest.mark.parametrize(("own", "function"), [pair for pair in DIFFERENT if not isinstance(pair[0], partial)])
def test_another_default(option: str, own: Any, function: Any) -> None:
    refused(lambda: CALLERS[option](own, function), TypeError, f"{option}=", repr(own), "other defaults", "leaves out")


def test_both_defaults_are_told_and_the_remedy() -> None:
    told = ["south", "total", "leaves out 'region' means 'north'", "'region' is 'south' here", "the same defaults"]
    refused(lambda: versioned_lru_cache(south)(total), TypeError, *told, "version_args")


def test_a_default_of_a_partial() -> None:
    def by_day(region: str, day: int) -> int:
        return day

    versioned_lru_cache(partial(by_day, day=0))(lambda region, *, day=0: 1)
    refused(
        lambda: versioned_lru_cache(partial(by_day, day=1))(lambda region, *, day=0: 1), TypeError, "other defaults"
    )


LACKING: list[tuple[Any, Any]] = [
    (lambda region: region, total),
    (lambda place: place, total),
    (lambda region, day: 1, lambda region, day=0: 1),
    (lambda region, *, day: 1, lambda region, *, day=0: 1),
    (lambda region, *, day: 1, lambda region, day=0: 1),
    (lambda region, day: 1, lambda region, *, day=0: 1),
    (lambda region, **more: 1, total),
]


@each_option
@pytest.mark.parametrize(("own", "function"), LACKING)
def test_a_default_that_is_missing(option: str, own: Any, function: Any) -> None:
    refused(lambda: CALLERS[option](own, function), TypeError, f"{option}=", repr(own), "may leave out", "no default")


SAME: list[tuple[Any, Any]] = [
    (lambda region="north": region, total),
    (lambda *args, **kwargs: 1, total),
    (lambda *, region="north", **more: 1, lambda *, region="north": 1),
    (lambda region="south": region, lambda region: region),
    (lambda region="north", timeout=5: region, total),
    (lambda region="north", *, timeout=5: region, total),
    (lambda day=1.0: 1, lambda day=1: 1),
    (lambda region: region, lambda *regions: regions),
    (lambda region: region, lambda **more: more),
    (lambda at=UNDECIDED[0]: 1, lambda at=UNDECIDED[1]: 1),
]


@pytest.mark.parametrize("option", ["version", "key", "generate_version_func"])
@pytest.mark.parametrize(("own", "function"), SAME)
def test_what_means_the_same_is_accepted(option: str, own: Any, function: Any) -> None:
    CALLERS[option](own, function)


def test_a_method() -> None:
    def version(self: Any, region: str = "south") -> str:
        return region

    def decorate() -> object:
        class Sales:
            @versioned_lru_cache(version)
            def total(self, region: str = "north") -> str:
                return region

        return Sales

    refused(decorate, TypeError, "other defaults", "'north'", "'south'")


@pytest.mark.parametrize(
    ("revalidate", "words"),
    [
        (lambda previous, region="south": region, ["leaves out 'region'", "'south'"]),
        (lambda previous, region: region, ["may leave out 'region'", "no default"]),
    ],
)
def test_revalidate(revalidate: Callable[..., Any], words: list[str]) -> None:
    refused(lambda: versioned_lru_cache(None, revalidate=revalidate)(total), TypeError, "revalidate=", *words)


def test_a_predicate_with_another_default() -> None:
    f = versioned_lru_cache(None)(total)
    refused(lambda: f.where(lambda region="south": True), TypeError, "where", "other defaults", "'south'")
    f.where(lambda region="north": True)
    f.where(lambda region: True)  # What it can't take is told when a call leaves it out.


def test_what_is_given_no_arguments_or_others_may_have_any() -> None:
    versioned_lru_cache(south, version_args=())(total)
    versioned_lru_cache(south, version_args=lambda region="north": (region,))(total)
    assert versioned_lru_cache(lambda region: region, version_args=lambda region="north": (region,))(total)() == [
        "north"
    ]


def test_parts_of_a_version() -> None:
    def north(region: str = "north") -> str:
        return region

    refused(lambda: versions.all_of(north, south), TypeError, "all_of", repr(north), "other defaults", "'south'")
    for parts in [(north, lambda region: region), (lambda region: region, north), (north, lambda *args: 1)]:
        versioned_lru_cache(versions.all_of(*parts))(lambda region: region)
    refused(lambda: versioned_lru_cache(versions.all_of(north, lambda region: 1))(total), TypeError, "may leave out")
    versioned_lru_cache(versions.all_of(north, lambda *args: 1))(total)
