"""The page of the demo, in a real Chromium: what its buttons do, and that it shows what the server counted."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests import ROOT
from tests.support.browser import DESKTOP, PHONE, TIME_LIMIT, show_as, started_browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium import webdriver
    from selenium.webdriver.remote.webelement import WebElement

DEMO = ROOT / "examples" / "flask_report.py"
ROWS = 2_000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with started_browser() as started:
        yield started


@contextmanager
def served_demo(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start the demo as a user would, on a free port; yield its address. Ctrl-C has to end it, without a complaint."""
    log = folder / "server.log"
    command = [sys.executable, "-W", "error", str(DEMO), "--data", str(folder), "--rows", str(ROWS), "--port", "0"]
    with log.open("w") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as demo:
        last_resort = Timer(TIME_LIMIT * 2, demo.kill)
        last_resort.start()
        try:
            assert demo.stdout is not None
            said = re.search(r"http://127\.0\.0\.1:\d+/", demo.stdout.readline())
            assert said, log.read_text()
            yield said[0], demo
            if demo.poll() is None:
                demo.send_signal(signal.SIGINT)
            assert demo.wait(TIME_LIMIT) == 0
            assert "Traceback" not in log.read_text()
        finally:
            last_resort.cancel()
            demo.kill()


class Page:
    """The page as its user sees it, and the server behind it."""

    def __init__(self, browser: webdriver.Chrome, address: str, demo: subprocess.Popen[str]) -> None:
        self.browser = browser
        self.address = address
        self.demo = demo
        self.wait = WebDriverWait(browser, TIME_LIMIT, poll_frequency=0.02)

    def open(self, path: str = "", size: tuple[int, int] = DESKTOP, scheme: str = "light") -> None:
        """Load a page in a window of that size."""
        show_as(self.browser, size, scheme)
        self.browser.get(self.address + path)

    def find(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def script(self, code: str) -> Any:
        return self.browser.execute_script(code)

    def settle(self) -> None:
        """Wait until the page has shown what it was asked for."""
        self.wait.until(lambda _: self.find("#controls").get_attribute("aria-busy") is None)

    def press(self, *names: str) -> None:
        for name in names:
            self.find(f"#{name}").click()
            self.settle()

    def keys(self, *pressed: str) -> None:
        """Press keys wherever the focus is."""
        for key in pressed:
            self.browser.switch_to.active_element.send_keys(key)
            self.settle()

    def verdict(self) -> str:
        return self.find("#verdict").text

    def details(self) -> str:
        return self.find("#details").text

    def log(self) -> list[str]:
        """Return the kinds of all lines of the log, oldest first."""
        kinds: list[str] = self.script(
            "return [...document.querySelectorAll('#log tbody tr')].map(row => row.className)"
        )
        return kinds[::-1]

    def calls(self) -> list[dict[str, str]]:
        """Return the lines of the log that are calls, oldest first, by the titles of their columns."""
        lines: list[dict[str, str]] = self.script("""
            const titles = [...document.querySelectorAll("#log thead th")].map(cell => cell.textContent);
            return [...document.querySelectorAll("#log tbody tr:not(.event)")].map(row =>
                Object.fromEntries([...row.cells].map((cell, index) => [titles[index], cell.innerText.trim()])));
        """)
        return lines[::-1]

    def costs(self) -> list[tuple[str, int]]:
        """Return of all calls whether they were served or computed, and how often the version was asked."""
        return [(call["Report"], int(call["Version asked"])) for call in self.calls()]

    def shown_counts(self) -> dict[str, int]:
        cells = self.browser.find_elements(By.CSS_SELECTOR, "[data-count]")
        return {str(cell.get_attribute("data-count")): int(cell.text.replace(",", "")) for cell in cells}

    def server_counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.request("api/counts")
        return counts

    def request(self, path: str, data: bytes | None = None) -> Any:
        """Ask the server past the page."""
        with build_opener(ProxyHandler({})).open(Request(self.address + path, data), timeout=TIME_LIMIT) as response:
            return json.load(response)

    def follow(self, selector: str) -> None:
        """Click what leads to another page, and wait until it is there."""
        here = self.find("html")
        self.find(selector).click()
        self.wait.until(staleness_of(here))

    def console(self) -> list[str]:
        """Return what the console says since it was last asked."""
        return [line["message"] for line in self.browser.get_log("browser")]


@pytest.fixture
def page(browser: webdriver.Chrome, tmp_path: Path) -> Iterator[Page]:
    with served_demo(tmp_path) as (address, demo):
        page = Page(browser, address, demo)
        page.open()
        yield page
        assert page.console() == []


def summed(costs: list[tuple[str, int]]) -> dict[str, int]:
    kinds = [kind for kind, _ in costs]
    return {
        "served": kinds.count("served"),
        "computed": kinds.count("computed"),
        "version_asked": sum(asked for _, asked in costs),
    }


# --- the buttons


def test_loading_the_page_calls_no_report_and_nothing_of_other_servers(page: Page) -> None:
    assert page.verdict() == "Nothing has been requested yet."
    assert page.shown_counts() == page.server_counts() == {"served": 0, "computed": 0, "version_asked": 0}
    loaded = page.script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert {name.removeprefix(page.address) for name in loaded} == {
        "static/demo.css",
        "static/live.js",
        "static/history_chart.js",
        "static/request_log.js",
        "static/wording.js",
    }


def test_each_request_is_a_session_and_only_a_change_is_computed(page: Page) -> None:
    page.press("reload")
    assert re.fullmatch(r"Computed in [\d,]+\.\d{3} ms", page.verdict())
    page.press("reload")
    assert re.fullmatch(r"Served from the cache in [\d,]+\.\d{3} ms", page.verdict())
    assert page.details().startswith("The version was asked once. In this report north has ")
    page.press("insert")
    assert page.verdict() == "100 rows inserted into north"
    page.press("reload", "reload")

    assert page.log() == ["computed", "served", "event", "computed", "served"]
    assert page.costs() == [("computed", 1), ("served", 1), ("computed", 1), ("served", 1)]
    sales = [int(call["Sales"].replace(",", "")) for call in page.calls()]
    assert sales == [sales[0], sales[0], sales[0] + 100, sales[0] + 100]
    assert page.shown_counts() == page.server_counts() == summed(page.costs())
    for call in page.calls():
        assert 0 < float(call["Call, ms"]) < float(call["Request, ms"]), "the server's part is not the whole"


def test_each_region_has_a_report_of_its_own(page: Page) -> None:
    page.press("reload")
    Select(page.find("#region")).select_by_visible_text("islands")
    page.press("reload", "insert", "reload")
    Select(page.find("#region")).select_by_visible_text("north")
    page.press("reload")
    assert [call["Request"] for call in page.calls()] == [
        f"reload {region} own session" for region in ("north", "islands", "islands", "north")
    ]
    assert page.costs() == [("computed", 1), ("computed", 1), ("computed", 1), ("served", 1)]


def test_sixteen_requests_at_once_are_sixteen_sessions(page: Page) -> None:
    page.press("reload", "parallel")
    assert page.verdict() == "16 served, 0 computed, at once"
    assert page.details().startswith("The version was asked 16 times.")
    assert page.costs() == [("computed", 1)] + [("served", 1)] * 16
    assert [call["Request"] for call in page.calls()][1:] == [
        f"{number} of 16, north own session" for number in range(1, 17)
    ]
    assert page.shown_counts() == page.server_counts() == {"served": 16, "computed": 1, "version_asked": 17}


def test_sixteen_requests_at_once_compute_a_missing_report_once(page: Page) -> None:
    page.press("parallel")
    assert page.verdict() == "15 served, 1 computed, at once"
    assert sorted(page.costs()) == [("computed", 1)] + [("served", 1)] * 15
    assert page.shown_counts() == page.server_counts() == {"served": 15, "computed": 1, "version_asked": 16}


def test_a_session_that_the_page_holds_keeps_its_report_until_a_new_one(page: Page) -> None:
    page.press("new-session")
    assert page.find("[value=held]").is_selected()
    page.press("reload", "insert", "reload", "parallel")
    assert page.details().endswith("100 newer rows are not in it.")
    page.press("reload")
    assert page.details().startswith("The version was not asked: the session knows it already.")
    assert page.details().endswith("100 newer rows are not in it.")
    page.press("new-session", "reload")

    assert page.costs() == [("computed", 1)] + [("served", 0)] * 18 + [("computed", 1)]
    sales = [int(call["Sales"].replace(",", "")) for call in page.calls()]
    assert sales == [sales[0]] * 19 + [sales[0] + 100]
    assert "newer" not in page.details()
    assert page.calls()[-2]["Request"] == "reload north session 1"
    assert page.calls()[-1]["Request"] == "reload north session 2"
    assert page.shown_counts() == page.server_counts() == summed(page.costs())


def test_letting_go_of_the_session_makes_each_request_one_again(page: Page) -> None:
    page.press("new-session", "reload", "reload")
    page.find("[value=own]").click()
    page.settle()
    page.press("reload", "reload")
    assert page.costs() == [("computed", 1), ("served", 0), ("served", 1), ("served", 1)]


def test_the_chart_has_a_point_for_each_call_at_the_height_of_its_time(page: Page) -> None:
    page.press("reload", "reload", "insert", "reload", "new-session", "reload", "reload")
    drawn = page.script("""
        return [...document.querySelectorAll("#history > :is(.computed, .served, .inserted, .began)")].map(shape => {
            const box = shape.getBoundingClientRect();
            return [shape.tagName, shape.getAttribute("class"), box.x + box.width / 2, box.y + box.height / 2];
        });
    """)
    assert [(tag, kind) for tag, kind, _, _ in drawn] == [
        ("rect", "computed"),
        ("circle", "served"),
        ("line", "inserted"),
        ("rect", "computed"),
        ("line", "began"),
        ("circle", "served"),
        ("circle", "served"),
    ]
    across = [x for _, _, x, _ in drawn]
    assert across == sorted(across)
    assert len(set(across)) == len(across)
    heights = [-y for tag, _, _, y in drawn if tag != "line"]
    took = [float(call["Call, ms"]) for call in page.calls()]
    by_height, by_time = (
        sorted(range(len(took)), key=numbers.__getitem__) for numbers in (heights, [max(each, 0.001) for each in took])
    )
    assert by_height == by_time
    assert "2 computed, from" in str(page.find("#history").get_attribute("aria-label"))
    assert "3 served, from" in str(page.find("#history").get_attribute("aria-label"))


# --- what goes wrong is said


def test_a_number_of_rows_that_is_not_allowed_is_not_sent(page: Page) -> None:
    page.press("reload")
    before = page.calls()[0]["Sales"]
    for wrong in ("0", "10001", ""):
        page.find("#rows").clear()
        page.find("#rows").send_keys(wrong)
        page.press("insert")
        assert page.script("return document.querySelector('#rows').validationMessage")
    page.press("reload")
    assert page.log() == ["computed", "served"]
    assert page.calls()[1]["Sales"] == before


def test_a_session_that_the_server_no_longer_keeps_is_told_and_not_replaced(page: Page) -> None:
    page.press("new-session", "reload")
    for _ in range(64):
        page.request("api/sessions", b"")
    page.press("reload")
    assert page.verdict() == "That did not work"
    assert "does not keep this session" in page.details()
    assert len(page.calls()) == 1
    (complaint,) = page.console()
    assert "410 (GONE)" in complaint
    page.press("new-session", "reload")
    assert page.costs() == [("computed", 1), ("served", 1)]


def test_a_server_that_has_gone_is_told(page: Page) -> None:
    page.press("reload")
    page.demo.send_signal(signal.SIGINT)
    page.demo.wait(TIME_LIMIT)
    page.press("reload")
    assert (page.verdict(), page.details()) == ("That did not work", "The server does not answer.")
    assert len(page.calls()) == 1
    (complaint,) = page.console()
    assert "ERR_CONNECTION_REFUSED" in complaint


# --- for everyone


def test_the_page_works_without_a_mouse(page: Page) -> None:
    reached = []
    page.find("body").send_keys(Keys.TAB)
    for _ in range(8):
        focused = page.browser.switch_to.active_element
        reached.append(str(focused.get_attribute("id") or focused.get_attribute("name")))
        focused.send_keys(Keys.TAB)
    assert reached[:7] == ["region", "reload", "parallel", "rows", "insert", "session", "new-session"]

    page.script("document.querySelector('#reload').focus()")
    page.keys(Keys.ENTER, Keys.SPACE)
    assert page.costs() == [("computed", 1), ("served", 1)]
    assert page.browser.switch_to.active_element.get_attribute("id") == "reload", "the focus stays where it was"

    page.script("document.querySelector('#rows').focus()")
    page.keys(Keys.ENTER)
    assert page.log() == ["computed", "served", "event"], "Enter inserts, and does not reload"

    page.script("document.querySelector('[value=own]').focus()")
    page.keys(Keys.ARROW_RIGHT)
    assert page.verdict() == "Session 1 began"
    page.keys(Keys.ARROW_LEFT)
    assert page.verdict() == "Each request is a session again"


def test_each_thing_one_can_reach_has_a_name_and_answers_are_announced(page: Page) -> None:
    page.press("reload")
    tree = page.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node.get("ignored")]
    reachable = {"button", "combobox", "spinbutton", "radio", "link", "region", "image", "status"}
    assert reachable <= {role for role, _ in named}
    assert [role for role, name in named if role in reachable and not name] == []
    assert page.find("#answer").get_attribute("role") == "status"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "region/north"])
