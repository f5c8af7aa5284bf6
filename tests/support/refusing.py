"""What a wrong use is answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def refused(call: Callable[[], object], kind: type[Exception], *words: str) -> None:
    """The call raises exactly this kind, and the message has all the words."""
    with pytest.raises(kind) as raised:
        call()
    assert type(raised.value) is kind
    message = str(raised.value)
    assert [word for word in words if word not in message] == [], message
