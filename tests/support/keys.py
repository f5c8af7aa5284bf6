"""Keys known by their number, with few hashes, whose hash and comparison may do something else besides."""

from __future__ import annotations


class Key:
    """A key that equals others of its number. A subclass tells by `hashed` and `compared` what is done in a lookup."""

    base = 1  # the least of the hashes
    hashes = 1  # how many there are

    def __init__(self, n: int, hashes: int | None = None) -> None:
        self.n = n
        if hashes is not None:
            self.base, self.hashes = 0, hashes

    def hashed(self) -> None:
        """Called before the hash is told."""

    def compared(self) -> None:
        """Called before a comparison."""

    def __hash__(self) -> int:
        self.hashed()
        return self.base + self.n % self.hashes

    def __eq__(self, other: object) -> bool:
        self.compared()
        return isinstance(other, Key) and self.n == other.n
