"""Long chains of objects of the library's own, let go of in a thread whose stack is small."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING, Any

from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache._core import Options

if TYPE_CHECKING:
    from collections.abc import Callable


@versioned_lru_cache(version=1)
def f(x, y=0):
    return x


@versioned_lru_cache(version=1)
async def awaited(x, y=0):
    return x


def session_that_knows(version):
    with session({}) as own:
        versioned_lru_cache(lambda: version)(lambda: 1)()
    return own


def function_with(result):
    function = versioned_lru_cache(version=1)(lambda: result)
    function()
    return function


def function_given(*args):
    function = versioned_lru_cache(version=1)(lambda *args: 1)
    function(*args)
    return function


def function_with_attribute(value):
    function = versioned_lru_cache(version=1)(lambda: 1)
    function.attribute = value
    return function


class Holder:
    def __init__(self, held):
        self.held = held

    @versioned_lru_cache(version=1)
    def method(self):
        return 1


# What makes the next link of a chain, and how long the chain gets.
LINKS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "cache keys": (lambda chain: f.cache_key(chain), 300_000),
    "cache keys of several": (lambda chain: f.cache_key(chain, 1), 300_000),
    "sessions": (session_that_knows, 50_000),
    "cached functions": (lambda chain: versioned_lru_cache(version=1)(chain), 5_000),
    "results": (function_with, 30_000),
    "arguments": (function_given, 30_000),
    "arguments beside others": (lambda chain: function_given(chain, 1), 30_000),
    "key=": (lambda chain: versioned_lru_cache(version=1, key=chain)(f), 5_000),
    "version functions": (lambda chain: versioned_lru_cache(chain, version_args=lambda x, y=0: (x,))(f), 5_000),
    "attributes": (function_with_attribute, 30_000),
    "bound methods": (lambda chain: Holder(chain).method, 300_000),
    "coroutines": (lambda chain: awaited(chain), 300_000),
    "coroutines of several": (lambda chain: awaited(1, chain), 300_000),
    "drivers of coroutines": (lambda chain: awaited.cache_refresh(chain), 30_000),
}


def a_long_chain_is_let_go_of(link: str) -> None:
    warnings.simplefilter("ignore")  # nobody awaits the coroutines
    longer, length = LINKS[link]
    chain: Any = 1 if link == "sessions" else f
    for _ in range(length):
        chain = longer(chain)

    def let_go():
        nonlocal chain
        chain = None

    threading.stack_size(4 * 1024 * 1024)
    thread = threading.Thread(target=let_go)
    thread.start()
    thread.join()


def a_long_chain_of_options_goes(told: dict[str, Any]) -> None:
    options = None
    for _ in range(200_000):
        options = Options(**told | {"retry_after": 1, "errors": (Exception,), "key": options})
    del options
