"""What many calls, many entries and the end of the interpreter leave behind."""

from __future__ import annotations

import atexit
import builtins
import contextlib
import functools
import gc
import sys
import threading
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.raising import raised
from versioned_lru_cache import Versioned, session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

STATM = Path("/proc/self/statm")


def resident() -> int:
    return int(STATM.read_text().split()[1]) * 4096 if STATM.exists() else 0


class Thing:
    pass


class Loud:
    def __hash__(self):
        return 1

    def __eq__(self, other):
        if self is broken or other is broken:
            raise ZeroDivisionError
        return type(other) is Loud and self is other


broken, loud = Loud(), Loud()
key, value, version, place = Thing(), Thing(), Thing(), {}
watched = [key, value, version, place, loud]


def fail(*args, **kwargs):
    raise ZeroDivisionError


class Host:
    @versioned_lru_cache(lambda self, *args, **kw: version, maxsize=8)
    def m(self, x=None, **kw):
        return value

    @classmethod
    @versioned_lru_cache(lambda: version)
    def c(cls, x):
        return value


host = Host()
f = versioned_lru_cache(lambda: version, session=place, maxsize=8)(lambda x=None, *args, **kw: value)
asks = versioned_lru_cache(lambda x: version, maxsize=8)(lambda x: value)
constant = versioned_lru_cache(version=1, maxsize=8)(lambda x: value)
keyed = versioned_lru_cache(lambda: version, key=lambda x, **kw: x)(lambda x, **kw: value)
parted = versioned_lru_cache(lambda x: version, version_args=lambda x: (x,), session=place)(lambda x: value)
typed = versioned_lru_cache(lambda: version, session=place, typed=True)(lambda x: value)
short = versioned_lru_cache(lambda: version, ttl=1e-9)(lambda x: value)
passing = versioned_lru_cache(lambda: version, maxsize=None)(lambda n: Versioned(value, version, ttl=1e-9))
weighed = versioned_lru_cache(
    lambda: version, maxsize=None, max_weight=8, weigh=lambda value: 1, ttl=lambda value, n: 1e-9 if n % 2 else None
)(lambda n: value)
refused = versioned_lru_cache(lambda: version, cache_if=lambda value: False)(lambda x: value)
nothing = versioned_lru_cache(lambda: version, maxsize=0)(lambda x: value)
failing = versioned_lru_cache(lambda: version, session=place)(fail)
blind = versioned_lru_cache(fail)(lambda x: value)
dropped = versioned_lru_cache(lambda: version, cache_if=fail)(lambda x: value)
bound, bound_class = host.m, Host.c


def in_a_session():
    with session():
        asks(key)
        host.m(key)


def decorated_anew():
    g = versioned_lru_cache(lambda: version)(lambda x: (g, value))
    g(key)


# What is done a number of times, `n` counting.
KINDS: dict[str, Callable[[int], object]] = {
    "hits by position": lambda n: (f(key), f(key, 1)),
    "hits by keyword": lambda n: f(key, k=value),
    "hits of a method": lambda n: (host.m(key), host.m(k=key)),
    "hits of a bound method": lambda n: (bound(key), bound(*[key], k=1)),
    "hits of a classmethod": lambda n: (bound_class(key), host.c(key)),
    "hits of a constant version": lambda n: constant(key),
    "hits by a key": lambda n: keyed(key, k=value),
    "hits by a part": lambda n: parted(key),
    "typed hits": lambda n: (typed(key), typed(n & 3)),
    "questions": lambda n: asks(key),
    "misses": lambda n: (f(n), host.m(n)),
    "expired": lambda n: short(key),
    "lives": lambda n: (passing(n), passing(n), weighed(n), weighed.cache_purge()),
    "refused": lambda n: refused(key),
    "not stored": lambda n: nothing(key),
    "failures": lambda n: (raised(ZeroDivisionError, failing, key), raised(ZeroDivisionError, dropped, key)),
    "failures of the version function": lambda n: raised(ZeroDivisionError, blind, key),
    "keys that fail to compare": lambda n: (f(loud), raised(ZeroDivisionError, f, broken), f.cache_invalidate(loud)),
    "sessions": lambda n: in_a_session(),
    "sessions in a mapping": lambda n: (place.clear(), f(key), parted(key)),
    "renewed sessions": lambda n: (f(key), place["lru_cache_versions"].renew()),
    "instances": lambda n: (Host().m(key), Host().m.cache_contains(n)),
    "peeks": lambda n: (f.cache_peek(key), f.cache_contains(n), f.cache_info(), bound.cache_stats()),
    "keys": lambda n: hash(f.cache_key(key)) == hash(bound.cache_key(key)),
    "puts": lambda n: (f.cache_put(Versioned(value, version), n), f.cache_put(Versioned(value, version), key)),
    "invalidations": lambda n: (f(key), f.cache_invalidate(key), bound.cache_clear(), f.cache_clear()),
    "wrong calls": lambda n: (raised(TypeError, f, []), raised(TypeError, bound.cache_key, 1, 2)),
    "decorations": lambda n: decorated_anew(),
}


