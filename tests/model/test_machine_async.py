"""The random days of `test_machine` with coroutine functions, which do what plain ones do if awaited one by one."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.model import test_machine

pytest.importorskip("greenlet")

from tests.model.awaited_side import AwaitedSide

pytestmark = pytest.mark.thread_unsafe(reason="one clock for the whole process")


class Machine(test_machine.Machine):
    """The same days, and the same model."""

    side = AwaitedSide


TestMachine = Machine.TestCase
# A call costs some turns of the loop, so there are fewer days.
TestMachine.settings = settings(test_machine.TestMachine.settings, max_examples=settings().max_examples // 5)
