"""What other libraries hang in: each program is named after those, and what was seen there."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import warnings

from tests.support import keys
from tests.support.constant import cached


def cachebox_theine_cachetools_and_dogpile_hang_in_recursion_with_the_same_key() -> None:
    depth = 0

    @cached()
    def f(x):
        nonlocal depth
        depth += 1
        return f(x) if depth < 3 else depth

    assert f(1) == 3


def cachebox_moka_theine_cachetools_dogpile_and_flask_caching_hang_in_a_child_of_busy_threads() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)  # fork and threads, which this is about
    sys.setswitchinterval(1e-5)
    stop = threading.Event()

    @cached(maxsize=2)
    def f(x):
        time.sleep(0)
        return x

    def work(first):
        while not stop.is_set():
            for x in range(5):
                f(x + first)

    threads = [threading.Thread(target=work, args=(n % 2,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # ends a child that hangs
            ok = [f(x) for x in range(6)] == list(range(6))
            os._exit(0 if ok else 1)
        assert os.waitpid(child, 0)[1] == 0
    stop.set()
    for thread in threads:
        thread.join(20)


def cachebox_hangs_when_a_keys_equality_calls_the_cache() -> None:
    class Key(keys.Key):
        def compared(self):
            f(0)

    @cached()
    def f(x):
        return getattr(x, "n", x)

    assert [f(Key(n)) for n in (1, 2, 1, 2)] == [1, 2, 1, 2]
    assert f.cache_info().misses == 3


def cachebox_hangs_in_recursion_of_a_coroutine_function_with_the_same_key() -> None:
    depth = 0

    @cached()
    async def f(x):
        nonlocal depth
        depth += 1
        await asyncio.sleep(0)
        return await f(x) if depth < 3 else depth

    assert asyncio.run(asyncio.wait_for(f(1), 20)) == 3
