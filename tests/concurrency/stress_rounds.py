"""What all stress by random schedules does alike: rounds until the time is over, and what a judge notes and says."""

from __future__ import annotations

import argparse
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUND_LIMIT = 60


class Complaining:
    """A judge, before it has any rules. Every event has a moment, a number that grows."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.moment = 0
        self.complaints: list[str] = []
        self.seen: Counter[str] = Counter()

    def now(self) -> int:
        """The next moment."""
        self.moment += 1
        return self.moment

    def complain(self, text: str) -> None:
        """Notes what is wrong."""
        with self.lock:
            self.complaints.append(text)

    def expect(self, holds: bool, otherwise: str) -> None:
        """Complains unless it holds."""
        if not holds:
            self.complain(otherwise)

    def counts(self) -> dict[str, int]:
        """How much was seen of what."""
        return dict(self.seen)


def go(workers: Sequence[threading.Thread]) -> None:
    """Runs all threads to their end."""
    for worker in workers:
        worker.start()
    end = time.monotonic() + ROUND_LIMIT
    for worker in workers:
        worker.join(max(0, end - time.monotonic()))
    if any(worker.is_alive() for worker in workers):
        raise AssertionError("threads hang")


def rounds(description: str, one_round: Callable[[int, int], Complaining]) -> int:
    """Runs rounds, each with a seed and so many threads, as the command line says; gives the exit code."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--threads", type=int, default=6)
    options = parser.parse_args()
    end, seed, totals = time.monotonic() + options.seconds, options.seed, dict[str, int]()
    while time.monotonic() < end:
        try:
            judge = one_round(seed, options.threads)
        except AssertionError as error:
            print(f"seed {seed}: {error}")
            return 1
        if judge.complaints:
            print(f"seed {seed}:", *judge.complaints[:10], sep="\n  ")
            return 1
        for name, count in judge.counts().items():
            totals[name] = totals.get(name, 0) + count
        seed += 1
    print(f"{seed - options.seed} rounds:", ", ".join(f"{count:,} {name}" for name, count in totals.items()))
    return 0
