"""Instructions of a call, counted by callgrind: the same on a busy machine as on a quiet one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

COUNTING = Path(__file__).with_name("counting.py")
MARK = "getppid"
TIME_LIMIT = 600
# What counting.py marks for a shape: begin and end of its calls, begin and end of twice as many.
MARKS = 4


def valgrind() -> str | None:
    """Where it is, if it is installed."""
    return shutil.which("valgrind")


def instructions(dump: Path) -> int:
    """The sum of a dump."""
    found = re.search(r"^(?:totals|summary): (\d+)", dump.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise RuntimeError("callgrind wrote a dump without a sum")
    return int(found[1])


@dataclass(frozen=True)
class Dumps:
    """What callgrind wrote of one shape.

    Attributes:
        shape: As `counting.py` names it.
        calls: How many calls the first dump is of; the second is of twice as many.
        once: The first dump.
        twice: The second one.
    """

    shape: str
    calls: int
    once: Path
    twice: Path

    def a_call(self) -> float:
        """The instructions of one call, the loop around it included."""
        return (instructions(self.twice) - instructions(self.once)) / self.calls


def dumped(folder: Path, *only: str) -> list[Dumps]:
    """Makes the calls under callgrind.

    Args:
        folder: For the dumps.
        only: The shapes, as `counting.py` names them; all where none is named.

    Raises:
        RuntimeError: There is no valgrind, or it did not see what it should.
    """
    program = valgrind()
    if not program:
        raise RuntimeError("valgrind is not installed")
    told, dumps = folder / "shapes.json", folder / "dump"
    tool = [program, "--quiet", "--tool=callgrind", f"--dump-before={MARK}", f"--callgrind-out-file={dumps}"]
    # The hash seed decides where names lie in a dict. An allocator for debugging would be another program.
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONMALLOC", None)
    ended = subprocess.run(
        [*tool, sys.executable, str(COUNTING), str(told), *only],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(f"valgrind ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    shapes = json.loads(told.read_text(encoding="utf-8"))
    # The n-th dump is of what ran up to the n-th mark.
    return [
        Dumps(shape["shape"], shape["calls"], *(Path(f"{dumps}.{MARKS * number + mark}") for mark in (2, 4)))
        for number, shape in enumerate(shapes)
    ]


def counted(*only: str) -> dict[str, float]:
    """Gives the instructions of one call of each shape, or of those that are named."""
    with tempfile.TemporaryDirectory() as folder:
        return {dumps.shape: round(dumps.a_call(), 1) for dumps in dumped(Path(folder), *only)}
