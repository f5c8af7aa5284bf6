"""The demo: a sales report by region, in Flask, over a SQLite file of a million rows.

`python examples/flask_report.py` serves it. With `--once` it drives itself over HTTP through a fixed scenario, prints
what was served from the cache and what was computed, and ends with 0 only if all of it was as expected.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from flask import Flask, abort, g, redirect, render_template, request, url_for
from werkzeug.serving import make_server

from at_once import get_at_once
from page_sessions import PageSessions
from report_scenario import PARALLEL_REQUESTS, run_scenario, serving, table
from sales_database import REGIONS, RegionReport, insert_sales, region_report, region_version, sales_file
from versioned_lru_cache import versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from werkzeug import Response

MOST_READS_PER_REQUEST = 20
MOST_ROWS_PER_INSERT = 10_000
MOST_PAGE_SESSIONS = 64


@dataclass
class Tally:
    """What the calls of one request have set in motion. It lives in g, so requests on other threads don't mix in."""

    version_asked: int = 0
    computed: int = 0


@dataclass(frozen=True)
class Read:
    """How one call of the report went."""

    computed: int
    version_asked: int
    milliseconds: float


def tally() -> Tally:
    """Return the tally of the current request."""
    found: Tally = g.setdefault("tally", Tally())
    return found


def create_app(path: Path | str) -> Flask:
    """Make the app that reports on one database. Each app has a cache of its own: the path is no part of the key."""
    app = Flask(__name__)
    database = Path(path)
    if not database.is_file():  # SQLite would make an empty one
        raise FileNotFoundError(f"there is no database {path}; sales_file() makes one")

    def sales_version(region: str) -> int:
        tally().version_asked += 1
        return region_version(database, region)

    @versioned_lru_cache(sales_version, session=g, maxsize=len(REGIONS))
    def sales_report(region: str) -> RegionReport:
        tally().computed += 1
        return region_report(database, region)

    def timed_report(region: str) -> tuple[RegionReport, Read]:
        seen = tally()
        asked, computed = seen.version_asked, seen.computed
        start = perf_counter()
        report = sales_report(region)
        milliseconds = (perf_counter() - start) * 1_000
        return report, Read(seen.computed - computed, seen.version_asked - asked, milliseconds)

    def counts() -> dict[str, int]:
        stats = sales_report.cache_stats()
        return {"served": stats.hits, "computed": stats.misses, "version_asked": stats.version_calls}

    def insert_rows_of_form(region: str) -> int:
        rows = bounded(request.form.get("rows", ""), MOST_ROWS_PER_INSERT)
        insert_sales(database, known(region), rows)
        return rows

    @app.get("/")
    def index() -> str:
        return render_template(
            "live.html",
            regions=REGIONS,
            counts=counts(),
            most_rows=MOST_ROWS_PER_INSERT,
            parallel_requests=PARALLEL_REQUESTS,
        )

    @app.get("/region/<region>")
    def region_page(region: str) -> str:
        report, read = timed_report(known(region))
        return render_template(
            "region.html", regions=REGIONS, counts=counts(), report=report, read=read, most_rows=MOST_ROWS_PER_INSERT
        )

    @app.post("/region/<region>/sales")
    def insert(region: str) -> Response:
        insert_rows_of_form(region)
        return redirect(url_for("region_page", region=region), code=303)

    @app.post("/api/sales/<region>")
    def insert_as_json(region: str) -> dict[str, int]:
        return {"inserted": insert_rows_of_form(region)}

    @app.get("/api/report/<region>")
    def report_as_json(region: str) -> dict[str, object]:
        times = bounded(request.args.get("times", "1"), MOST_READS_PER_REQUEST)
        results = [timed_report(known(region)) for _ in range(times)]
        return {"region": region, "sales": results[-1][0].sales, "reads": [read for _, read in results]}

    @app.get("/api/counts")
    def counts_as_json() -> dict[str, int]:
        return counts()

    @app.get("/api/parallel/<region>")
    def parallel_reports_as_json(region: str) -> dict[str, object]:
        path = url_for("report_as_json", region=known(region), session=request.args.get("session"))
        return {"requests": get_at_once(app, path, PARALLEL_REQUESTS)}

    # From here on: sessions that the page holds over several requests.
    page_sessions = PageSessions(MOST_PAGE_SESSIONS)

    @app.post("/api/sessions")
    def begin_session() -> tuple[dict[str, str], int]:
        return {"session": page_sessions.begin()}, 201

    @app.before_request
    def continue_session() -> None:
        """Let a request that names a session take part in it. Without this, its g would begin one of its own."""
        name = request.args.get("session")
        if name is None:
            return
        session = page_sessions.find(name)
        if session is None:
            abort(410, "This session has ended; begin another.")
        g.setdefault("lru_cache_versions", session)  # where session=g looks for it

    return app


def known(region: str) -> str:
    """Return the region, or answer 404 if there is none of that name."""
    if region not in REGIONS:
        abort(404, f"There is no region {region!r}; there are {', '.join(REGIONS)}.")
    return region


def bounded(text: str, most: int) -> int:
    """Return the number that the text says, or answer 400 if it is not one from 1 to the most that is allowed."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        abort(400, f"A number from 1 to {most} is needed, not {text!r}.")
    return int(text)


def number_from(least: int, most: int) -> Callable[[str], int]:
    """Make a reader of numbers in these bounds for the command line."""

    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"a number from {least} to {most} is needed, not {text!r}")
        return int(text)

    return number


def serve(app: Flask, port: int) -> int:
    """Serve until Ctrl-C."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    print(f"Serving the report at http://127.0.0.1:{server.port}/ (Ctrl-C ends it)", flush=True)
    server.serve_forever()
    return 0


def once(app: Flask) -> int:
    """Drive the app over HTTP through the scenario and say what was not as expected."""
    with serving(app) as address:
        steps, complaints = run_scenario(address, REGIONS[0])
    print(table(steps))
    for complaint in complaints:
        print("NOT AS EXPECTED:", complaint, file=sys.stderr)
    return 1 if complaints else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, make the data if it is not there yet, then serve or run the scenario."""
    options = argparse.ArgumentParser(description="A sales report by region, cached by the version of its data.")
    options.add_argument("--data", type=Path, default=".demo", help="folder of the database (default: %(default)s)")
    options.add_argument(
        "--rows",
        type=number_from(1, 100_000_000),
        default=1_000_000,
        help="rows of the database, which is made if it is not there yet (default: %(default)s)",
    )
    options.add_argument(
        "--port", type=number_from(0, 65_535), default=8000, help="port to serve at, 0 for any (default: %(default)s)"
    )
    options.add_argument("--once", action="store_true", help="run the fixed scenario over HTTP, print it and end")
    chosen = options.parse_args(arguments)
    try:
        app = create_app(sales_file(chosen.data, chosen.rows))
        return once(app) if chosen.once else serve(app, chosen.port)
    except (OSError, sqlite3.Error) as error:
        print(f"flask_report: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
