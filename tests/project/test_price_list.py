"""The price list of the workers' demo: changes at once, and workers that start late, lose none of them."""

from __future__ import annotations

import importlib
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TIME_LIMIT = 60
# Who waits as it should is given so long to do what it should not.
A_WHILE = 0.3


@pytest.fixture
def prices(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "examples")
    return importlib.import_module("price_list")


@pytest.mark.parametrize("there", [False, True], ids=["a list begins", "a list changes"])
def test_no_change_is_lost_while_another_worker_writes(
    prices: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: bool
) -> None:
    if there:
        prices.price_list_file(tmp_path)
    writes, goes_on = Event(), Event()
    really_replace = prices.replace

    def replace(path: Path, content: dict[str, int]) -> None:
        if not writes.is_set():
            writes.set()
            assert goes_on.wait(TIME_LIMIT)
        really_replace(path, content)

    def change() -> None:
        prices.change_price(prices.price_list_file(tmp_path), "tea")

    monkeypatch.setattr(prices, "replace", replace)
    one, other = Thread(target=change), Thread(target=change)
    one.start()
    assert writes.wait(TIME_LIMIT)
    other.start()
    other.join(A_WHILE)
    goes_on.set()
    for thread in (one, other):
        thread.join(TIME_LIMIT)
        assert not thread.is_alive()
    assert prices.price_of(tmp_path / "prices.json", "tea") == prices.FIRST_PRICE + 2
