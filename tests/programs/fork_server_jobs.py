"""What a fork server imports: one call is done then, and another never will be. Its workers are forked after that."""

from __future__ import annotations

import os
import signal
import threading
import warnings

from versioned_lru_cache import versioned_lru_cache

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
SERVER = os.getpid()
begun = threading.Event()


@versioned_lru_cache(version=1)
def f(x: int) -> list[int]:
    if x == 1 and os.getpid() == SERVER:
        begun.set()
        threading.Event().wait()
    return [x, os.getpid()]


f(2)
threading.Thread(target=f, args=(1,), daemon=True).start()
begun.wait()


def work(x: int) -> tuple[list[int], int, int]:
    signal.alarm(20)
    return f(x), SERVER, os.getpid()
