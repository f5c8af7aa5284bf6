"""How far a long run has come, on standard error: a bar by `rich` on a terminal, else a line every ten seconds.

Of a file it is known how much there is, so the share that is done is told, by the bytes of its lines.
"""

from __future__ import annotations

import os
import stat
import sys
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from types import TracebackType
    from typing import IO, Any

_SECONDS = 10.0


class Progress:
    """Tells how much of a file's lines is done, as a context manager.

    Args:
        counted: How many lines have become what, which others count.
        lines: The file. Of one that is no regular file, such as standard input, nobody knows the end.
    """

    def __init__(self, counted: Counter[str], lines: IO[str]) -> None:
        self._counted = counted
        self._lines = lines
        self._size = _size_of(lines)
        self._done = 0
        self._running: dict[int, int] = {}  # The sizes of lines that were read and are not done.
        self._bar: Any = None
        self._task: Any = None
        self._next = monotonic() + _SECONDS

    def __enter__(self) -> Progress:
        """Begin."""
        if sys.stderr.isatty():
            try:
                from rich import progress
                from rich.console import Console
            except ImportError:
                return self
            columns: list[progress.ProgressColumn] = [
                progress.SpinnerColumn(),
                progress.TextColumn("{task.description}"),
            ]
            if self._size is not None:
                columns += [progress.BarColumn(), progress.TaskProgressColumn(), progress.TimeRemainingColumn()]
            columns.append(progress.TimeElapsedColumn())
            self._bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._text(), total=self._size)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End."""
        if self._bar is not None:
            self._bar.stop()

    def reading(self) -> Iterator[str]:
        """Go through the lines. One that is empty is done when it was read."""
        for number, line in enumerate(self._lines, 1):
            if self._size is not None:
                size = len(line.encode())
                if line.strip():
                    self._running[number] = size
                else:
                    self._done += size
            yield line

    def advance(self, number: int) -> None:
        """Tell that the line of this number is done."""
        self._done += self._running.pop(number, 0)
        if self._bar is not None:
            self._bar.update(self._task, description=self._text(), completed=self._done)
        elif monotonic() >= self._next:
            self._next = monotonic() + _SECONDS
            share = f"{self._done / self._size:.0%}, " if self._size else ""
            print(f"{share}{self._text()}", file=sys.stderr, flush=True)

    def _text(self) -> str:
        told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in self._counted.items())
        return f"{self._counted.total():,} calls: {told or 'none yet'}"


def _size_of(file: IO[str]) -> int | None:
    """Return the size of a regular file; ``None`` for all else."""
    try:
        found = os.fstat(file.fileno())
    except OSError:  # It has no descriptor, as a text in memory.
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
