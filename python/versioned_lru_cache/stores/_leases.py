"""Leases as locks of files: the operating system frees them when their holder dies, however it dies.

A lease is held by whoever has the lock of its file. Files are removed when the lease is released, and the classic race
is closed by two rules: only who holds the lock removes the file, and a lock counts only if its file is still the one
at that path. Otherwise two processes could hold locks of two files, one of which has no name any more.

A fork gives the child copies of open files, and with them the locks, which then would outlive the parent. So a child
closes them at once, and does not hold what its parent holds.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import allocate_lock
from contextlib import suppress

from ._folder import PROBE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Held", "LeaseFiles", "name_of"]

WINDOWS = sys.platform == "win32"
FIRST_PAUSE = 0.001
LONGEST_PAUSE = 0.025
# A holder that dies leaves its file, so it is not enough to look whether that is there.
BETWEEN_TRIES = 0.1


class Held:
    """A lock that is held; `descriptor` is None when it no longer is."""

    __slots__ = ("descriptor", "name")

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.descriptor: int | None = descriptor


# Of all stores of the process. No fork happens while a lock is taken and not noted yet.
_held: set[Held] = set()
_changing = allocate_lock()


def name_of(address: bytes, version: bytes) -> str:
    """The name of a lease's file."""
    return f"{address.hex()}-{version.hex()}"


class LeaseFiles:
    """The lock files of one folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def take(self, name: str) -> Held | None:
        """Lock a file, made if there is none, or return None if another holds it."""
        from filelock import lock_descriptor

        path = os.path.join(self._folder, name)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        while True:
            with _changing:
                descriptor = os.open(path, flags, 0o600)
                try:
                    if not lock_descriptor(descriptor, blocking=False):
                        os.close(descriptor)
                        return None
                    if _is_at(descriptor, path):
                        held = Held(name, descriptor)
                        _held.add(held)
                        return held
                except BaseException:
                    os.close(descriptor)
                    raise
                # Its holder removed it between our two steps.
                os.close(descriptor)

    def free(self, held: Held) -> bool:
        """Unlock and remove the file, once. Return whether it was held."""
        path = os.path.join(self._folder, held.name)
        with _changing:
            descriptor, held.descriptor = held.descriptor, None
            if descriptor is None:
                return False
            _held.discard(held)
            if not WINDOWS:
                with suppress(OSError):
                    os.unlink(path)
            os.close(descriptor)
        if WINDOWS:  # There an open file can't be removed: if another has opened it, it stays for that one.
            with suppress(OSError):
                os.unlink(path)
        return True

    def wait(self, name: str, seconds: float) -> None:
        """Return when the lock may be free, or the time is over."""
        path = os.path.join(self._folder, name)
        now = time.monotonic()
        end, next_try, pause = now + seconds, now, FIRST_PAUSE
        while os.access(path, os.F_OK):
            if now >= next_try:
                held = self.take(name)
                if held is not None:
                    self.free(held)
                    return
                next_try = now + BETWEEN_TRIES
            if now >= end:
                return
            time.sleep(min(pause, end - now))
            pause = min(pause * 1.5, LONGEST_PAUSE)
            now = time.monotonic()

    def exists(self, name: str) -> bool:
        """Whether there is such a file, locked or not."""
        return os.access(os.path.join(self._folder, name), os.F_OK)

    def left_behind(self) -> Iterator[Held]:
        """Take each lock whose holder has died, to be freed by the caller."""
        for name in os.listdir(self._folder):
            held = self.take(name) if not name.startswith(PROBE) else None
            if held is not None:
                yield held


def _is_at(descriptor: int, path: str) -> bool:
    if WINDOWS:
        return True
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _in_child() -> None:
    # Closed, not unlocked: the lock is the parent's too.
    for held in list(_held):
        descriptor, held.descriptor = held.descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)
    _held.clear()
    _changing.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_changing.acquire, after_in_parent=_changing.release, after_in_child=_in_child)
