"""The fixed scenario of the demo: five steps over real HTTP, and what each is expected to cost."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from threading import Barrier, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from werkzeug.serving import make_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flask import Flask

PARALLEL_REQUESTS = 16
ROWS_TO_INSERT = 100
TIME_LIMIT = 60.0

# No proxy that the environment names is asked for a server on this machine.
OPENER = build_opener(ProxyHandler({}))


@dataclass(frozen=True)
class Cost:
    """How many calls of the report were served or computed, and how often its version was asked for them."""

    served: int
    computed: int
    version_asked: int


@dataclass(frozen=True)
class Step:
    """One line of the table. The time of a call is taken in the server, that of a request by its client."""

    name: str
    cost: Cost
    expected: Cost
    slowest_call_ms: float
    request_ms: float | None


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve the app on a free port of this machine and yield its address."""
    log = logging.getLogger("werkzeug")
    level = log.level
    log.setLevel(logging.WARNING)  # a line for each request would drown the table
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, name="report-server")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        log.setLevel(level)


def fetch_json(url: str, form: dict[str, int] | None = None) -> tuple[dict[str, Any], float]:
    """Send a request, a POST if there is a form; return the answer, read as JSON, and the milliseconds it took."""
    data = None if form is None else urlencode(form).encode()
    start = perf_counter()
    with OPENER.open(Request(url, data), timeout=TIME_LIMIT) as response:
        body = response.read()
    milliseconds = (perf_counter() - start) * 1_000
    answer: dict[str, Any] = json.loads(body)
    return answer, milliseconds


def step(name: str, reads: Sequence[dict[str, Any]], expected: Cost, request_ms: float | None = None) -> Step:
    """Sum up what the server says about its calls of the report in one step."""
    computed = sum(read["computed"] for read in reads)
    cost = Cost(len(reads) - computed, computed, sum(read["version_asked"] for read in reads))
    return Step(name, cost, expected, max(read["milliseconds"] for read in reads), request_ms)


def run_scenario(address: str, region: str) -> tuple[list[Step], list[str]]:
    """Go through the five steps; return them, and in words all that was not as expected.

    The server has to be a fresh one: the first step expects an empty cache.
    """
    report_url = f"{address}/api/report/{region}"

    answer, request_ms = fetch_json(f"{report_url}?times=2")
    first, again = answer["reads"]
    steps = [
        step("first request", [first], Cost(0, 1, 1), request_ms),
        step("again in the same request", [again], Cost(1, 0, 0)),
    ]
    sales_before = answer["sales"]

    answer, request_ms = fetch_json(report_url)
    steps.append(step("next request", answer["reads"], Cost(1, 0, 1), request_ms))

    fetch_json(f"{address}/api/sales/{region}", form={"rows": ROWS_TO_INSERT})
    answer, request_ms = fetch_json(report_url)
    steps.append(step("after an insert", answer["reads"], Cost(0, 1, 1), request_ms))
    sales_after = answer["sales"]

    # The entry is warm from the step before. Each request is a session of its own, so each asks for the version.
    reads, request_ms = parallel_reads(report_url)
    expected = Cost(PARALLEL_REQUESTS, 0, PARALLEL_REQUESTS)
    steps.append(step(f"{PARALLEL_REQUESTS} parallel requests", reads, expected, request_ms))

    complaints = [
        f"{each.name}: expected {each.expected}, got {each.cost}" for each in steps if each.cost != each.expected
    ]
    if sales_after != sales_before + ROWS_TO_INSERT:
        complaints.append(f"after an insert of {ROWS_TO_INSERT} rows: {sales_before} sales became {sales_after}")
    # The library keeps count too, and has to come to the same result.
    counted, _ = fetch_json(f"{address}/api/counts")
    summed = {field.name: sum(getattr(each.cost, field.name) for each in steps) for field in fields(Cost)}
    if counted != summed:
        complaints.append(f"in all: the cache counted {counted}, the steps {summed}")
    return steps, complaints


def parallel_reads(url: str) -> tuple[list[dict[str, Any]], float]:
    """Fetch the report on many threads at once; return all its calls and the milliseconds until the last answer."""
    together = Barrier(PARALLEL_REQUESTS)

    def fetch_with_the_others(_: int) -> list[dict[str, Any]]:
        together.wait(TIME_LIMIT)
        reads: list[dict[str, Any]] = fetch_json(url)[0]["reads"]
        return reads

    start = perf_counter()
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        answers = list(pool.map(fetch_with_the_others, range(PARALLEL_REQUESTS)))
    milliseconds = (perf_counter() - start) * 1_000
    return [read for reads in answers for read in reads], milliseconds


def table(steps: Sequence[Step]) -> str:
    """Lay the steps out as text."""
    lines = [f"{'step':<26}{'served':>7}{'computed':>10}{'version asked':>15}{'call, ms':>11}{'request, ms':>13}"]
    for each in steps:
        request = "" if each.request_ms is None else f"{each.request_ms:.1f}"
        lines.append(
            f"{each.name:<26}{each.cost.served:>7}{each.cost.computed:>10}{each.cost.version_asked:>15}"
            f"{each.slowest_call_ms:>11.3f}{request:>13}"
        )
    return "\n".join(lines)
