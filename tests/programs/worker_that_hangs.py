"""A Flask app for gunicorn whose computation hangs once. What each worker does is told in files, which tests read."""

from __future__ import annotations

import os
import time
from pathlib import Path

from flask import Flask, g

from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import LocalStore
from versioned_lru_cache.versions import file

FOR_EVER = 3_600.0


def create_app(folder: str, wait: float | None = None) -> Flask:
    """The app of one worker: it hangs where there is a file `hang`, and removes that before."""
    app = Flask(__name__)
    data, hang = Path(folder, "data"), Path(folder, "hang")

    def tell(what: str) -> None:
        with Path(folder, what).open("a") as told:
            told.write(f"{os.getpid()}\n")

    class Store(LocalStore):
        def wait(self, address: bytes, version: bytes, seconds: float) -> None:
            tell("waits")
            super().wait(address, version, seconds)

    store = Store(Path(folder, "store"), namespace="test")

    @versioned_lru_cache(file(data, digest=True), session=g, store=store, name="report", wait=wait)
    def report() -> dict[str, object]:
        found = {"data": data.read_text(), "computed_by": os.getpid()}
        tell("computations")
        if hang.exists():
            hang.unlink()
            time.sleep(FOR_EVER)
        return found

    @app.get("/")
    def show() -> dict[str, object]:
        tell("requests")
        return {**report(), "worker": os.getpid()}

    return app
