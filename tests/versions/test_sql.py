"""`versions.sql`: what a statement of SQLAlchemy says is the version, whatever runs it."""

from __future__ import annotations

import gc
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache.versions import sql

sqlalchemy = pytest.importorskip("sqlalchemy")
orm = pytest.importorskip("sqlalchemy.orm")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SERIAL = "SELECT serial FROM changes"
METADATA = sqlalchemy.MetaData()
CHANGES = sqlalchemy.Table(
    "changes", METADATA, sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True), sqlalchemy.Column("serial")
)


class Change:
    """A mapped class."""

    id: Any
    serial: Any


orm.registry(metadata=METADATA).map_imperatively(Change, CHANGES)


@contextmanager
def made(path: Path) -> Iterator[Any]:
    """An engine whose transactions see one state of the data from their first statement to their end."""
    engine = sqlalchemy.create_engine(f"sqlite:///{path / 'a.db'}")

    @sqlalchemy.event.listens_for(engine, "connect")
    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")

    @sqlalchemy.event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE changes (id INTEGER PRIMARY KEY, serial)"))
            connection.execute(sqlalchemy.text("INSERT INTO changes VALUES (1, 1)"))
        yield engine
    finally:
        engine.dispose()


def change(engine: Any, serial: object) -> None:
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE changes SET serial = :serial"), {"serial": serial})


def of_engine(engine: Any, done: list[Callable[[], Any]]) -> Any:
    return engine


def of_connection(engine: Any, done: list[Callable[[], Any]]) -> Any:
    connection = engine.connect()
    done.append(connection.close)
    return connection


def of_autocommit(engine: Any, done: list[Callable[[], Any]]) -> Any:
    return of_connection(engine.execution_options(isolation_level="AUTOCOMMIT"), done)


def of_session(engine: Any, done: list[Callable[[], Any]]) -> Any:
    current = orm.Session(engine)
    done.append(current.close)
    return current


def of_session_on_a_connection(engine: Any, done: list[Callable[[], Any]]) -> Any:
    return of_session(of_connection(engine, done), done)


def of_session_with_binds(engine: Any, done: list[Callable[[], Any]]) -> Any:
    other = sqlalchemy.create_engine("sqlite://")
    done.append(other.dispose)
    current = orm.Session(other, binds={Change: engine})
    done.append(current.close)
    return current


def of_scoped_session(engine: Any, done: list[Callable[[], Any]]) -> Any:
    scoped = orm.scoped_session(orm.sessionmaker(engine))
    done.append(scoped.remove)
    return scoped


def of_sessionmaker(engine: Any, done: list[Callable[[], Any]]) -> Any:
    return orm.sessionmaker(engine)


def of_a_callable(engine: Any, done: list[Callable[[], Any]]) -> Any:
    return lambda: engine


def of_a_callable_of_a_scoped_session(engine: Any, done: list[Callable[[], Any]]) -> Any:
    scoped = of_scoped_session(engine, done)
    return lambda: scoped


CONNECTABLES = [
    of_engine,
    of_connection,
    of_autocommit,
    of_session,
    of_session_on_a_connection,
    of_scoped_session,
    of_sessionmaker,
    of_a_callable,
    of_a_callable_of_a_scoped_session,
]
KEEPING = pytest.mark.parametrize("make", [of_connection, of_session, of_session_on_a_connection, of_scoped_session])


@contextmanager
def connectable(make: Any, engine: Any) -> Iterator[Any]:
    done: list[Callable[[], Any]] = []
    try:
        yield make(engine, done)
    finally:
        for close in reversed(done):
            close()


def said(version: Any) -> Any:
    """What the first row says, also where the version says of which database."""
    found = version()
    return found[1] if isinstance(found, tuple) and " #" in str(found[0]) else found


