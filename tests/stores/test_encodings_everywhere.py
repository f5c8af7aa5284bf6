"""Equal values have the same bytes in every process, whatever its hash seed is."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests import ROOT


def shown(seed: str) -> tuple[list[str], str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.programs.encodings"],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    *digests, order = done.stdout.splitlines()
    return digests, order


@pytest.mark.child
def test_encodings_do_not_depend_on_the_hash_seed() -> None:
    found = [shown(seed) for seed in ("0", "1", "2", "12345", "random")]
    assert len({order for _, order in found}) == len(found), "which shows that the seeds make a difference"
    assert all(digests == found[0][0] for digests, _ in found)
    assert len(set(found[0][0])) == len(found[0][0]) - 1, "the two digests of one version are the same"
