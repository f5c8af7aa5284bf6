"""Runs code in a process of its own: what would hang or crash this one shows as a failure there."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent

import pytest

from tests import ROOT

PRELUDE = """
import gc, sys, threading
from versioned_lru_cache import Versioned, session, versioned_lru_cache

def cached(**options):
    return versioned_lru_cache(lambda: 1, **options)
"""
# With a session hits are found at a glance, without one every call asks: two ways through the code.
SESSIONS = pytest.mark.parametrize("bound", ["session=None", "session={}", "maxsize=1, session={}", "maxsize=None"])


def run(code: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs code to its end. A process that hangs or dies fails the test; the message has the stacks of its threads."""
    dump = f"import faulthandler; faulthandler.enable(); faulthandler.dump_traceback_later({timeout}, exit=True)\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", dump + dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout + 30,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