@pytest.mark.parametrize("make", CONNECTABLES)
def test_a_change_is_seen_by_the_next_session(tmp_path: Path, make: Any) -> None:
    with made(tmp_path) as engine, connectable(make, engine) as source:
        runs: list[int] = []

        @versioned_lru_cache(sql(source, SERIAL))
        def report() -> Any:
            runs.append(1)
            with engine.connect() as connection:
                return connection.execute(sqlalchemy.text(SERIAL)).scalar()

        with session():
            assert report() == 1
            change(engine, 2)
            assert report() == 1
        for serial in (2, 3, 4):
            change(engine, serial)
            with session():
                assert report() == report() == serial
        assert len(runs) == 4
        assert engine.pool.checkedout() <= 1  # the connections of the test


@pytest.mark.parametrize("make", [*CONNECTABLES, of_session_with_binds])
def test_statements_of_sqlalchemy(tmp_path: Path, make: Any) -> None:
    with made(tmp_path) as engine, connectable(make, engine) as source:
        version = sql(
            source, sqlalchemy.select(Change.serial).where(Change.id == sqlalchemy.bindparam("id")), {"id": 1}
        )
        assert said(version) == 1
        change(engine, 2)
        assert said(version) == 2


def in_transaction(source: Any) -> bool:
    current = source() if callable(source) else source
    return bool(current.in_transaction())


@KEEPING
def test_it_leaves_no_transaction_open(tmp_path: Path, make: Any) -> None:
    with made(tmp_path) as engine, connectable(make, engine) as source:
        sql(source, SERIAL)()
        assert not in_transaction(source)
        with pytest.raises(sqlalchemy.exc.OperationalError):
            sql(source, "SELECT nothing FROM nowhere")()
        assert not in_transaction(source)


@KEEPING
def test_in_an_open_transaction_it_sees_what_that_does(tmp_path: Path, make: Any) -> None:
    with made(tmp_path) as engine, connectable(make, engine) as source:
        version = sql(source, SERIAL)
        source.execute(sqlalchemy.text("UPDATE changes SET serial = 2"))
        assert said(version) == 2
        assert in_transaction(source)
        assert said(sql(engine, SERIAL)) == 1
        source.rollback()
        assert said(version) == 1


def test_the_objects_of_a_session_stay_loaded(tmp_path: Path) -> None:
    with made(tmp_path) as engine, orm.Session(engine, expire_on_commit=False) as current:
        found = current.get(Change, 1)
        current.commit()
        change(engine, 2)
        assert said(sql(current, SERIAL)) == 2
        assert not sqlalchemy.inspect(found).expired_attributes
        assert found.serial == 1


def test_what_a_session_has_not_written_yet_is_seen(tmp_path: Path) -> None:
    with made(tmp_path) as engine, orm.Session(engine) as current:
        version = sql(current, sqlalchemy.select(Change.serial))
        current.get(Change, 1).serial = 5
        assert said(version) == 5


def test_what_the_version_is(tmp_path: Path) -> None:
    with made(tmp_path) as engine:
        assert sql(engine, "SELECT 5")() == 5
        assert sql(engine, "SELECT 5, 'a', NULL")() == (5, "a", None)
        assert type(sql(engine, "SELECT 5, 'a'")()) is tuple
        assert sql(engine, "SELECT NULL")() is None
        assert sql(engine, "SELECT serial FROM changes WHERE id = 99")() is None
        assert sql(engine, "SELECT value FROM json_each('[3, 2, 1]')")() == 3
        assert sql(engine, "SELECT :a || :b", {"a": "x", "b": "y"})() == "xy"


def test_a_statement_without_rows_is_an_error(tmp_path: Path) -> None:
    with made(tmp_path) as engine:
        with pytest.raises(sqlalchemy.exc.ResourceClosedError):
            sql(engine, "UPDATE changes SET serial = 7")()
        assert sql(engine, SERIAL)() == 1


def test_a_mapped_object_is_no_version(tmp_path: Path) -> None:
    with made(tmp_path) as engine, orm.Session(engine) as current:
        current.begin()
        with pytest.raises(TypeError, match="let the statement select columns"):
            sql(current, sqlalchemy.select(Change))()


