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
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flask import g

from price_list import change_price, price_list_file, price_of
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import LocalStore
from versioned_lru_cache.versions import file
from workers_app import begin_computation, worker_app
from workers_scenario import WORKERS, gunicorn_command, run_scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Flask


def create_app(folder: str, seconds: float = 0.5) -> Flask:
    """Make the app that one worker serves.

    Args:
        folder: Where the prices are, and the store that all workers share.
        seconds: How long it takes to compute a report.
    """
    prices = price_list_file(Path(folder))
    store = LocalStore(f"{folder}/store", namespace="workers")

    @versioned_lru_cache(file(prices, digest=True), session=g, store=store, name="report")
    def report(item: str) -> dict[str, object]:
        begin_computation(Path(folder), item)
        time.sleep(seconds)
        return {"item": item, "price": price_of(prices, item), "worker": os.getpid()}

    return worker_app("workers.html", report, partial(change_price, prices), workers=WORKERS, seconds=seconds)


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
