"""The folder of a local store: where it lies, and whether it can be trusted.

What lies in the folder is believed. So nobody else may write there: it is this user's own, with mode 0700, and no
symlink stands in its place. Locks have to work there, since leases are locks, and SQLite relies on them as well.

    FOLDER/CACHEDIR.TAG             tells backups that nothing here is worth keeping
    FOLDER/format-1/                a bucket for each format: older and newer releases live side by side
    FOLDER/format-1/leases/         a lock file for each lease that is out
    FOLDER/format-1/records-*       the database, see `_database.py`
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import time
from contextlib import suppress
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PROBE", "Folder", "locks_work", "prepare"]

# Raised with the layout of the database and of records: what another release can't read, it does not get to see.
BUCKET = "format-1"
TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Cached results of versioned-lru-cache; may be removed.\n"
# Write-ahead logs need memory that all writers share, which those on two machines do not.
NETWORK = frozenset([
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.sshfs", "gfs2", "glusterfs", "lustre",
    "nfs", "nfs4", "ocfs2", "smb3", "smbfs", "virtiofs",
])  # fmt: skip

# How the names of files begin by which it is tried whether locks work. They are there for milliseconds.
PROBE = "probe-"
LEFT_BEHIND = 60.0  # seconds, after which whoever made one must have died


class Folder(NamedTuple):
    """A folder that was found good."""

    bucket: str
    leases: str
    on_network: bool


def prepare(path: Path | None, read_only: bool) -> Folder:
    """Make the folder if there is none, and check it.

    Raises:
        PermissionError: Others may write there, or it is another user's.
        NotADirectoryError: Something else stands in its place.
        FileNotFoundError: There is none, and the store is read-only.
        OSError: Locks do not work there; or as the system says.
        ImportError: A package that is needed is not installed, or is too old.
    """
    try:
        if not read_only:
            from filelock import lock_descriptor as _  # noqa: F401 - said here, before anything is made
        if path is None:
            from platformdirs import user_cache_path

            path = user_cache_path("versioned-lru-cache", appauthor=False)
    except ImportError as error:
        raise ImportError(f'LocalStore needs pip install "versioned-lru-cache[local]": {error}') from error
    bucket = path / BUCKET
    leases = bucket / "leases"
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path)
    _check(path, read_only)
    if not read_only:
        _make(bucket)
        _make(leases)
        _tag(path / "CACHEDIR.TAG")
    _check(bucket, read_only)
    if not read_only:
        _check(leases, read_only)
        _remove_old_probes(leases)
        if not locks_work(leases):
            raise OSError(
                errno.ENOLCK,
                "locks do not work on this file system, so results can't be shared there. Name a local folder",
                str(path),
            )
    return Folder(str(bucket), str(leases), _on_network(bucket))


def _make(path: Path) -> None:
    with suppress(FileExistsError):  # What it is, is checked next.
        path.mkdir(mode=0o700)


def _check(path: Path, read_only: bool) -> None:
    """Refuse what others could write to, as ssh does with its keys."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        raise FileNotFoundError(
            errno.ENOENT, "a read-only store has to be made before, by a store that writes", str(path)
        ) from None
    if not stat.S_ISDIR(found.st_mode):
        kind = "a symlink" if stat.S_ISLNK(found.st_mode) else "a file"
        raise NotADirectoryError(
            errno.ENOTDIR, f"{kind} stands where the store's folder should be. Name the folder itself", str(path)
        )
    if sys.platform == "win32":
        return  # Modes say nothing there. The user's cache folder is private by what it inherits.
    user = os.geteuid()
    owners = {user, 0} if read_only else {user}
    if found.st_uid not in owners:
        raise PermissionError(
            errno.EACCES,
            f"the folder is user {found.st_uid}'s, and this process is user {user}'s: its owner could plant results."
            " Name a folder of this user",
            str(path),
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(found.st_mode)
        raise PermissionError(
            errno.EACCES,
            f"others may write to the folder (mode {mode:04o}) and could plant results. Run: chmod go-w {path}",
            str(path),
        )


def _tag(path: Path) -> None:
    with suppress(FileExistsError), path.open("x", encoding="ascii") as file:
        file.write(TAG)


def locks_work(folder: Path) -> bool:
    """Tell whether a second one is refused a lock that is held: some file systems grant it to everybody, or to nobody.

    Two ways to lock are tried: that of leases, and where the system has it for open files, as Linux does, that of
    SQLite.
    """
    from filelock import lock_descriptor

    path = folder / f"{PROBE}{os.urandom(8).hex()}"
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    first = os.open(path, flags, 0o600)
    try:
        second = os.open(path, flags, 0o600)
        try:
            if not lock_descriptor(first, blocking=False) or lock_descriptor(second, blocking=False):
                return False
            return _ranges_are_locked(first, second)
        finally:
            os.close(second)
    except OSError:
        return False
    finally:
        os.close(first)
        path.unlink(missing_ok=True)


def _remove_old_probes(folder: Path) -> None:
    # None is locked to see whether its maker lives: that would tell a maker at work that locks don't work.
    for path in folder.glob(f"{PROBE}*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > LEFT_BEHIND:
                path.unlink()


def _ranges_are_locked(first: int, second: int) -> bool:
    if sys.platform != "linux":
        return True
    import fcntl
    import struct

    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
    command = getattr(fcntl, "F_OFD_SETLK", None)
    if command is None:
        return True
    fcntl.fcntl(first, command, wanted)
    try:
        fcntl.fcntl(second, command, wanted)
    except (BlockingIOError, PermissionError):
        return True
    return False


def _on_network(path: Path) -> bool:
    """Tell whether other machines may have the same folder. Where the system does not say so, none have."""
    if sys.platform == "win32":
        return str(path).startswith("\\\\")
    real = os.path.realpath(path)
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return False
    longest, kind = "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), before.split(" ")[4])
        # Of two on the same point the later one is seen.
        if len(point) >= len(longest) and (real == point or real.startswith(point.rstrip("/") + "/")):
            longest, kind = point, after.split(" ")[0]
    return kind in NETWORK