def many_calls_leave_references_blocks_and_memory_as_they_were(kind: str, count: int) -> None:
    call = KINDS[kind]

    def work(count):
        for n in range(count):
            call(n)
        place.clear()
        for function in [f, asks, keyed, parted, typed, Host.m]:
            function.cache_clear()
        gc.collect()

    def state():
        # Without a GIL some of what was freed last still counts as allocated: it is given back when more is freed
        # (QSBR, in CPython's Objects/obmalloc.c). How much that is, goes by what was done last, so that is the same
        # each time.
        work(1_000)
        return [sys.getrefcount(thing) for thing in watched], sys.getallocatedblocks()

    work(20_000)
    before, resident_before = state(), resident()
    work(count)
    after = state()
    assert after[0] == before[0], (before, after)
    assert after[1] - before[1] < 1000, (before, after)  # free lists fill up; a leak would be a block for each call
    assert resident() - resident_before < 1_000_000, resident() - resident_before


class Link:
    __slots__ = ("before",)


def a_million_entries_are_dropped_without_recursion() -> None:
    plain = versioned_lru_cache(lambda: 1, maxsize=None)(lambda x: [x])
    for n in range(1_000_000):
        plain(n)
    assert plain.cache_info().currsize == 1_000_000
    plain.cache_clear()
    assert plain.cache_info().currsize == 0

    with session():
        for n in range(1_000_000):
            plain(n)
    del plain
    gc.collect()

    chained = versioned_lru_cache(lambda: 1, maxsize=None)(lambda link: link)
    link = None
    for _ in range(1_000_000):
        new = Link()
        new.before = link
        link = chained(new)
    del link, new
    chained.cache_clear()


class Late:
    """Calls the cache when it dies, which may be when the module has lost its names."""

    def __del__(self):
        with contextlib.suppress(TypeError):
            late(7)


def exit_by_exception() -> None:
    raise SystemExit


# By what else things are held when the interpreter ends, and how it ends.
HELD: dict[str, Callable[[], object]] = {
    "": lambda: None,
    "import builtins; builtins.kept = f, host, current, handle": lambda: setattr(builtins, "kept", tuple(ending)),
    "f.itself = f": lambda: setattr(late, "itself", late),
}
ENDS: dict[str, Callable[[], object]] = {
    "": lambda: None,
    "sys.exit(0)": lambda: sys.exit(0),
    "raise SystemExit": exit_by_exception,
    "import atexit; atexit.register(f, 5)": lambda: atexit.register(late, 5),
}
ending: list[Any] = []
late: Any = None


def the_interpreter_ends_silently(held: str, end: str) -> None:
    global late
    mapping = {}
    late = versioned_lru_cache(lambda: 1, session=mapping, maxsize=4)(lambda x: Late() if x == 3 else [late, x])

    class Host:
        @versioned_lru_cache(lambda self: 1)
        def m(self):
            return [self, Late()]

    host = Host()
    host.itself = host
    host.m()
    current = session()
    handle = current.__enter__()
    for n in range(9):
        late(n)
        host.m()
    ready = threading.Event()

    def wait():
        ready.set()
        threading.Event().wait()

    threading.Thread(target=wait, daemon=True).start()
    ready.wait()
    ending.extend([late, host, current, handle])
    HELD[held]()
    ENDS[end]()


COUNT = 200_000
DECORATE: dict[str, Callable[[Any], Any]] = {
    "functools": functools.lru_cache(maxsize=COUNT),
    "constant": versioned_lru_cache(version=1, maxsize=COUNT),
    "asks": versioned_lru_cache(lambda: 1, maxsize=COUNT),
    "session": versioned_lru_cache(lambda: 1, maxsize=COUNT),
    "a version each": versioned_lru_cache(lambda x: 1, maxsize=COUNT),
}


def print_bytes_of_an_entry(kind: str) -> None:
    function = DECORATE[kind](lambda x: x)
    keys = list(range(10**6, 10**6 + COUNT))
    if kind == "session":
        current = session()
        current.__enter__()
    for warm in range(1000):
        function(warm)
    function.cache_clear()
    gc.collect()
    before = resident()
    # What a session knew goes with it.
    with session() if kind == "a version each" else contextlib.nullcontext():
        for key in keys:
            function(key)
    gc.collect()
    print((resident() - before) / COUNT)


SESSIONS, RESULTS = 5_000, 128


def print_bytes_of_an_idle_session(reads: int) -> None:
    """Print how much the resident memory grows for a session that has read so many results and does nothing more."""
    function = versioned_lru_cache(lambda: 1, maxsize=RESULTS)(lambda x: [x])

    def read(count: int) -> Any:
        block = session()
        block.__enter__()
        for x in range(count):
            function(x)
        return block

    def begun(count: int) -> list[Any]:
        contexts = [Context() for _ in range(count)]
        return [(context, context.run(read, reads)) for context in contexts]

    open_ones = [Context().run(read, RESULTS), *begun(200)]
    gc.collect()
    before = resident()
    open_ones += begun(SESSIONS)
    gc.collect()
    print((resident() - before) / SESSIONS)
