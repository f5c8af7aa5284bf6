"""The Flask app of one gunicorn worker: a page, a report from the cache, and a change of its data.

The demos of one machine and of several serve the same app; what differs is the cached function that each hands in.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from flask import Flask, abort, g, render_template

from price_list import ITEMS
from versioned_lru_cache import current_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def worker_app(
    page: str, report: Callable[[str], dict[str, Any]], change: Callable[[str], int], machine: str = "", **about: object
) -> Flask:
    """Make the app.

    Args:
        page: The template of its page.
        report: Cached, with Flask's `g` as its session.
        change: Changes the price of an item and returns it.
        machine: Where it runs, if there are several.
        about: What the template is told besides the items.
    """
    app = Flask(__name__)

    @app.get("/")
    def index() -> str:
        return render_template(page, items=ITEMS, machine=machine, **about)

    @app.get("/api/report/<item>")
    def report_as_json(item: str) -> dict[str, Any]:
        start = time.perf_counter()
        found = report(known(item))
        milliseconds = (time.perf_counter() - start) * 1_000
        return {
            "item": item,
            "price": found["price"],
            "computed_by": found["worker"],
            "worker": os.getpid(),
            "machine": machine,
            "source": source(),
            "milliseconds": milliseconds,
        }

    @app.post("/api/prices/<item>")
    def change_price(item: str) -> dict[str, Any]:
        return {"item": item, "price": change(known(item))}

    return app


def begin_computation(folder: Path, item: str) -> None:
    """Note, for this request and for whoever counts, that this worker computes."""
    g.computed = True
    with (folder / "computations").open("a") as told:  # A line is appended whole, whoever else appends.
        told.write(f"{os.getpid()} {item}\n")


def source() -> str:
    """Return where the result of this request's one call came from."""
    if g.get("computed", False):
        return "computed"
    session = current_session(g)
    return "store" if session is not None and "detail=loaded" in session.cache_status() else "memory"


def known(item: str) -> str:
    """Return the item, or answer 404 if there is none of that name."""
    if item not in ITEMS:
        abort(404, f"There is no {item!r}; there are {', '.join(ITEMS)}.")
    return item
