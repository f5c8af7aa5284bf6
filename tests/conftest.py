"""Profiles of hypothesis: the same examples in every run, or, with `--hypothesis-profile=explore`, others each time.

And which tests `make test-freethreaded` does not run in several threads at once, beside those that say so themselves.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("same", max_examples=1000, derandomize=True, deadline=None, print_blob=False)
settings.register_profile("explore", max_examples=20_000, deadline=None)
settings.load_profile("same")

# Made once for all threads of a test, and changed by it; `_empty` empties the functions of its module.
SHARED = {"_empty", "app", "browser", "data", "g", "site", "world"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    child = pytest.mark.thread_unsafe(reason="threads that only wait for processes show nothing")
    shared = pytest.mark.thread_unsafe(reason="the threads would share a fixture that the test changes")
    for item in items:
        if item.get_closest_marker("child"):
            item.add_marker(child)
        elif SHARED & set(getattr(item, "fixturenames", ())):
            item.add_marker(shared)
