"""Promise 9: chains of objects of the library's own are let go of one after the other, however long they are."""

from __future__ import annotations

import pytest

from child import PRELUDE, run

pytestmark = [pytest.mark.child, pytest.mark.slow]

LINKS = {
    "cache keys": ("f.cache_key(chain)", 300_000),
    "cache keys of several": ("f.cache_key(chain, 1)", 300_000),
    "sessions": ("session_that_knows(chain)", 50_000),
    "cached functions": ("versioned_lru_cache(1)(chain)", 30_000),
}


@pytest.mark.parametrize("link", LINKS)
def test_a_long_chain_is_let_go_of(link: str) -> None:
    run(
        PRELUDE
        + f"""
@versioned_lru_cache(1)
def f(x, y=0):
    return x

def session_that_knows(version):
    with session({{}}) as own:
        versioned_lru_cache(lambda: version)(lambda: 1)()
    return own

chain = 1 if {link!r} == "sessions" else f
for _ in range({LINKS[link][1]}):
    chain = {LINKS[link][0]}
chain = None
"""
    )
