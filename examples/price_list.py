"""A price list in a JSON file: the data of the workers' demo. Each change puts a new file in the place of the old.

Readers need no lock for that. Who writes takes one, or of two workers that change prices at once one would undo what
the other has done.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from filelock import FileLock

ITEMS = ("tea", "rice", "salt", "oil")
FIRST_PRICE = 100


def price_list_file(folder: Path) -> Path:
    """Return the file of a folder, made if there is none."""
    path = folder / "prices.json"
    with writing(path):
        if not path.is_file():
            replace(path, dict.fromkeys(ITEMS, FIRST_PRICE))
    return path


def price_of(path: Path, item: str) -> int:
    """Return the price of an item."""
    price: int = json.loads(path.read_text())[item]
    return price


def change_price(path: Path, item: str) -> int:
    """Raise the price of an item by one, and return it."""
    with writing(path):
        prices = json.loads(path.read_text())
        prices[item] += 1
        replace(path, prices)
    price: int = prices[item]
    return price


def writing(path: Path) -> FileLock:
    """Return the lock of those who write a list, in any process."""
    return FileLock(path.with_suffix(".lock"))


def replace(path: Path, prices: dict[str, int]) -> None:
    """Write a list so that readers see the old one or the new one, whole."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(prices, stream)
    Path(name).replace(path)
