"""The examples do what they say: each is run as a user would run it."""

from __future__ import annotations

import importlib
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT
from tests.programs import killed_generation
from tests.support.child import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

EXAMPLES = ROOT / "examples"
ROWS = 2_000
TIME_LIMIT = 120


def run_example(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Import an example as if it were run in its folder; the next test gets it anew, with an empty cache."""
    monkeypatch.syspath_prepend(EXAMPLES)
    before = set(sys.modules)
    yield importlib.import_module
    for name in {path.stem for path in EXAMPLES.glob("*.py")} - before:
        sys.modules.pop(name, None)


@pytest.fixture
def sales(example: Callable[[str], Any]) -> Any:
    return example("sales_database")


@pytest.fixture
def database(sales: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path: Path = sales.sales_file(tmp_path, ROWS)
    capsys.readouterr()  # the progress bar
    return path


# --- the quick start


@pytest.mark.child
def test_the_quick_start_works_once_per_distinct_call() -> None:
    ended = run_example("quick_start.py")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert [line for line in lines if line.startswith("Working hard")] == [
        "Working hard for test=None ...",
        "Working hard for test=1 ...",
    ]
    results = [line for line in lines if not line.startswith("Working hard")]
    assert len(results) == 3
    assert all(line.endswith("by test_function_we_want_to_cache") for line in results)
    assert results[0].partition(": ")[2] == results[1].partition(": ")[2]


# --- the faux database


@pytest.fixture
def faux(example: Callable[[str], Any]) -> FlaskClient:
    client: FlaskClient = example("flask_fauxdb_app_example").app.test_client()
    return client


def counters(page: str) -> dict[str, int]:
    return {what: int(count) for what, count in re.findall(r"<td>([a-z ]+)</td><td>(\d+)</td>", page)}


def test_the_faux_database_is_read_once_for_three_calls_and_not_again_for_the_next_page(faux: FlaskClient) -> None:
    first = faux.get("/").text
    assert "Stock: 207" in first
    assert counters(first) == {"version asked": 1, "row read": 3, "row written": 0}
    assert counters(faux.get("/").text) == {"version asked": 2, "row read": 3, "row written": 0}


def test_the_link_of_the_faux_database_page_changes_the_data(faux: FlaskClient) -> None:
    page = faux.get("/").text
    (link,) = re.findall(r'<a href="([^"]+)">Change the data</a>', page)
    changed = faux.get(link, follow_redirects=True).text
    assert "Stock: 217" in changed
    assert counters(changed) == {"version asked": 2, "row read": 6, "row written": 1}


@pytest.mark.child
def test_flask_finds_the_faux_database_app() -> None:
    command = [sys.executable, "-m", "flask", "--app", str(EXAMPLES / "flask_fauxdb_app_example"), "routes"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=True)
    assert "/change" in ended.stdout


# --- the demo: its scenario


def cells(output: str) -> dict[str, tuple[int, int, int]]:
    """Read served, computed and version asked of each step from the printed table."""
    table = output.splitlines()
    assert re.split(r"\s{2,}", table[0]) == [
        "step",
        "served",
        "computed",
        "version asked",
        "call, ms",
        "request, ms",
    ]
    rows = (re.fullmatch(r"(.+?)\s{2,}(\d+)\s+(\d+)\s+(\d+)\s+\d+\.\d+(\s+\d+\.\d+|\s*)", line) for line in table[1:])
    return {row[1]: (int(row[2]), int(row[3]), int(row[4])) for row in rows if row}


@pytest.mark.child
def test_the_scenario_of_the_demo_goes_as_expected(tmp_path: Path) -> None:
    ended = run_example("flask_report.py", "--once", "--data", tmp_path, "--rows", str(ROWS))
    assert ended.returncode == 0, ended.stderr
    assert "Generating sales: 100%" in ended.stderr
    expected = {
        "first request": (0, 1, 1),
        "again in the same request": (1, 0, 0),
        "next request": (1, 0, 1),
        "after an insert": (0, 1, 1),
        "16 parallel requests": (16, 0, 16),
    }
    assert cells(ended.stdout) == expected

    again = run_example("flask_report.py", "--once", "--data", tmp_path, "--rows", str(ROWS))
    assert (again.returncode, again.stderr) == (0, ""), "the file is there, so nothing is generated"
    assert cells(again.stdout) == expected


@pytest.mark.child
def test_the_scenario_fails_when_a_change_goes_past_the_version(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP TRIGGER sale_added")
    ended = run_example("flask_report.py", "--once", "--data", database.parent, "--rows", str(ROWS))
    assert ended.returncode == 1
    assert cells(ended.stdout)["after an insert"] == (1, 0, 1)
    assert "NOT AS EXPECTED: after an insert: expected Cost(served=0, computed=1, version_asked=1)" in ended.stderr
    assert "NOT AS EXPECTED: after an insert of 100 rows:" in ended.stderr


def test_the_scenario_fails_when_the_cache_is_warm_from_before(
    example: Callable[[str], Any], database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flask_report = example("flask_report")
    app = flask_report.create_app(database)
    app.test_client().get("/api/report/north")
    assert flask_report.once(app) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("NOT AS EXPECTED: first request:")
    assert errors[1].startswith("NOT AS EXPECTED: in all: the cache counted")
    assert len(errors) == 2


@pytest.mark.child
@pytest.mark.parametrize("option", [("--rows", "0"), ("--rows", "many"), ("--port", "65536")])
def test_a_wrong_option_of_the_demo_is_refused(option: tuple[str, str], tmp_path: Path) -> None:
    ended = run_example("flask_report.py", "--data", tmp_path, *option)
    assert ended.returncode == 2
    assert f"argument {option[0]}: a number from" in ended.stderr
    assert not list(tmp_path.iterdir())


# --- the demo: its pages


@pytest.fixture
def client(example: Callable[[str], Any], database: Path) -> FlaskClient:
    made: FlaskClient = example("flask_report").create_app(database).test_client()
    return made


def test_the_report_page_shows_what_was_computed_and_what_served(client: FlaskClient) -> None:
    assert 'href="/region/islands"' in client.get("/").text
    first = client.get("/region/north").text
    assert re.search(r"Computed in \d+\.\d{3} ms,\s+version asked: 1\.", first)
    assert re.search(r"Served from the cache in \d+\.\d{3} ms,\s+version asked: 1\.", client.get("/region/north").text)
    assert client.get("/api/counts").json == {"served": 1, "computed": 1, "version_asked": 2}


def test_the_form_of_the_report_page_inserts_rows_that_the_next_page_shows(client: FlaskClient) -> None:
    before = client.get("/api/report/north").get_json()["sales"]
    action = re.findall(r'<form method="post" action="([^"]+)">', client.get("/region/north").text)
    page = client.post(action[0], data={"rows": "7"}, follow_redirects=True)
    assert f"north: {before + 7:,} sales" in page.text
    assert "Computed in" in page.text


def test_an_insert_in_one_region_leaves_the_reports_of_the_others_served(client: FlaskClient) -> None:
    for region in ("north", "east"):
        client.get(f"/api/report/{region}")
    assert client.post("/api/sales/north", data={"rows": "1"}).json == {"inserted": 1}
    computed = {
        region: client.get(f"/api/report/{region}").get_json()["reads"][0]["computed"] for region in ("north", "east")
    }
    assert computed == {"north": 1, "east": 0}


@pytest.mark.parametrize(
    ("method", "path", "form", "status"),
    [
        ("GET", "/region/nowhere", None, 404),
        ("GET", "/api/report/nowhere", None, 404),
        ("GET", "/api/parallel/nowhere", None, 404),
        ("GET", "/api/report/north?times=0", None, 400),
        ("GET", "/api/report/north?times=21", None, 400),
        ("POST", "/api/sales/nowhere", {"rows": "1"}, 404),
        ("POST", "/api/sales/north", {"rows": "-1"}, 400),
        ("POST", "/api/sales/north", {"rows": "10001"}, 400),
        ("POST", "/region/north/sales", {}, 400),
    ],
)
def test_a_bad_request_is_refused(
    client: FlaskClient, method: str, path: str, form: dict[str, str] | None, status: int
) -> None:
    assert client.open(path, method=method, data=form).status_code == status
    assert client.get("/api/counts").json == {"served": 0, "computed": 0, "version_asked": 0}


def test_two_apps_with_two_databases_do_not_share_results(
    example: Callable[[str], Any], sales: Any, database: Path
) -> None:
    create_app = example("flask_report").create_app
    smaller = sales.sales_file(database.parent, ROWS // 2)
    answers = [create_app(path).test_client().get("/api/report/north").get_json() for path in (database, smaller)]
    assert answers[0]["sales"] > answers[1]["sales"]


def test_an_app_without_its_database_is_not_made(example: Callable[[str], Any], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no database"):
        example("flask_report").create_app(tmp_path / "missing.sqlite3")


# --- the demo: sessions that a page holds, and requests at once


def begun(client: FlaskClient) -> str:
    answer = client.post("/api/sessions")
    assert answer.status_code == 201
    name: str = answer.get_json()["session"]
    return name


def read(client: FlaskClient, session: str | None = None) -> tuple[int, int, int]:
    """Return the sales of the north, and whether they were computed and the version was asked."""
    answer = client.get("/api/report/north", query_string={"session": session} if session else {}).get_json()
    (call,) = answer["reads"]
    return answer["sales"], call["computed"], call["version_asked"]


def test_a_session_that_a_page_holds_reads_the_same_in_all_its_requests(client: FlaskClient) -> None:
    one = begun(client)
    sales, *cost = read(client, one)
    assert cost == [1, 1]
    client.post("/api/sales/north", data={"rows": "3"})
    assert read(client, one) == (sales, 0, 0)
    assert read(client) == (sales + 3, 1, 1), "a request that names no session is one of its own"
    assert read(client, one) == (sales, 0, 0)
    assert read(client, begun(client)) == (sales + 3, 0, 1)
    assert "Served from the cache" in client.get("/region/north", query_string={"session": one}).text
    assert client.get("/api/counts").json == {"served": 4, "computed": 2, "version_asked": 3}


def test_a_session_that_was_not_begun_is_refused(client: FlaskClient) -> None:
    for path in ("/api/report/north", "/api/parallel/north", "/region/north"):
        assert client.get(path, query_string={"session": "unknown"}).status_code == 410
    assert client.get("/api/counts").json == {"served": 0, "computed": 0, "version_asked": 0}


def test_the_sessions_that_pages_hold_are_bounded(example: Callable[[str], Any]) -> None:
    sessions = example("page_sessions").PageSessions(2)
    used, unused = sessions.begin(), sessions.begin()
    found = sessions.find(used)
    assert found is not None
    newest = sessions.begin()
    assert sessions.find(used) is found
    assert sessions.find(unused) is None, "the one that was not used for longest has made room"
    assert sessions.find(newest) is not None


def test_parallel_requests_are_in_the_server_at_the_same_time(
    example: Callable[[str], Any], database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flask_report = example("flask_report")
    client = flask_report.create_app(database).test_client()
    sales, *_ = read(client)
    region_version, together = flask_report.region_version, Barrier(16)

    def wait_for_the_others(path: Path, region: str) -> int:
        together.wait(TIME_LIMIT)
        version: int = region_version(path, region)
        return version

    monkeypatch.setattr(flask_report, "region_version", wait_for_the_others)
    answers = client.get("/api/parallel/north").get_json()["requests"]
    assert [(each["region"], each["sales"]) for each in answers] == [("north", sales)] * 16
    calls = [call for each in answers for call in each["reads"]]
    assert [(call["computed"], call["version_asked"]) for call in calls] == [(0, 1)] * 16
    assert all(0 < call["milliseconds"] < each["request_ms"] for call, each in zip(calls, answers, strict=True))


def test_no_parallel_request_begins_before_all_are_ready(
    example: Callable[[str], Any], database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = example("flask_report").create_app(database)
    make, ready, seen = app.test_client, [], []

    def counted() -> FlaskClient:
        ready.append(None)
        client: FlaskClient = make()
        return client

    monkeypatch.setattr(app, "test_client", counted)
    app.before_request(lambda: seen.append(len(ready)))
    example("at_once").get_at_once(app, "/api/counts", 64)  # so many that the first would be done before the last
    assert seen == [64] * 64


def test_parallel_requests_take_part_in_the_session_of_the_page(client: FlaskClient) -> None:
    session = begun(client)
    read(client, session)
    answers = client.get("/api/parallel/north", query_string={"session": session}).get_json()["requests"]
    calls = [call for each in answers for call in each["reads"]]
    assert [(call["computed"], call["version_asked"]) for call in calls] == [(0, 0)] * 16


def test_a_parallel_request_that_fails_is_not_passed_over(
    example: Callable[[str], Any], database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flask_report = example("flask_report")
    app = flask_report.create_app(database)

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("as if the database were locked")

    monkeypatch.setattr(flask_report, "region_version", fail)
    with pytest.raises(RuntimeError, match="/api/report/north was answered with 500"):
        example("at_once").get_at_once(app, "/api/report/north", 2)
    assert app.test_client().get("/api/parallel/north").status_code == 500


# --- the demo: its data


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM sales ORDER BY id").fetchall()


def test_the_generated_rows_are_the_same_every_time(sales: Any, tmp_path: Path) -> None:
    one, other = (rows_of(sales.sales_file(tmp_path / folder, ROWS)) for folder in ("one", "other"))
    assert len(one) == ROWS
    assert one == other


def test_the_report_sums_up_the_sales_of_its_region(sales: Any, database: Path) -> None:
    rows = [row[1:] for row in rows_of(database)]
    for region in sales.REGIONS:
        ours = [row for row in rows if row[1] == region]
        report = sales.region_report(database, region)
        assert report.sales == len(ours)
        assert sum(line.pieces for line in report.lines) == sum(row[4] for row in ours)
        assert sum(line.revenue_cents for line in report.lines) == sum(row[4] * row[5] for row in ours)
        line = report.lines[0]
        bought = [row for row in ours if row[2] == line.product and row[0].startswith(line.month)]
        assert line.customers == len({row[3] for row in bought})


def test_an_interrupted_generation_leaves_nothing_behind(
    sales: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = sales.generated_sales

    def stop_in_the_second_batch(source: object, count: int, regions: object) -> object:
        if count < sales.ROWS_PER_BATCH:
            raise KeyboardInterrupt
        return generate(source, count, regions)

    rows = sales.ROWS_PER_BATCH + 1
    with monkeypatch.context() as patched:
        patched.setattr(sales, "generated_sales", stop_in_the_second_batch)
        with pytest.raises(KeyboardInterrupt):
            sales.sales_file(tmp_path, rows)
    assert not list(tmp_path.iterdir())
    assert len(rows_of(sales.sales_file(tmp_path, rows))) == rows


@pytest.mark.child
def test_a_killed_generation_is_not_taken_for_a_finished_one(sales: Any, tmp_path: Path) -> None:
    run(killed_generation.die_after_the_first_batch, str(EXAMPLES), str(tmp_path), timeout=TIME_LIMIT, exit_code=-9)
    rows = sales.ROWS_PER_BATCH + 1
    assert len(rows_of(sales.sales_file(tmp_path, rows))) == rows


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        (
            "INSERT INTO sales SELECT NULL, day, region, product, customer, quantity, price_cents FROM sales",
            {"north", "east"},
        ),
        ("UPDATE sales SET quantity = quantity + 1 WHERE region = 'north'", {"north"}),
        ("UPDATE sales SET region = 'east' WHERE region = 'north'", {"north", "east"}),
        ("DELETE FROM sales WHERE region = 'east'", {"east"}),
        ("DELETE FROM sales", {"north", "east"}),
        ("UPDATE sales SET quantity = 1 WHERE region = 'nowhere'", set()),
    ],
)
def test_the_version_of_a_region_follows_every_committed_change(
    sales: Any, database: Path, statement: str, changed: set[str]
) -> None:
    def versions() -> dict[str, int]:
        return {region: sales.region_version(database, region) for region in ("north", "east")}

    before = versions()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(statement)
        connection.rollback()
        assert versions() == before
        connection.execute(statement)
        assert versions() == before, "not committed yet"
        connection.commit()
    after = versions()
    assert {region for region in before if after[region] != before[region]} == changed
