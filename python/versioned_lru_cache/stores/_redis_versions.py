"""Version functions about names that the processes of many machines bump, which a Redis server counts.

A session reads all that this process uses in one round trip: the first that is asked brings the answers of the others,
by `_core.ask_together`.
"""

from __future__ import annotations

from secrets import token_hex
from weakref import WeakValueDictionary

from .._core import VersionFunction, ask_together
from .._texts import checked_constant, checked_constants, checked_tags, one_name, several_names
from . import _redis_version_scripts as scripts
from ._redis_plan import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._outage import Outage

    Names = tuple[str, ...]
    Given = tuple[Callable[..., Any], Callable[[object, str], Names]]

__all__ = ["AwaitedSharedVersion", "SharedVersion", "Versions", "bump_in", "version_of_bump"]

# As many names are remembered one by one at least, of those that were bumped last, and twice as many at most.
MOST_NAMES = 50_000


class Versions:
    """The version functions of one store, and what they ask the server for.

    Args:
        beginning: That of the store's keys.
        make: Makes a version function.
        outage: Of the server.
    """

    def __init__(self, beginning: bytes, make: type[SharedVersion], outage: Outage) -> None:
        state = beginning + b"versions}"
        self._keys = (state, state + b":0", state + b":1")
        self._make = make
        self.outage = outage
        self._constant: WeakValueDictionary[Names, SharedVersion] = WeakValueDictionary()

    def counter(self, store: Any, name: object) -> Any:
        """Return the version function about one name."""
        if callable(name):
            return self._make(store, f"counter({name!r})", (), (name, one_name))
        return self._of(store, "counter", (checked_constant(name, "counter(name)"),))

    def tags(self, store: Any, names: tuple[object, ...]) -> Any:
        """Return the version function about several names."""
        if len(names) == 1 and callable(names[0]):
            return self._make(store, f"tags({names[0]!r})", (), (names[0], several_names))
        given = checked_tags(names)
        return self._of(store, "tags" if len(given) > 1 else "counter", given)

    def _of(self, store: Any, kind: str, names: Names) -> SharedVersion:
        """Return the one about these names: functions that use it go by one answer."""
        found = self._constant.get(names)
        if found is None:
            found = self._make(store, f"{kind}({', '.join(map(repr, names))})", names)
            found = self._constant.setdefault(names, found)
        return found

    def round(self, own: SharedVersion, names: Names) -> Round:
        """Begin to ask for the version of one, and of those for which its session has no answer."""
        # Not `values()`, which fails if another thread makes one meanwhile.
        alive = [each for each in (known() for known in self._constant.valuerefs()) if each not in (None, own)]
        return Round(self._keys, own, alive, names)

    def bump(self, names: Names) -> Run:
        """Return what says that what has one of these names has changed, and all below it."""
        given = checked_constants(names, "bump(names)")
        if not given:
            raise TypeError("bump() was given no name; it must be told what has changed")
        return Run(scripts.BUMP, self._keys, (_digits(), MOST_NAMES, *map(_encoded, given)))


class Round:
    """One look at the server.

    Attributes:
        version: What it has told, or what is known since the same question was put.
        run: What reads it, if it is not known.
    """

    def __init__(self, keys: tuple[bytes, ...], own: SharedVersion, others: list[SharedVersion], names: Names) -> None:
        # Where names are made of arguments, these are told with the version, and each call has its own.
        constant = [own, *others] if own.names else others
        together = ask_together([each.scope for each in constant])
        lacking = [] if together is None else [constant[place].names for place in together.places]
        self._together, self._several = together, [names, *lacking]
        self.version: Any = together.known if together is not None and own.names else None
        every = dict.fromkeys(above for each in self._several for above in _lineage(each))
        self._names = [_encoded(name) for name in every]
        self.run = Run(scripts.READ, keys, (_digits(), *self._names))

    def take(self, answer: Any) -> None:
        """Take what the server has answered, also for the others."""
        life, floor, *values = answer
        last = {name: value for name, value in zip(self._names, values, strict=True) if value is not None}

        def version(names: Names) -> str:
            found = [last[name] for name in map(_encoded, _lineage(names)) if name in last]
            newest: bytes = max((floor, *found), key=_number)
            told: str = (life + b"-" + newest).decode()
            return told

        self.version, *others = map(version, self._several)
        if self._together is not None:
            self._together.give(others)


