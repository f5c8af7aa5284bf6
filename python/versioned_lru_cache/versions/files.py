"""Versions of files and folders."""

from __future__ import annotations

import os
from errno import EINVAL, EISDIR
from stat import S_ISDIR, S_ISREG

from .._core import file_state
from .._options import checked_flag
from .._words import a_type
from ._version_function import asking_about

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from typing import TypeAlias

    GivenPath: TypeAlias = str | os.PathLike[str] | Callable[..., str | os.PathLike[str]]

_CHUNK = 1 << 20
_STAT = os.stat
_GONE = (FileNotFoundError, NotADirectoryError)  # The second where a folder became a file.


def file(path: GivenPath, *, digest: bool = False) -> Callable[..., Hashable]:
    """Return a version function for a file: what the file system tells of it, or a digest of its content.

    A version seen again means the same data, but for what it can miss: without ``digest``, a change in place that
    keeps the size and comes so soon after the one before that the file system gives both the same time (some
    milliseconds, on some file systems 2 seconds); one by a program that sets the times back, where the system keeps
    no time of the last change of status (Windows); and what another machine wrote to a network file system, until
    this one hears of it. With ``digest`` only the last.

    Args:
        path: The file, a str or os.PathLike; a relative one is looked up when it is asked for, as by ``open``. Or a
            callable that takes the call's arguments and returns one.
        digest: Whether to read the whole file each time, and take a digest of it.

    Returns:
        A version function. A file that is not there has the version ``None``, as has a link that leads nowhere. The
        version of a relative path, or of a callable's, is a tuple of where that led and of what it is there. It raises
        the OSError of anything else that is in the way, and IsADirectoryError for a folder, whose own times don't tell
        of changes in its files.

    Raises:
        TypeError: ``path`` or ``digest`` is of a wrong type.
        ValueError: ``path`` is empty or has a null character.

    Example:
        >>> from versioned_lru_cache.versions import file
        >>> file("/no/such/file")() is None
        True
    """
    checked_flag(digest, "digest")
    return asking_about(
        path,
        checked_path,
        _content_version if digest else _stat_version,
        place=_moving(path),
        name="file",
        label="path",
        options=(digest,),
        shown=", digest=True" if digest else "",
    )


def tree(path: GivenPath, pattern: str = "**/*", *, digest: bool = False) -> Callable[..., Hashable]:
    """Return a version function for all files below a folder whose names match a pattern.

    A version seen again means the same data, but for what it can miss: in each file what :func:`file` misses; folders
    without files; all that is no regular file; and what lies behind links to folders, which are not followed.

    Args:
        path: The folder, a str or os.PathLike; a relative one is looked up when it is asked for. Or a callable that
            takes the call's arguments and returns one.
        pattern: Which files, relative to the folder: ``*``, ``?`` and ``[...]`` stand for parts of one name, ``**``
            for any number of folders, ``/`` goes between names.
        digest: Whether to read all the files each time, and take a digest of what is in them.

    Returns:
        A version function, whose version is a digest over the sorted names of the files and what is told of each. A
        folder that is not there has the version ``None``; what vanishes while it is looked at counts as not there. The
        version of a relative path, or of a callable's, is a tuple as that of :func:`file`. It raises any other OSError.

    Raises:
        TypeError: ``path``, ``pattern`` or ``digest`` is of a wrong type.
        ValueError: ``path`` is empty or has a null character, or ``pattern`` is empty or leads out of the folder.

    Example:
        >>> from versioned_lru_cache.versions import tree
        >>> tree("/no/such/folder", "**/*.csv")() is None
        True
    """
    checked_flag(digest, "digest")
    matching = _checked_pattern(pattern)
    seen = _content_version if digest else _stat_version

    def version(folder: str) -> Hashable:
        found: list[tuple[str, Hashable]] = []
        try:
            for name, place in _files(folder, matching):
                try:
                    state = seen(place) if S_ISREG(os.stat(place).st_mode) else None
                except _GONE:
                    continue
                if state is not None:
                    found.append((name, state))
        except FileNotFoundError:
            return None
        return _digest_of(ascii(each).encode() for each in sorted(found))

    return asking_about(
        path,
        checked_path,
        version,
        place=_moving(path),
        name="tree",
        label="path",
        options=("/".join(matching), digest),
        shown=f", {pattern!r}" + (", digest=True" if digest else ""),
    )


