"""Runs code in a process of its own: what would hang or crash this one shows as a failure there."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent


def run(code: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs code to its end. A process that hangs or dies fails the test; the message has the stacks of its threads."""
    dump = f"import faulthandler; faulthandler.enable(); faulthandler.dump_traceback_later({timeout}, exit=True)\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", dump + dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout + 30,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