class SharedVersion(VersionFunction):
    """What ``store.counter`` and ``store.tags`` return: a version function whose ``bump()`` all machines see.

    Its version is a text that tells the last bump of its names. Where a callable makes names of the call's arguments,
    it is a tuple of those and of that.
    """

    def __new__(cls, store: Any, shown: str, names: Names, given: Given | None = None) -> Any:
        """Make one, whose own call stands in for what others ask."""
        return super().__new__(cls, shown, cls.__call__, like=given and given[0])

    def __init__(self, store: Any, shown: str, names: Names, given: Given | None = None) -> None:
        """Take what it is about: names, or what makes them and what checks those."""
        self.names = names
        self._store, self._shown, self._given = store, shown, given

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the version."""
        names = self._about(args, kwargs)
        return self._version(names, self._store._version_of(self, names))

    def bump(self, *args: Any, **kwargs: Any) -> Any:
        """Say that what it is about has changed: each process sees another version in its next session.

        Args:
            args: The call's arguments, where a callable makes names of them. Else nothing, or a pipeline of yours.
            kwargs: As well; the pipeline is ``pipe``.

        Returns:
            The new version. With a pipeline what that returns: then the bump is a command of it.
        """
        if self._given is not None:
            return self._bumped(self._about(args, kwargs))
        if len(args) + len(kwargs) > 1 or kwargs.keys() - {"pipe"}:
            raise TypeError(f"{self!r}: bump() takes a pipeline or nothing, as there are no arguments")
        pipes = *args, *kwargs.values(), None
        return self._store.bump(*self.names, pipe=pipes[0])

    def _bumped(self, names: Names) -> Any:
        return self._version(names, self._store.bump(*names))

    def _about(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Names:
        if self._given is not None:
            make, checked = self._given
            return checked(make(*args, **kwargs), "names()")
        if args or kwargs:
            raise TypeError(f"{self!r} takes no arguments")
        return self.names

    def _version(self, names: Names, version: str) -> Any:
        return version if self._given is None else (names, version)

    def __repr__(self) -> str:
        return f"<{self._shown} of {self._store!r}>"


class AwaitedSharedVersion(SharedVersion):
    """The same of an ``AsyncRedisStore``: a coroutine function, and what ``bump()`` returns is awaited."""

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the version."""
        names = self._about(args, kwargs)
        return self._version(names, await self._store._version_of(self, names))

    async def _bumped(self, names: Names) -> Any:
        return self._version(names, await self._store.bump(*names))


def version_of_bump(answer: Any) -> str:
    """Return the version that a bump has made."""
    life, value = answer
    return f"{life.decode()}-{value.decode()}"


def bump_in(pipe: Any, run: Run) -> Any:
    """Make a bump a command of a pipeline, which sends the source, as it can't ask twice."""
    # That of a cluster has `eval` only to refuse it.
    command = getattr(pipe, "execute_command", None)
    if command is None or not hasattr(pipe, "execute"):
        raise TypeError(f"bump(pipe={pipe!r}): must be a pipeline of redis-py, such as client.pipeline()")
    if getattr(pipe, "watching", False) and not getattr(pipe, "explicit_transaction", False):
        raise ValueError(f"bump(pipe={pipe!r}): it watches, so a command would run at once; call pipe.multi() before")
    return command("EVAL", run.script.source, len(run.keys), *run.keys, *run.arguments)


def _lineage(names: Names) -> list[str]:
    """Return names and all above them that can be bumped: nothing has an empty name."""
    found: list[str] = []
    for name in names:
        parts = name.split(":")
        found += [":".join(parts[:end]) for end in range(1, len(parts) + 1)]
    return [name for name in found if name]


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _number(value: bytes) -> int:
    return int(value.partition(b"-")[0])


def _digits() -> bytes:
    return token_hex(8).encode()