def checked_path(path: object, label: str) -> str:
    """Return a path as text."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(
            f"{label}={path!r} is {a_type(path)}; it must be a str or os.PathLike, or a callable that takes "
            "the call's arguments and returns one"
        )
    text: str = os.fsdecode(path)  # pyright: ignore[reportUnknownArgumentType]
    if not text or "\0" in text:
        raise ValueError(f"{label}={path!r} is not allowed; it must name something, without a null character")
    return text


def _moving(path: object) -> Callable[[str], str] | None:
    """Return what tells where a path leads, if it does not lead there always."""
    return None if not callable(path) and os.path.isabs(checked_path(path, "path")) else place


def place(path: str) -> str:
    """Return where a path leads from the working directory of now."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError:  # There is no such directory any more, and nothing in it.
        return path


def _stat_version(path: str) -> Hashable:
    # A test that puts files of its own in the place of the system's does so by os.stat.
    state = file_state(path) if os.stat is _STAT else None
    if state is not None:
        return state
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    _check_no_folder(found, path)
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev


def _content_version(path: str) -> Hashable:
    try:
        found = os.stat(path)
        _check_no_folder(found, path)
        if not S_ISREG(found.st_mode):  # A pipe would keep the reader waiting.
            raise OSError(EINVAL, "No regular file, so there is no content to digest", path)
        with open(path, "rb") as stream:
            return _digest_of(iter(lambda: stream.read(_CHUNK), b""))
    except FileNotFoundError:
        return None


def _check_no_folder(found: os.stat_result, path: str) -> None:
    if S_ISDIR(found.st_mode):
        raise IsADirectoryError(EISDIR, "Is a folder, which versions.tree is for", path)


def _digest_of(parts: Iterator[bytes]) -> str:
    from hashlib import blake2b

    digest = blake2b(digest_size=32)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _checked_pattern(pattern: object) -> tuple[str, ...]:
    """Return the parts of a pattern, one for each name on the way to a file."""
    if not isinstance(pattern, str):
        raise TypeError(f"pattern={pattern!r} is {a_type(pattern)}; it must be a str, such as '**/*.csv'")
    plain = pattern.replace(os.sep, "/")
    parts = tuple(plain.split("/"))
    if not all(parts) or {".", ".."} & set(parts) or os.path.splitdrive(pattern)[0]:
        raise ValueError(
            f"pattern={pattern!r} is not allowed; it must be names below the folder with / between them, such as "
            "'**/*.csv'"
        )
    if any("**" in part and part != "**" for part in parts):
        raise ValueError(f"pattern={pattern!r} is not allowed; ** must stand alone between two /, such as '**/*.csv'")
    return parts


def _files(folder: str, pattern: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the name below the folder and the path of all that matches and is no folder.

    Raises:
        FileNotFoundError: The folder is not there.
    """
    from fnmatch import fnmatch

    def beyond(places: set[int], name: str) -> set[int]:
        """Return where in the pattern one can be after a name, if one was at one of these places before."""
        after: set[int] = set()
        for place in places:
            if place < len(pattern) and pattern[place] == "**":
                after.add(place)
            elif place < len(pattern) and fnmatch(name, pattern[place]):
                after.add(place + 1)
        return skipped(after)

    def skipped(places: set[int]) -> set[int]:
        """Add the places that are reached because ** may stand for no folder at all."""
        for place in sorted(places):
            while place < len(pattern) and pattern[place] == "**":
                place += 1
                places.add(place)
        return places

    todo = [("", folder, skipped({0}))]
    while todo:
        above, inside, places = todo.pop()
        try:
            with os.scandir(inside) as entries:
                listed = [(each.name, each.path, each.is_dir(follow_symlinks=False)) for each in entries]
        except _GONE:
            if not above:
                raise
            continue
        for name, path, is_folder in listed:
            after = beyond(places, name)
            if is_folder and after - {len(pattern)}:
                todo.append((f"{above}{name}/", path, after))
            elif not is_folder and len(pattern) in after:
                yield above + name, path
