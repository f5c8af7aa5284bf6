"""Promise 9: chains of objects of the library's own are let go of one after the other, however long they are."""

from __future__ import annotations

import pytest

from tests.programs import chains
from tests.support.child import run

pytestmark = [pytest.mark.child, pytest.mark.slow]


@pytest.mark.parametrize("link", chains.LINKS)
def test_a_long_chain_is_let_go_of(link: str) -> None:
    run(chains.a_long_chain_is_let_go_of, link)
