"""How far a long run has come, on standard error: a bar by `rich` on a terminal, else a line every ten seconds."""

from __future__ import annotations

import sys
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import Counter
    from types import TracebackType
    from typing import Any

_SECONDS = 10.0


class Progress:
    """Tells how much is done, as a context manager."""

    def __init__(self, counted: Counter[str]) -> None:
        self._counted = counted
        self._bar: Any = None
        self._task: Any = None
        self._next = monotonic() + _SECONDS

    def __enter__(self) -> Progress:
        """Begin."""
        if sys.stderr.isatty():
            try:
                from rich.console import Console
                from rich.progress import Progress as Bar
                from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
            except ImportError:
                return self
            columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._text(), total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End."""
        if self._bar is not None:
            self._bar.stop()

    def advance(self) -> None:
        """Tell that one thing more is done."""
        if self._bar is not None:
            self._bar.update(self._task, description=self._text())
        elif monotonic() >= self._next:
            self._next = monotonic() + _SECONDS
            print(self._text(), file=sys.stderr, flush=True)

    def _text(self) -> str:
        told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in self._counted.items())
        return f"{self._counted.total():,} calls: {told or 'none yet'}"