def test_parameters_are_those_given_at_first(tmp_path: Path) -> None:
    with made(tmp_path) as engine:
        given = {"x": 1}
        version = sql(engine, "SELECT :x", given)
        given["x"] = 2
        assert version() == 1
        assert sql(engine, "SELECT :x", given)() == 2


def test_a_callable_is_called_each_time(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with made(tmp_path / "one") as one, made(tmp_path / "two") as two:
        change(two, 2)
        current = [one]
        version = sql(lambda: current[0], SERIAL)
        assert said(version) == 1
        current[0] = two
        assert said(version) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda engine: engine,
        lambda engine: orm.Session(engine),
        lambda engine: orm.scoped_session(orm.sessionmaker(engine)),
        lambda engine: engine.connect(),
    ],
)
def test_two_databases_that_say_the_same_are_not_taken_for_each_other(tmp_path: Path, make: Any) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with made(tmp_path / "one") as one, made(tmp_path / "two") as two:
        sources = {"one": make(one), "two": make(two)}
        now = ["one"]
        f: Any = versioned_lru_cache(sql(lambda: sources[now[0]], SERIAL))(lambda: [*now])
        for name in ("one", "two", "one"):
            now[0] = name
            with session():
                assert f() == [name]
                assert f() is f()
            kept = f()
            with session():
                assert f() is kept, "what has not changed is served"
        for source in sources.values():
            if source not in (one, two):
                source.close()


