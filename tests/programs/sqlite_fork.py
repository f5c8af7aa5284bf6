"""A process that forks while it asks a database for its version."""

from __future__ import annotations

import faulthandler
import os
import signal
import sqlite3
import sys
import threading
import warnings

from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.versions import sqlite


def after_a_fork_parent_and_child_see_commits(path: str) -> None:
    # Since Python 3.12 a fork that leaves threads behind warns. That they are left behind is what is tested here.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    faulthandler.cancel_dump_traceback_later()
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(40)

    def connected(work):
        connection = sqlite3.connect(path, timeout=60)
        result = work(connection).fetchone()
        connection.commit()
        connection.close()
        return result

    def write():
        connected(lambda connection: connection.execute("INSERT INTO sales VALUES (1)"))

    version = sqlite(path)

    @versioned_lru_cache(version)
    def count():
        return connected(lambda connection: connection.execute("SELECT count(*) FROM sales"))[0]

    def follows(times, start):
        for number in range(start, start + times):
            assert count() == number, number
            write()

    stop = threading.Event()

    def ask():
        while not stop.is_set():
            version()

    # The fork happens while others ask. If they were in SQLite themselves, the child could not use SQLite at all.
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    follows(5, 0)
    versions = [version()]
    for number in range(5):
        child = os.fork()
        # The connection is inherited by nobody.
        assert version() not in versions
        versions.append(version())
        if child == 0:
            signal.alarm(20)
            follows(3, 5 + 5 * number)
            print("child", flush=True)
            os._exit(0) if number % 2 else sys.exit()
        assert os.waitpid(child, 0)[1] == 0
        follows(2, 8 + 5 * number)
    stop.set()
    for thread in threads:
        thread.join()
    print("parent")
