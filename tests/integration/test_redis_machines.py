"""The machines' demo: two gunicorns over one Redis, restarts, changes, a worker and a Redis that are killed."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import redis
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests import ROOT
from tests.support.browser import DESKTOP, PHONE, TIME_LIMIT, show_as, started_browser
from tests.support.redis_server import RedisServer, free_port, needs_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selenium import webdriver

EXAMPLES = ROOT / "examples"
pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork, on which there is no gunicorn"),
]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module


@pytest.fixture
def server(example: Callable[[str], Any]) -> Iterator[RedisServer]:
    started = RedisServer(*example("redis_servers").DURABLE)
    yield started
    started.end()


@pytest.fixture
def replica(example: Callable[[str], Any], server: RedisServer) -> Iterator[RedisServer]:
    started = RedisServer(*example("redis_servers").replica_of(server.port))
    with started.client() as client:
        # It answers from the start, and has the data a moment later.
        until = time.monotonic() + TIME_LIMIT
        while not example("redis_servers").answers(client):
            assert time.monotonic() < until
            time.sleep(0.01)
    yield started
    started.end()


def run_example(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / "flask_redis.py"), *arguments]
    own = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=2 * TIME_LIMIT, check=False, env={**own, **environment}
    )


def test_one_worker_computes_for_all_machines_also_after_a_restart_a_change_a_kill_and_an_outage(
    tmp_path: Path,
) -> None:
    needs_redis()
    ran = run_example("--once", f"--data={tmp_path}", "--seconds=0.3")
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    lines = ran.stdout.splitlines()
    assert [line[:34].strip() for line in lines] == [
        "step",
        "a change, then requests at once",
        "more requests",
        "after a restart of one machine",
        "a change here, requests there",
        "requests to both",
        "a worker is killed as it computes",
        "Redis is killed",
        "Redis is back",
        "a change after that",
        "more requests after that",
    ]
    counts = {line[:34].strip(): [int(number) for number in line[34:].split()[:5]] for line in lines[1:]}
    assert [computed for _, _, computed, *_ in counts.values()][:6] == [1, 0, 0, 1, 0, 2]
    killed = counts.pop("a worker is killed as it computes")
    assert killed[0] == 39, "all but that of the killed worker"
    requests, _, *sources = counts.pop("Redis is killed")
    assert requests >= 16
    assert sources == [requests, 0, 0], "nobody can tell a version"
    del counts["Redis is back"]
    assert [workers for _, workers, *_ in counts.values()] == [4, 4, 4, 2, 4, 4, 4]
    # Who has not computed loads once, and then its memory answers.
    assert [(computed, store) for _, _, computed, store, _ in counts.values()] == [
        (1, 3),
        (0, 0),
        (0, 2),
        (1, 1),
        (0, 2),
        (1, 3),
        (0, 0),
    ]
    logs = [(tmp_path / name / "gunicorn.log").read_text() for name in ("web-1", "web-2")]
    assert not any("Traceback" in log for log in logs)
    assert not list(tmp_path.glob("redis-*")), "its own servers have ended, and left nothing"


def test_what_is_missing_is_said_plainly(tmp_path: Path) -> None:
    ran = run_example("--once", f"--data={tmp_path}", PATH=str(tmp_path))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("flask_redis: there is no redis-server (on Debian: apt-get install redis-server)")
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "nonsense"])
def test_a_redis_that_was_named_and_can_not_be_used_is_told(
    example: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    servers = example("redis_servers")
    with (
        pytest.raises(servers.Unavailable, match="the server that REDIS_URL names can't be used: "),
        servers.redis_to_use(tmp_path),
    ):
        pass


def test_a_redis_that_was_named_is_used_and_not_killed(
    example: Callable[[str], Any], server: RedisServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REDIS_URL", server.url)
    with example("redis_servers").redis_to_use(tmp_path) as (url, replica, ours):
        assert (url, replica, ours) == (server.url, None, None)
    with server.client() as client:
        assert client.ping()


@pytest.fixture
def apps(
    example: Callable[[str], Any],
    server: RedisServer,
    replica: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[list[Any]]:
    """The apps of two machines, in this process, which closes what each keeps open as long as it runs."""
    prices = example("shared_prices")
    with ExitStack() as at_the_end:
        really_client = prices.client

        def client(url: str, repeats: int) -> Any:
            return at_the_end.enter_context(really_client(url, repeats))

        monkeypatch.setattr(prices, "client", client)
        folders = [tmp_path / name for name in ("web-1", "web-2")]
        for folder in folders:
            folder.mkdir()
        create_app = example("flask_redis").create_app
        yield [create_app(str(folder), server.url, replica.url, 0.0).test_client() for folder in folders]


def test_a_price_and_its_version_change_together_or_not_at_all(
    apps: list[Any], server: RedisServer, replica: RedisServer
) -> None:
    one, other = apps
    assert one.get("/api/report/tea").json["price"] == 100
    assert one.post("/api/prices/tea").json == {"item": "tea", "price": 101}
    with replica.client() as asking:
        assert asking.hget("machines:prices", "tea") == b"101", "a change that was answered is there already"
    for each, source in ((other, "computed"), (one, "store")):
        answer = each.get("/api/report/tea").json
        assert (answer["price"], answer["source"]) == (101, source)

    server.kill()
    refused = other.post("/api/prices/tea")
    assert refused.status_code == 503
    assert "Redis is away" in refused.json["error"]
    for _ in range(2):
        answer = one.get("/api/report/tea").json
        assert (answer["price"], answer["source"]) == (101, "computed")

    server.start()
    with server.client() as asking:
        assert asking.hget("machines:prices", "tea") == b"101", "what was refused has not happened"


def test_what_a_replica_that_lags_has_told_is_not_kept(
    example: Callable[[str], Any],
    apps: list[Any],
    server: RedisServer,
    replica: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = apps
    assert one.post("/api/prices/tea").json["price"] == 101
    with replica.client() as asking:
        asking.execute_command("REPLICAOF", "127.0.0.1", free_port())  # It hears of nothing any more.
    prices = example("shared_prices")
    monkeypatch.setattr(prices, "has_reached_a_replica", lambda server: True)
    assert one.post("/api/prices/tea").json["price"] == 102

    # The server goes after it has told the version, and before it is asked for the price.
    really_read = prices.read
    asked: list[int] = []

    def read(client: Any, item: str) -> int:
        asked.append(client.get_connection_kwargs()["port"])
        if len(asked) == 1:
            raise redis.ConnectionError("the server has gone")
        found: int = really_read(client, item)
        return found

    monkeypatch.setattr(prices, "read", read)
    assert one.get("/api/report/tea").json["price"] == 101
    assert asked == [server.port, replica.port]
    assert [each.get("/api/report/tea").json["price"] for each in (one, other)] == [102, 102]


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    with started_browser() as started:
        yield started


def test_the_page_asks_all_machines_and_shows_whose_worker_computed(
    browser: webdriver.Chrome, example: Callable[[str], Any], server: RedisServer, tmp_path: Path
) -> None:
    def shown(selector: str) -> str:
        return browser.find_element("css selector", selector).text

    def press(button: str, said: str) -> None:
        browser.find_element("id", button).click()
        WebDriverWait(browser, TIME_LIMIT, poll_frequency=0.02).until(lambda _: said in shown("#verdict"))

    def choose(machine: str) -> None:
        Select(browser.find_element("id", "machine")).select_by_visible_text(machine)

    ports = [free_port(), free_port()]
    addresses = [f"http://127.0.0.1:{port}" for port in ports]
    with ExitStack() as at_the_end:
        for each, port in zip(
            example("machines_scenario").machines_of(tmp_path, server.url, None, 0.2, 1.0), ports, strict=True
        ):
            assert at_the_end.enter_context(each.serving(port, addresses)) in addresses
        show_as(browser, DESKTOP, "dark")
        browser.get(addresses[0])
        press("ask", "1 computed")
        choose("web-2")
        press("change", "The price of tea is 101 now.")
        choose("web-1")
        press("ask", "1 computed")
        choose("each in turn")
        press("ask", "none computed")
        rows = [row.text.split() for row in browser.find_elements("css selector", "#workers tbody tr")]
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)
        assert {row[0] for row in rows} == {"web-1,", "web-2,"}
        numbers = [[int(number) for number in row[3:6]] for row in rows]
        assert sum(computed for computed, *_ in numbers) == 2
        assert sum(map(sum, numbers)) == 36

        show_as(browser, PHONE, "light")
        for wide in ("document.documentElement", "document.querySelector('#log').parentElement"):
            fits = f"return [{wide}.scrollWidth, {wide}.clientWidth]"
            needed, there = browser.execute_script(fits)
            assert needed <= there, wide

        server.kill()
        press("change", "That has failed.")
        assert "503" in shown("#details")
    serious = [entry for entry in browser.get_log("browser") if "503" not in entry["message"]]
    assert serious == []
