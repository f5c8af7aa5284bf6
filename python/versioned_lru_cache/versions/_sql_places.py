"""Which database an answer of SQLAlchemy comes from, where that may be another each time."""

from __future__ import annotations

from itertools import count
from weakref import WeakKeyDictionary

from ._version_function import PLAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

    from sqlalchemy import Connection, Engine

_NAME = "versioned_lru_cache database"
_numbers = count(1)
# Engines that differ only in their options share their pool.
_of_pools: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def place_of(connection: Connection) -> Hashable:
    """Return what tells the database of a connection from any other in this process.

    An address would not: by one the schema, a search path or a creator may lead to several.
    """
    engine = connection.engine
    if is_in_memory(engine):  # Each of its connections may have a database of its own.
        name: str = connection.info.setdefault(_NAME, _new_name(engine))
    else:
        name = _of_pools.get(engine.pool) or _of_pools.setdefault(engine.pool, _new_name(engine))
    options = _telling(connection.get_execution_options())
    return (name, *options) if options else name


def is_in_memory(engine: Engine) -> bool:
    """Return whether a database is SQLite's in memory."""
    url = engine.url
    if url.get_backend_name() != "sqlite":
        return False
    return not url.database or ":memory:" in url.database or "mode=memory" in f"{url.database}{url.query}"


def _new_name(engine: Engine) -> str:
    return f"{engine.url.database or engine.url.get_backend_name()} #{next(_numbers)}"


def _telling(options: Any) -> tuple[Hashable, ...]:
    """Return the options by which one engine is led to several schemas or shards; those of the program's own may be."""
    told: dict[str, Hashable] = {}
    for name, value in options.items():
        if name == "schema_translate_map" and value:
            told[name] = frozenset(value.items())
        elif type(value) in PLAIN and name != "logging_token":  # That may be another for each request.
            told[name] = value
    return tuple((name, told[name]) for name in sorted(told))
