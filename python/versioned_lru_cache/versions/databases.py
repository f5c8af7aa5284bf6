"""Versions of databases."""

from __future__ import annotations

import os

from .._callables import check_kind
from .._core import VersionFunction
from .._signatures import identity
from .._words import a_type
from ._sql_places import is_in_memory, place_of
from ._sqlite_commits import Watch, Watched
from ._version_function import PLAIN, known_by
from .files import checked_path, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from sqlite3 import Connection as SqliteConnection
    from typing import Any, TypeAlias

    from sqlalchemy import Connection, Engine, Executable
    from sqlalchemy.orm import Session, scoped_session

    Connectable: TypeAlias = Engine | Connection | Session | scoped_session[Any]


def sqlite(path_or_connection: str | os.PathLike[str] | SqliteConnection) -> Callable[[], Hashable]:
    """Return a version function for a SQLite database: its version is another after each commit.

    For a path, it keeps one connection of its own for as long as it is used, and only asks. Commits of all others are
    seen, in this process and in others, in rollback-journal mode and in WAL mode. A version seen again means the
    same data, but for what it can miss: a write to the file past SQLite (a copy over it; a file put in its place is
    seen), and what the cached function reads in a transaction that is open on a connection of its own. If that began
    before a commit, the result is older than its version, and if it is rolled back, the result stays all the same.
    Give the connection then.

    For a connection, it is asked on that, in the thread of the call. What others commit and what the connection
    itself commits is seen, in attached databases too. While a transaction is open on it each version is a new one,
    so that what is read then serves no other session. A version seen again means the same data, but for what it can
    miss: writes of the connection itself that SQLite does not count (``blobopen``, ``deserialize``), and a database
    that is attached in place of another of the same file name.

    Args:
        path_or_connection: The file, a str or os.PathLike, or a ``sqlite3.Connection``.

    Returns:
        A version function that takes nothing. A file that is not there has the version ``None``; the version of a
        relative path is a tuple of where that led and of what it is there. It raises ``sqlite3.OperationalError`` while
        the database is locked for longer than sqlite3's 5 seconds, and any other ``sqlite3.Error`` that reading gives.
        After a fork parent and child have versions of their own.

    Raises:
        TypeError: It is neither a path nor a connection.
        ValueError: The path is empty, a URI or ``:memory:``, or the connection is always in a transaction, by
            ``autocommit=False``.

    Example:
        >>> from versioned_lru_cache.versions import sqlite
        >>> sqlite("/no/such/file.db")() is None
        True
    """
    from sqlite3 import Connection

    if isinstance(path_or_connection, Connection):
        connection = path_or_connection
        if getattr(connection, "autocommit", None) is False:
            raise ValueError(
                f"path_or_connection={connection!r} has autocommit=False, which keeps a transaction open all the time, "
                "so no version would hold; give the path of the database"
            )
        watched = Watched(connection)
        return known_by(
            ("sqlite", id(connection)),
            lambda: VersionFunction(f"sqlite({connection!r})", watched.version, local=True),
        )
    path = _checked_file(path_or_connection)

    def make() -> VersionFunction:
        watch = Watch(path)
        ask = watch.version if os.path.isabs(path) else lambda: (place(path), watch.version())
        made = VersionFunction(f"sqlite({path!r})", ask, local=True)
        watch.end_with(made)
        return made

    return known_by(("sqlite", path), make)


