"""`versions.sqlite` of a path in a process that forks: nobody inherits its connection."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.child import run
from tests.versions.test_sqlite import MODES, make

if TYPE_CHECKING:
    from pathlib import Path


@MODES
@pytest.mark.child
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_after_a_fork_parent_and_child_see_commits(tmp_path: Path, mode: str) -> None:
    path = make(tmp_path / "a.db", mode)
    done = run(
        f"""
        import os, signal, sqlite3, sys, threading, time, warnings
        from versioned_lru_cache import session, versioned_lru_cache
        from versioned_lru_cache.versions import sqlite

        # Since Python 3.12 a fork that leaves threads behind warns. That they are left behind is what is tested here.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        faulthandler.cancel_dump_traceback_later()
        faulthandler.register(signal.SIGALRM, chain=True)
        signal.alarm(40)
        PATH = {str(path)!r}

        def connected(work):
            connection = sqlite3.connect(PATH, timeout=60)
            result = work(connection).fetchone()
            connection.commit()
            connection.close()
            return result

        def write():
            connected(lambda connection: connection.execute("INSERT INTO sales VALUES (1)"))

        version = sqlite(PATH)

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
        """
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["child"] * 5 + ["parent"]
