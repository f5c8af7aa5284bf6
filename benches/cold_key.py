"""What 8 processes do that want one result which nobody has yet: how often it is computed, and how long that takes.

    .venv/bin/python benches/cold_key.py

Shown are how many of the processes have computed, and the time from the moment that lets all go until the last is
back, divided by that of the computation alone: medians, and the worst.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from disk_caches import BY_CONSTANT, disk_caches

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue
    from multiprocessing.synchronize import Barrier
    from typing import TypeAlias

    Ends: TypeAlias = SimpleQueue[float]

PROCESSES = 8
TURNS = 7
BODY = 0.3
TIME_LIMIT = 60.0
FIRST = 1_000  # Another key than those of the turns: it opens what is to be opened.


def work(name: str, folder: str, barrier: Barrier, ends: Ends) -> None:
    """Run as one of the processes."""
    cached = dict(disk_caches())[name](folder)

    def body(key: int) -> int:
        if key < FIRST:
            with Path(folder, "computed").open("a") as computed:
                computed.write(f"{key}\n")
            time.sleep(BODY)
        return key

    function = cached(body)
    function(FIRST)
    for turn in range(TURNS):
        barrier.wait(TIME_LIMIT)
        function(turn)
        ends.put(time.monotonic())
        barrier.wait(TIME_LIMIT)


def main() -> None:
    """Measure and print."""
    print(f"{PROCESSES} processes, a body of {BODY} s".ljust(40), "computations", "wall/body", "worst", sep="  ")
    for name, _ in disk_caches():
        if name != BY_CONSTANT:
            with tempfile.TemporaryDirectory() as folder:
                computed, ratios = measured(name, folder)
            middle, worst = statistics.median(ratios), max(ratios)
            print(f"{name:40}  {statistics.median(computed):12g}  {middle:9.2f}  {worst:5.2f}")


def measured(name: str, folder: str) -> tuple[list[int], list[float]]:
    """Return for each turn how often its result was computed, and how long that took in bodies."""
    dict(disk_caches())[name](folder)  # dogpile.cache can't have its file made by several at once.
    context = get_context("spawn")
    barrier, ends = context.Barrier(PROCESSES + 1), context.SimpleQueue()
    processes = [context.Process(target=work, args=(name, folder, barrier, ends)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    ratios = []
    try:
        for _ in range(TURNS):
            barrier.wait(TIME_LIMIT)
            began = time.monotonic()
            last = max(ends.get() for _ in processes)
            ratios.append((last - began) / BODY)
            barrier.wait(TIME_LIMIT)
    except BaseException:
        barrier.abort()
        raise
    finally:
        for process in processes:
            process.join(TIME_LIMIT)
    computed = Path(folder, "computed").read_text().split()
    return [computed.count(str(turn)) for turn in range(TURNS)], ratios


if __name__ == "__main__":
    main()
