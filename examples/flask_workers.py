"""A Flask app under gunicorn: four worker processes that share results by a local store.

`python examples/flask_workers.py` serves a page that shows which worker computed, and which answered from its memory or
from the store. With `--once` it drives itself over HTTP through a fixed scenario: a restart, a change of the data, a
worker that is killed while it computes. It prints what each step cost, and ends with 0 only if that was as expected.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, abort, g, render_template

from price_list import ITEMS, change_price, price_list_file, price_of
from versioned_lru_cache import current_session, versioned_lru_cache
from versioned_lru_cache.stores import LocalStore
from versioned_lru_cache.versions import file
from workers_scenario import WORKERS, gunicorn_command, run_scenario

if TYPE_CHECKING:
    from collections.abc import Sequence


def create_app(folder: str, seconds: float = 0.5) -> Flask:
    """Make the app that one worker serves.

    Args:
        folder: Where the prices are, and the store that all workers share.
        seconds: How long it takes to compute a report.
    """
    app = Flask(__name__)
    prices = price_list_file(Path(folder))
    store = LocalStore(f"{folder}/store", namespace="workers")

    @versioned_lru_cache(file(prices, digest=True), session=g, store=store, name="report")
    def report(item: str) -> dict[str, object]:
        g.computed = True
        with open(f"{folder}/computations", "a") as told:  # A line is appended whole, whoever else appends.
            told.write(f"{os.getpid()} {item}\n")
        time.sleep(seconds)
        return {"item": item, "price": price_of(prices, item), "worker": os.getpid()}

    @app.get("/")
    def index() -> str:
        return render_template("workers.html", items=ITEMS, workers=WORKERS, seconds=seconds)

    @app.get("/api/report/<item>")
    def report_as_json(item: str) -> dict[str, object]:
        start = time.perf_counter()
        found = report(known(item))
        milliseconds = (time.perf_counter() - start) * 1_000
        return {
            "item": item,
            "price": found["price"],
            "computed_by": found["worker"],
            "worker": os.getpid(),
            "source": source(),
            "milliseconds": milliseconds,
        }

    @app.post("/api/prices/<item>")
    def change(item: str) -> dict[str, object]:
        return {"item": item, "price": change_price(prices, known(item))}

    return app


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, then become gunicorn or run the scenario."""
    options = argparse.ArgumentParser(description="Four gunicorn workers that share results by a local store.")
    options.add_argument("--data", default=".demo/workers", help="folder of the data (default: %(default)s)")
    options.add_argument("--port", type=int, default=8000, help="port to serve at, 0 for any (default: %(default)s)")
    options.add_argument(
        "--seconds", type=float, default=0.5, help="how long it takes to compute a report (default: %(default)s)"
    )
    options.add_argument("--once", action="store_true", help="run the fixed scenario over HTTP, print it and end")
    chosen = options.parse_args(arguments)
    if os.name == "nt":
        print("flask_workers: gunicorn needs a system with fork, and Windows has none", file=sys.stderr)
        return 1
    folder = Path(chosen.data).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if chosen.once:
        complaints = run_scenario(folder, chosen.seconds)
        for complaint in complaints:
            print("NOT AS EXPECTED:", complaint, file=sys.stderr)
        return 1 if complaints else 0
    command = gunicorn_command(folder, chosen.seconds, chosen.port)
    os.execv(command[0], command)


if __name__ == "__main__":
    raise SystemExit(main())
