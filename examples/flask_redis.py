"""A Flask app on two machines that share one Redis: results, and the version of the data.

Each "machine" is a gunicorn with two workers, a folder and a port of its own. `python examples/flask_redis.py` serves a
page that asks both and shows which worker of which machine computed. With `--once` it drives itself over HTTP through a
fixed scenario: a restart of one machine, a change made on the other, a worker that is killed while it computes, a Redis
that is killed and started again. It prints what each step cost, and ends with 0 only if that was as expected.

It starts a redis-server of its own, with a replica, unless REDIS_URL names one.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis
from flask import g

from machines_scenario import WORKERS_OF_EACH, machines_of, run_scenario
from redis_servers import Unavailable, redis_to_use
from shared_prices import SharedPrices
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.stores import RedisStore
from workers_app import begin_computation, worker_app

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from flask import Flask, Response

    from machines_scenario import Machine


def create_app(
    folder: str,
    url: str,
    replica: str | None = None,
    seconds: float = 0.5,
    lease_seconds: float = 1.0,
    machines: Sequence[str] = (),
) -> Flask:
    """Make the app that one worker of one machine serves.

    Args:
        folder: The machine's own. Its name is the machine's.
        url: Of the Redis that all machines share.
        replica: The URL of its replica, which has the prices while it is away.
        seconds: How long it takes to compute a report.
        lease_seconds: How long others wait for a worker that was killed.
        machines: The addresses of all machines, which the page asks in turn.
    """
    machine = Path(folder).name
    store = RedisStore(url, namespace="machines", lease_seconds=lease_seconds)
    version = store.counter("prices")
    prices = SharedPrices(url, replica, version.bump)

    # A replica may lag behind: a version that the server told before it went may be newer than what the replica has.
    @versioned_lru_cache(version, session=g, store=store, name="report", cache_if=lambda found: found["lasts"])
    def report(item: str) -> dict[str, Any]:
        begin_computation(Path(folder), item)
        time.sleep(seconds)
        price, lasts = prices.price_of(item)
        return {"item": item, "price": price, "worker": os.getpid(), "machine": machine, "lasts": lasts}

    app = worker_app(
        "machines.html",
        report,
        prices.change,
        machine=machine,
        workers=WORKERS_OF_EACH,
        seconds=seconds,
        machines=machines,
    )

    @app.errorhandler(redis.RedisError)
    def away(error: redis.RedisError) -> tuple[dict[str, str], int]:
        app.logger.warning("%s: %s", type(error).__name__, error)
        return {"error": "Redis is away. A change that was asked for has perhaps not happened."}, 503

    @app.after_request
    def may_be_asked_by_other_machines(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = "*"  # The page is one machine's, and asks all of them.
        return response

    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, then serve or run the scenario."""
    options = argparse.ArgumentParser(description="Two machines of two gunicorn workers that share one Redis.")
    options.add_argument("--data", default=".demo/machines", help="folder of the data (default: %(default)s)")
    options.add_argument(
        "--port",
        type=int,
        default=8000,
        help="port of the first machine, the other has the next (default: %(default)s)",
    )
    options.add_argument(
        "--seconds", type=float, default=0.5, help="how long it takes to compute a report (default: %(default)s)"
    )
    options.add_argument(
        "--lease", type=float, default=1.0, help="seconds that others wait for a killed worker (default: %(default)s)"
    )
    options.add_argument("--once", action="store_true", help="run the fixed scenario over HTTP, print it and end")
    chosen = options.parse_args(arguments)
    if os.name == "nt":
        print("flask_redis: gunicorn needs a system with fork, and Windows has none", file=sys.stderr)
        return 1
    folder = Path(chosen.data).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, end)
    try:
        with redis_to_use(folder) as (url, replica, server):
            machines = machines_of(folder, url, replica, chosen.seconds, chosen.lease)
            if not chosen.once:
                return serve(machines, chosen.port)
            complaints = run_scenario(machines, server)
    except Unavailable as error:
        print(f"flask_redis: {error}", file=sys.stderr)
        return 1
    for complaint in complaints:
        print("NOT AS EXPECTED:", complaint, file=sys.stderr)
    return 1 if complaints else 0


def serve(machines: Sequence[Machine], port: int) -> int:
    """Serve until Ctrl-C."""
    addresses = [f"http://127.0.0.1:{port + place}" for place in range(len(machines))]
    with ExitStack() as at_the_end, suppress(KeyboardInterrupt):
        for place, machine in enumerate(machines):
            at_the_end.enter_context(machine.serving(port + place, addresses, limit=None))
            print(f"{machine.folder.name} serves at {addresses[place]}, its log is in {machine.folder}", flush=True)
        print("Ctrl-C ends both.", flush=True)
        while True:
            signal.pause()
    return 0


def end(number: int, frame: FrameType | None) -> None:
    """End as at Ctrl-C, and with all that was started."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
