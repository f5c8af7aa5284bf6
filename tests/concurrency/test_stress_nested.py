"""Random functions that call each other in threads and tasks, under a judge of the data, for a short time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests import ROOT
from tests.concurrency import wrong_caches
from tests.support.child import run

SECONDS = os.environ.get("STRESS_SECONDS", "5")


@pytest.mark.child
def test_random_schedules_keep_the_promises() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-X",
            "faulthandler",
            "-m",
            "tests.concurrency.stress_nested",
            "--seconds",
            SECONDS,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=float(SECONDS) + 200,
        check=False,
    )
    # What went wrong, the functions, and what led to it.
    assert done.returncode == 0, f"{done.stdout[:40_000]}\n{done.stderr}"
    for what in ("moves", "from afar", "judged by the truth", "repeated"):
        assert what in done.stdout


@pytest.mark.child
@pytest.mark.parametrize(
    ("kind", "complaint"),
    [("no cache", "ran twice"), ("functools", "stale")],
    ids=["no cache", "functools"],
)
def test_the_judge_notices_what_keeps_no_promise(kind: str, complaint: str) -> None:
    done = run(wrong_caches.nested, kind, timeout=120)
    assert complaint in done.stdout, f"nothing of {complaint!r}\n{done.stdout[:2000]}\n{done.stderr}"