def sql(
    connectable: Connectable | Callable[[], Connectable],
    statement: str | Executable,
    parameters: Mapping[str, Any] | None = None,
) -> Callable[[], Hashable]:
    """Return a version function that runs a statement by SQLAlchemy: its version is what the first row says.

    A version seen again means the same data, but for what it can miss: whatever the statement does not see. A
    ``max(updated)`` misses a row that was deleted, and a second change at the same time; a counter that triggers keep
    misses nothing. No row and a row of one NULL are the same. In a transaction that is open on a Connection or
    Session, the statement sees what that has not committed: if it is rolled back and the same version is given to
    other data later, results of before are served.

    Args:
        connectable: An Engine, a Connection, a Session or scoped_session, as Flask-SQLAlchemy's ``db.session``, or a
            callable that returns one of these and is called each time. Where no transaction is open, the statement
            runs in one of its own, which is ended; one that is open stays as it is.
        statement: SQL, which ``sqlalchemy.text`` is made of, or a statement of SQLAlchemy.
        parameters: The values of the statement's bound parameters.

    Returns:
        A version function that takes nothing. The version is the value of the first row, a tuple if it has several,
        ``None`` if there is no row. Of anything but an Engine or a Connection, and of SQLite in memory, it is a tuple
        of which database that was and this value, since two may have the same. It raises what SQLAlchemy does, and
        TypeError if the callable returns nothing of the above, or if the row has a mapped object, which would equal
        itself whatever is in it.

    Raises:
        ImportError: SQLAlchemy is not installed.
        TypeError: A parameter is of a wrong type.
        ValueError: ``statement`` is empty.

    Example:
        >>> from sqlalchemy import create_engine
        >>> from versioned_lru_cache.versions import sql
        >>> engine = create_engine("sqlite://")
        >>> version = sql(engine, "SELECT 5")
        >>> version()[-1]
        5
        >>> engine.dispose()
    """
    from sqlalchemy import Connection, Engine, Executable, text

    if callable(connectable):
        check_kind(connectable, "connectable")
    else:
        _check_connectable(connectable, "connectable")
    if isinstance(statement, str):
        if not statement.strip():
            raise ValueError(f"statement={statement!r} is empty; it must be SQL, such as 'SELECT serial FROM changes'")
        query: Executable = text(statement)
    elif isinstance(statement, Executable):  # pyright: ignore[reportUnnecessaryIsInstance]
        query = statement
    else:
        raise TypeError(
            f"statement={statement!r} is {a_type(statement)}; it must be a str or a statement of SQLAlchemy"
        )
    values = _checked_parameters(parameters)
    # Of these each answer is of the one database; all others may lead to several: those of tenants, or of tests.
    told = not isinstance(connectable, (Engine, Connection)) or is_in_memory(connectable.engine)

    def version() -> Hashable:
        found: object = connectable
        for _ in range(2):  # A callable may return a scoped_session, which is one itself.
            found = found() if callable(found) else found
        _check_connectable(found, "connectable()")
        where, row = _first_row(found, query, values)
        return (where, _version_in(row)) if told else _version_in(row)

    asked = statement if isinstance(statement, str) else id(query)
    where = identity(connectable)[0] if callable(connectable) else id(connectable)
    shown = f"sql({str(statement)!r})"
    # What names a database is a number of this process.
    return known_by(("sql", where, asked, _plain(values)), lambda: VersionFunction(shown, version, local=told))


def _checked_file(path: object) -> str:
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(
            f"path_or_connection={path!r} is {a_type(path)}; it must be a str or os.PathLike, or a sqlite3.Connection"
        )
    text = checked_path(path, "path_or_connection")  # pyright: ignore[reportUnknownArgumentType]
    if text == ":memory:" or text.startswith("file:"):
        raise ValueError(
            f"path_or_connection={text!r} is not allowed; it must be the path of a file. For a database in memory, or "
            "one that is opened by a URI, give the connection"
        )
    return text


def _check_connectable(connectable: object, label: str) -> None:
    import sys

    from sqlalchemy import Connection, Engine

    # Who has a Session has imported this.
    orm = sys.modules.get("sqlalchemy.orm")
    if not isinstance(connectable, (Engine, Connection)) and not (orm and isinstance(connectable, orm.Session)):
        raise TypeError(
            f"{label}={connectable!r} is {a_type(connectable)}; it must be an Engine, a Connection, a Session "
            "or a scoped_session of SQLAlchemy (none for asyncio), or a callable that returns one"
        )


def _checked_parameters(parameters: object) -> dict[str, object]:
    from collections.abc import Mapping

    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        raise TypeError(f"parameters={parameters!r} is {a_type(parameters)}; it must be a mapping of names to values")
    return dict(parameters)  # pyright: ignore[reportUnknownArgumentType]


def _plain(values: dict[str, object]) -> object:
    """Return what tells values from others; if comparing them is not as plain, something that nothing equals."""
    if {type(value) for value in values.values()} <= PLAIN:
        return frozenset((name, type(value), value) for name, value in values.items())
    return object()


def _first_row(connectable: Any, query: Executable, values: dict[str, object]) -> tuple[Hashable, Any]:
    """Run a query where it sees what an open transaction does, and leave none open that was not.

    Returns:
        Which database it was, and the row.
    """
    from sqlalchemy import Engine

    if isinstance(connectable, Engine):
        with connectable.connect() as connection:
            return place_of(connection), connection.execute(query, values).first()
    if not hasattr(connectable, "get_bind"):
        was_open = connectable.in_transaction()
        try:
            return place_of(connectable), connectable.execute(query, values).first()
        finally:
            if not was_open:
                # Else it would go on, and never see a change where transactions see one state of the data.
                connectable.rollback()
    if connectable.in_transaction():
        row = connectable.execute(query, values).first()
        return place_of(connectable.connection(bind_arguments={"clause": query})), row
    # To roll back a Session would make it load its objects again.
    return _first_row(connectable.get_bind(clause=query), query, values)


def _version_in(row: Any) -> Hashable:
    if row is None:
        return None
    for value in row:
        if hasattr(value, "_sa_instance_state"):
            raise TypeError(f"sql: the first row has {value!r}, a mapped object; let the statement select columns")
    return row[0] if len(row) == 1 else tuple(row)
