"""Hits outside of any session, by what has to be asked there: nothing, or for the version each time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from asking import KINDS
from hits import hit
from libraries import Variant, in_a_class, of_functools
from measuring import Sample, Section
from shapes import hit_shapes, int_keys, same_call
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

    from asking import Asked
    from libraries import Function
    from shapes import Shape

SHAPES = ("f(int)", "f(str)", "f(a, b)", "f(a, k=v)", "obj.m(int)")
HOUR = 3_600  # longer than a run


def constant(name: str, ttl: float | None) -> Variant:
    """Our decorator with a version that never changes."""

    def cached(body: Function, maxsize: int | None) -> Function:
        return versioned_lru_cache("v1", ttl=ttl, maxsize=maxsize)(body)

    return Variant(name, cached, in_a_class(cached))


def constant_versions(calls: int) -> Section:
    """The rows of versions that nobody has to be asked for."""

    def row(make: Callable[[], Shape]) -> list[Sample]:
        shape = make()
        return [
            hit(each, shape, calls) for each in (of_functools(), constant("ours", None), constant("ours, ttl", HOUR))
        ]

    shapes = hit_shapes()
    return Section(
        name="constant version, no session",
        unit="ns",
        method="a call that finds its result, without and with an age limit",
        rows={name: partial(row, shapes[name]) for name in SHAPES},
    )


def asked_versions(calls: int) -> Section:
    """The rows of versions that are asked for at each call."""
    key = int_keys(1)[0]

    def row(kind: Asked) -> list[Sample]:
        shape = same_call("f(int)", "a", "a", (key,))
        ours = hit(kind.variant("ours"), shape, calls)
        return [hit(of_functools(), shape, calls), *kind.above_it(ours, calls)]

    return Section(
        name="asked version, no session",
        unit="ns",
        method="a call f(int) that finds its result and asks for the version; of ours, one bare call of the version "
        "function, or of os.stat for a file, is taken off within each round",
        rows={kind.name: partial(row, kind) for kind in KINDS},
    )
