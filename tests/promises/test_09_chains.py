"""Promise 9: chains of objects of the library's own are let go of one after the other, however long they are."""

from __future__ import annotations

import pytest

from tests.support.child import PRELUDE, run

pytestmark = [pytest.mark.child, pytest.mark.slow]

LINKS = {
    "cache keys": ("f.cache_key(chain)", 300_000),
    "cache keys of several": ("f.cache_key(chain, 1)", 300_000),
    "sessions": ("session_that_knows(chain)", 50_000),
    "cached functions": ("versioned_lru_cache(1)(chain)", 5_000),
    "results": ("function_with(chain)", 30_000),
    "arguments": ("function_given(chain)", 30_000),
    "arguments beside others": ("function_given(chain, 1)", 30_000),
    "key=": ("versioned_lru_cache(1, key=chain)(f)", 5_000),
    "version functions": ("versioned_lru_cache(chain, version_args=lambda x, y=0: (x,))(f)", 5_000),
    "attributes": ("function_with_attribute(chain)", 30_000),
    "bound methods": ("Holder(chain).method", 300_000),
    "coroutines": ("awaited(chain)", 300_000),
    "coroutines of several": ("awaited(1, chain)", 300_000),
    "drivers of coroutines": ("awaited.cache_refresh(chain)", 30_000),
}


@pytest.mark.parametrize("link", LINKS)
def test_a_long_chain_is_let_go_of(link: str) -> None:
    run(
        PRELUDE
        + f"""
import warnings
warnings.simplefilter("ignore")  # nobody awaits the coroutines

@versioned_lru_cache(1)
def f(x, y=0):
    return x

@versioned_lru_cache(1)
async def awaited(x, y=0):
    return x

def session_that_knows(version):
    with session({{}}) as own:
        versioned_lru_cache(lambda: version)(lambda: 1)()
    return own

def function_with(result):
    function = versioned_lru_cache(1)(lambda: result)
    function()
    return function

def function_given(*args):
    function = versioned_lru_cache(1)(lambda *args: 1)
    function(*args)
    return function

def function_with_attribute(value):
    function = versioned_lru_cache(1)(lambda: 1)
    function.attribute = value
    return function

class Holder:
    def __init__(self, held):
        self.held = held
    @versioned_lru_cache(1)
    def method(self):
        return 1

chain = 1 if {link!r} == "sessions" else f
for _ in range({LINKS[link][1]}):
    chain = {LINKS[link][0]}

def let_go():
    global chain
    chain = None

threading.stack_size(4 * 1024 * 1024)
thread = threading.Thread(target=let_go)
thread.start()
thread.join()
"""
    )
