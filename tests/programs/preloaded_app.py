"""A Flask app for a gunicorn that loads it before it forks. The data is a number in a file, its own version."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from flask import Flask, g

from versioned_lru_cache import versioned_lru_cache

app = Flask(__name__)
data = Path(os.environ["DATA"])
loader = os.getpid()
begun = threading.Event()
computed_here = 0


def state() -> int:
    return int(data.read_text())


def state_of(region: str) -> int:
    del region
    return state()


def compute(name: str) -> dict[str, object]:
    global computed_here
    computed_here += 1  # a number to look at: an increment that is lost does not matter
    made_of = state()
    time.sleep(0.003)
    return {"name": name, "of": made_of, "by": os.getpid()}


@versioned_lru_cache(state, session=g)
def total(region: str) -> dict[str, object]:
    return compute(region)


@versioned_lru_cache(state_of, session=g)
def share(region: str) -> dict[str, object]:
    return compute(region)


class Report:
    """Has a cached method that calls a cached function."""

    def __init__(self, title: str) -> None:
        self.title = title

    @versioned_lru_cache(state, version_args=(), session=g)
    def text(self, region: str) -> dict[str, object]:
        inner = total(region)
        return {**compute(f"{self.title} {region}"), "inner": inner}


@versioned_lru_cache(version=0)
def computed_while_forking(region: str) -> str:
    if os.getpid() == loader:
        begun.set()
        threading.Event().wait()
    return f"{region} by {os.getpid()}"


yearly = Report("Year")


@app.get("/<region>")
def show(region: str) -> dict[str, object]:
    answers = {"total": total(region), "share": share(region), "text": yearly.text(region)}
    return {
        **answers,
        "again": total(region) is answers["total"] and yearly.text(region) is answers["text"],
        "while_forking": computed_while_forking(region),
        "process": os.getpid(),
        "hits": total.cache_info().hits,
        "computed": computed_here,
    }


# The workers begin with what is computed here, and without the threads that compute and wait here.
with app.app_context():
    for warm in ("north", "south"):
        total(warm), share(warm), yearly.text(warm)
for _ in range(3):
    threading.Thread(target=computed_while_forking, args=("north",), daemon=True).start()
begun.wait()
