"""The files in `tests/typing` are read by mypy and pyright (`make lint`); here what they say is true runs."""

from __future__ import annotations

import inspect
import typing
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import versioned_lru_cache
from tests.support.tasks import run
from tests.typing import codecs, functions, methods, properties, stores, version_functions
from versioned_lru_cache import CachedFunction, CachedMethod, Versioned

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKED = Path(__file__).parent


def checks() -> list[Any]:
    return [
        pytest.param(value, id=f"{module.__name__.rpartition('.')[2]}-{name}")
        for module in (codecs, functions, methods, properties, stores, version_functions)
        for name, value in vars(module).items()
        if is_check(value) and value.__module__ == module.__name__
    ]


def is_check(value: object) -> bool:
    return inspect.isfunction(value) and not inspect.signature(value).parameters


@pytest.mark.parametrize("check", checks())
def test_what_checkers_are_told_holds_when_it_runs(check: Callable[[], Any]) -> None:
    if inspect.iscoroutinefunction(check):
        run(check)
    else:
        check()


def test_the_files_have_something_to_run() -> None:
    assert len(checks()) >= 20


def test_each_wrong_call_is_marked_for_both_checkers() -> None:
    lines = (CHECKED / "wrong_calls.py").read_text().splitlines()
    for_mypy = [line for line in lines if "# type: ignore[" in line]
    for_pyright = [line for line in lines if "# pyright: ignore[" in line]
    assert for_mypy == for_pyright
    assert len(for_mypy) > 50


def test_the_package_says_that_it_is_typed() -> None:
    package = files(versioned_lru_cache)
    assert package.joinpath("py.typed").is_file()
    assert package.joinpath("_core.pyi").is_file()


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [(CachedFunction, ([int], str)), (CachedMethod, ([int], str)), (Versioned, (int,))],
    ids=["CachedFunction", "CachedMethod", "Versioned"],
)
def test_generic_types_can_be_written_with_their_parameters(kind: Any, parameters: tuple[object, ...]) -> None:
    """As in an annotation that is evaluated."""
    alias = kind[parameters]
    assert typing.get_origin(alias) is kind
    assert typing.get_args(alias) == parameters
