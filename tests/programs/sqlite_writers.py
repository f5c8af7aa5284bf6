"""Other processes that write to a database: one that commits, and one that dies in the midst of it."""

from __future__ import annotations

import os
import signal
import sqlite3


def write(path: str, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def die_in_a_transaction(path: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_size=1")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO sales VALUES (?)", [(b"x" * 2000,)] * 200)  # more than the cache holds
    os.kill(os.getpid(), signal.SIGKILL)
