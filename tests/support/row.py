"""One row that changes, in the simplest of worlds."""

from __future__ import annotations

from typing import Any


class Row:
    """A row that is its own version, and the mapping in which calls find their session: none unless it is set."""

    def __init__(self, current: dict[str, Any] | None = None) -> None:
        self.row = 1
        self.current = current

    def version(self) -> int:
        return self.row

    def also_version(self) -> int:
        """The same, as another version function."""
        return self.row