def test_a_session_that_chooses_among_databases(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with made(tmp_path / "one") as one, made(tmp_path / "two") as two:
        now = [one]

        class Routed(orm.Session):  # type: ignore[misc]
            def get_bind(self, *args: Any, **options: Any) -> Any:
                return now[0]

        with Routed() as current:
            version = sql(current, SERIAL)
            seen = version()
            now[0] = two
            assert said(version) == seen[1]
            assert version() != seen
            now[0] = one
            assert version() == seen
            current.begin()
            assert version() == seen, "in a transaction too"


def test_options_that_lead_to_another_schema_or_shard(tmp_path: Path) -> None:
    with made(tmp_path) as engine:
        one = engine.execution_options(schema_translate_map={None: "one"})
        now = [engine]
        version = sql(lambda: now[0], "SELECT 1")
        seen = [version()]
        for options in (
            {"schema_translate_map": {None: "one"}},
            {"schema_translate_map": {None: "two"}},
            {"shard": "a"},
        ):
            now[0] = engine.execution_options(**options)
            seen.append(version())
        assert len(set(seen)) == 4
        now[0] = one
        assert version() == seen[1], "an engine that is made anew for each request leads to the same"
        for other in (engine.execution_options(logging_token="a request"), engine):
            now[0] = other
            assert version() == seen[0]


def test_each_connection_to_memory_is_a_database_of_its_own() -> None:
    engine = sqlalchemy.create_engine(
        "sqlite://", poolclass=sqlalchemy.pool.SingletonThreadPool, connect_args={"check_same_thread": False}
    )
    version = sql(engine, "SELECT 1")
    seen: list[Any] = [version(), version()]
    thread = threading.Thread(target=lambda: seen.append(version()))
    thread.start()
    thread.join()
    assert seen[0] == seen[1] != seen[2]
    assert [answer for _, answer in seen] == [1, 1, 1]
    engine.dispose()
    assert version() != seen[0], "that database has gone"
    engine.dispose()


def test_a_scoped_session_is_that_of_the_thread_that_asks(tmp_path: Path) -> None:
    with made(tmp_path) as engine, connectable(of_scoped_session, engine) as scoped:
        version = sql(scoped, SERIAL)
        scoped.execute(sqlalchemy.text("UPDATE changes SET serial = 2"))
        seen: list[object] = []

        def ask() -> None:
            seen.append(said(version))
            scoped.remove()

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        assert (said(version), seen) == (2, [1])


def test_equal_configurations_are_one_version_function(tmp_path: Path) -> None:
    with made(tmp_path) as engine, connectable(of_scoped_session, engine) as scoped:
        query = sqlalchemy.select(CHANGES.c.serial)
        each: list[Callable[[], Any]] = [
            lambda: sql(engine, SERIAL),
            lambda: sql(engine, query),
            lambda: sql(scoped, SERIAL),
            lambda: sql(engine, "SELECT :x", {"x": 1}),
            lambda: sql(engine, "SELECT :x", {"x": True}),
            lambda: sql(engine, "SELECT :x", {"x": 1.0}),
            lambda: sql(engine, "SELECT :x", {"x": "1"}),
            lambda: sql(engine, "SELECT :x", {"y": 1}),
        ]
        versions = [make() for make in each]
        assert [make() for make in each] == versions
        assert len(set(versions)) == len(versions)
        assert sql(engine, SERIAL) is sql(engine, SERIAL, {}) is sql(engine, SERIAL, None)
        # What has a way of its own to be equal is not asked.
        assert sql(engine, "SELECT :x", {"x": b"1"}) is not sql(engine, "SELECT :x", {"x": bytearray(b"1")})


def test_one_of_a_statement_that_died_is_not_found_by_another_at_its_address(tmp_path: Path) -> None:
    with made(tmp_path) as engine:
        for number in range(100):
            assert sql(engine, sqlalchemy.select(sqlalchemy.literal(number)))() == number


def test_it_keeps_what_it_asks_alive_and_nothing_else_does(tmp_path: Path) -> None:
    with made(tmp_path) as engine:
        query = sqlalchemy.select(CHANGES.c.serial)
        alive = weakref.ref(query)
        version = sql(engine, query)
        del query
        gc.collect()
        assert alive() is not None
        assert version() == 1
        del version
        engine.clear_compiled_cache()
        gc.collect()
        assert alive() is None


def test_it_shows_the_statement_and_no_values(tmp_path: Path) -> None:
    with made(tmp_path) as engine:
        assert repr(sql(engine, "SELECT :x", {"x": "secret"})) == "<versions.sql('SELECT :x')>"
        assert "SELECT changes.serial" in repr(sql(engine, sqlalchemy.select(CHANGES.c.serial)))


# --- wrong use


async def awaited() -> None: ...


@pytest.mark.parametrize(
    ("parameter", "value", "kind", "allowed"),
    [
        ("connectable", "sqlite://", TypeError, "must be an Engine, a Connection, a Session"),
        ("connectable", None, TypeError, "must be an Engine, a Connection, a Session"),
        ("connectable", awaited, TypeError, "coroutine function"),
        ("statement", 5, TypeError, "must be a str or a statement"),
        ("statement", CHANGES.c.serial, TypeError, "must be a str or a statement"),
        ("statement", "", ValueError, "must be SQL"),
        ("statement", " \n", ValueError, "must be SQL"),
        ("parameters", 5, TypeError, "mapping of names"),
        ("parameters", [("x", 1)], TypeError, "mapping of names"),
    ],
)
def test_wrong_use_is_told_at_once(parameter: str, value: Any, kind: type[Exception], allowed: str) -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    with pytest.raises(kind) as raised:
        sql(**{"connectable": engine, "statement": SERIAL, parameter: value})
    assert type(raised.value) is kind
    assert all(word in str(raised.value) for word in (f"{parameter}={value!r}", allowed)), str(raised.value)


def test_what_a_callable_returns_is_checked_when_it_is_asked() -> None:
    with pytest.raises(TypeError, match=r"connectable\(\)=None is a NoneType; it must be an Engine"):
        sql(lambda: None, SERIAL)()  # type: ignore[arg-type, return-value]


def test_what_is_for_asyncio_is_refused() -> None:
    asyncio = pytest.importorskip("sqlalchemy.ext.asyncio", exc_type=ImportError)
    made = asyncio.async_sessionmaker()
    with pytest.raises(TypeError, match="none for asyncio"):
        sql(made(), SERIAL)
    with pytest.raises(TypeError, match="none for asyncio"):
        sql(made, SERIAL)()
