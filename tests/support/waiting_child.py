"""Runs code about waiting threads in a process of its own, with what `calling.py` offers."""

from __future__ import annotations

from tests.support import child

PRELUDE = """
import ctypes, gc, os, signal, threading, time
from tests.support.calling import MINE, Call, Gate, results, until, until_waiting, waiting
from versioned_lru_cache import Versioned, session, versioned_lru_cache

def cached(**options):
    return versioned_lru_cache(lambda *args: 1, **options)

def main_waits(function):
    '''Whether the main thread is in a call that this function has made, and in no other Python code.'''
    return lambda: sys._current_frames()[threading.main_thread().ident].f_code is function.__code__

def quiet():
    '''Nothing is left of threads, and nobody is waited for: what is new is computed here and now.'''
    until(lambda: threading.active_count() == 1, "the end of all threads")
"""


def run(code: str, timeout: float = 60) -> str:
    """Runs code in a process; gives what it printed."""
    return child.run(PRELUDE + code, timeout).stdout
