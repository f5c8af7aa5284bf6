"""The examples that the tests of this folder drive."""

from __future__ import annotations

from typing import Any

import pytest

from tests import ROOT


@pytest.fixture
def scenario(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the workers' demo goes through."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    import workers_scenario

    return workers_scenario
