"""A headless Chromium for the tests of pages."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

TIME_LIMIT = 60
DESKTOP = (1200, 900)
PHONE = (360, 740)


@contextmanager
def started_browser() -> Iterator[webdriver.Chrome]:
    """Start Chromium. Without it a developer goes on without these tests; CI, which brings it, does not."""
    missing = [program for program in ("chromium", "chromedriver") if shutil.which(program) is None]
    if missing and os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(f"REQUIRE_BROWSER is set, but there is no {' and no '.join(missing)}")
    if missing:
        pytest.skip(f"there is no {' and no '.join(missing)}; on Debian: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    # The sandbox does not start for root, nor in most containers. The only pages that are opened are our own.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with pytest.MonkeyPatch.context() as environment:
        for name in ("no_proxy", "NO_PROXY"):  # no proxy that the environment names is asked for this machine
            environment.setenv(name, "localhost,127.0.0.1")
        started = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            started.set_page_load_timeout(TIME_LIMIT)
            yield started
        finally:
            started.quit()


def show_as(browser: webdriver.Chrome, size: tuple[int, int], scheme: str) -> None:
    """Show pages in a window of that size, in a light or a dark scheme."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