def test_the_pages_fit_a_phone_and_can_be_read(page: Page, path: str, scheme: str) -> None:
    page.open(path, PHONE, scheme)
    if not path:
        page.press("reload", "insert", "new-session", "reload", "parallel")
    assert page.script("return [innerWidth, document.documentElement.scrollWidth]") == [PHONE[0], PHONE[0]]
    if not path:
        assert page.script("const log = document.querySelector('.scroller'); return log.scrollWidth <= log.clientWidth")
    contrasts = page.script("""
        const channels = (color) => color.match(/[\\d.]+/g).map(Number);
        const luminance = (color) => {
            const [r, g, b] = channels(color).map(c => c / 255)
                .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = (element) => {
            const color = getComputedStyle(element).backgroundColor;
            return channels(color)[3] === 0 ? ground(element.parentElement) : color;
        };
        return [...document.querySelectorAll("body *")]
            .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
            .filter(element => element.checkVisibility() && element.tagName !== "OPTION")
            .map(element => {
                const style = getComputedStyle(element);
                const ink = element instanceof SVGElement ? style.fill : style.color;
                const [dark, light] = [luminance(ink), luminance(ground(element))].sort((a, b) => a - b);
                return [element.tagName + " " + element.textContent.trim(), (light + 0.05) / (dark + 0.05)];
            });
    """)
    assert len(contrasts) > 20
    assert [text for text, ratio in contrasts if ratio < 4.5] == []


def test_the_plain_page_does_without_the_script(page: Page) -> None:
    page.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.follow("a[href='/region/north']")
        before = int(re.sub(r"\D", "", page.find("h1").text))
        page.find("#rows").clear()
        page.find("#rows").send_keys("7")
        page.follow("form button")
        assert page.find("h1").text == f"north: {before + 7:,} sales"
        assert page.find(".verdict").text.startswith("Computed in ")
    finally:
        page.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
