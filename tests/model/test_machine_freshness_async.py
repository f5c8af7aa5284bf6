"""The random days of `test_machine_freshness` with coroutine functions, which do what plain ones do if awaited."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.model import test_machine_freshness

pytest.importorskip("greenlet")

from tests.model.fresh_awaited_side import AwaitedSide

pytestmark = pytest.mark.thread_unsafe(reason="one clock for the whole process")


class Machine(test_machine_freshness.Machine):
    """The same days, and the same model."""

    side = AwaitedSide


TestMachine = Machine.TestCase
# A call costs some turns of the loop, so there are fewer days.
TestMachine.settings = settings(test_machine_freshness.TestMachine.settings, max_examples=100)
