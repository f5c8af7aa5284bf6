"""The workers' demo: four gunicorn workers over one store, restarts, changes and a worker that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests import ROOT
from tests.support.browser import DESKTOP, PHONE, TIME_LIMIT, show_as, started_browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium import webdriver

EXAMPLES = ROOT / "examples"
pytestmark = [
    pytest.mark.child,
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork, on which there is no gunicorn"),
]


def test_one_worker_computes_for_all_also_after_a_restart_a_change_and_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "flask_workers.py"), "--once", f"--data={tmp_path}", "--seconds=1"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=2 * TIME_LIMIT, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    lines = ran.stdout.splitlines()
    assert [line[:34].strip() for line in lines] == [
        "step",
        "a change, then requests at once",
        "more requests",
        "after a restart",
        "after another change",
        "a worker is killed as it computes",
    ]
    counts = [[int(number) for number in line[34:].split()[:5]] for line in lines[1:]]
    assert [computed for _, _, computed, *_ in counts] == [1, 0, 0, 1, 2]
    killed = counts.pop()
    assert killed[0] == 39, "all but that of the killed worker"
    # Each worker has answered. Who has not computed loads once, and then its memory answers.
    assert [workers for _, workers, *_ in counts] == [4] * 4
    assert [store for _, _, _, store, _ in counts] == [3, 0, 4, 3]


def test_a_step_that_computes_too_often_is_told(scenario: Any, tmp_path: Path) -> None:
    told = scenario.Scenario(tmp_path)
    answers = [{"worker": 1, "source": "computed", "price": price} for price in (100, 101)]
    told.step("a step", 1, lambda: answers)
    assert told.complaints == ["a step: 0 computations have begun, 1 were expected"]
    told.step("another", 0, lambda: answers)
    assert told.complaints[1:] == ["another: the price is 100, and 1 answers said 101"]


@pytest.mark.parametrize("options", [["--threads=4"], ["--preload"]], ids=["threads", "preload"])
def test_it_holds_for_workers_with_threads_and_for_a_preloaded_app(
    scenario: Any, tmp_path: Path, options: list[str]
) -> None:
    command, log = scenario.gunicorn_command(tmp_path, 0.2, 0, options), tmp_path / "gunicorn.log"
    with scenario.serving(command, log) as address:
        for price in (101, 102):
            assert scenario.fetch_json(f"{address}/api/prices/tea", form={})[0]["price"] == price
            answers = scenario.ask_often(address)
            assert {answer["price"] for answer in answers} == {price}
            assert len(scenario.computations(tmp_path)) == price - 100
    assert "Traceback" not in log.read_text()


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    with started_browser() as started:
        yield started


def test_the_page_shows_who_computed_and_where_other_answers_came_from(
    browser: webdriver.Chrome, scenario: Any, tmp_path: Path
) -> None:
    def shown(selector: str) -> str:
        return browser.find_element("css selector", selector).text

    def press(button: str, said: str) -> None:
        browser.find_element("id", button).click()
        WebDriverWait(browser, TIME_LIMIT, poll_frequency=0.02).until(lambda _: said in shown("#verdict"))

    command = scenario.gunicorn_command(tmp_path, 0.2, 0)
    with scenario.serving(command, tmp_path / "gunicorn.log") as address:
        show_as(browser, DESKTOP, "dark")
        browser.get(address)
        press("ask", "1 computed")
        press("change", "The price of tea is 101 now.")
        press("ask", "1 computed")
        press("ask", "none computed")
        rows = [row.text.split() for row in browser.find_elements("css selector", "#workers tbody tr")]
        numbers = [[int(number) for number in row[2:5]] for row in rows]
        assert sum(computed for computed, *_ in numbers) == 2
        assert sum(map(sum, numbers)) == 36
        assert len(browser.find_elements("css selector", "#log tbody tr")) == 36
        Select(browser.find_element("id", "item")).select_by_visible_text("oil")
        press("change", "The price of oil is 101 now.")
        assert len(scenario.computations(tmp_path)) == 2

        show_as(browser, PHONE, "light")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    browser.find_element("id", "ask").click()
    WebDriverWait(browser, TIME_LIMIT).until(lambda _: "That has failed." in shown("#verdict"))
    serious = [entry for entry in browser.get_log("browser") if "ERR_CONNECTION_REFUSED" not in entry["message"]]
    assert serious == []
