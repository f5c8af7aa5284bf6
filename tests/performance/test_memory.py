"""What a million calls, a million entries and the end of the interpreter leave behind (promise 9)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from tests.support.child import run

pytestmark = [pytest.mark.child, pytest.mark.slow]

WATCHED = """
import gc, sys
from pathlib import Path
from versioned_lru_cache import Versioned, session, versioned_lru_cache

STATM = Path("/proc/self/statm")

def resident():
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
constant = versioned_lru_cache(1, maxsize=8)(lambda x: value)
keyed = versioned_lru_cache(lambda: version, key=lambda x, **kw: x)(lambda x, **kw: value)
parted = versioned_lru_cache(lambda x: version, version_args=lambda x: (x,), session=place)(lambda x: value)
typed = versioned_lru_cache(lambda: version, session=place, typed=True)(lambda x: value)
short = versioned_lru_cache(lambda: version, ttl=1e-9)(lambda x: value)
refused = versioned_lru_cache(lambda: version, cache_if=lambda value: False)(lambda x: value)
nothing = versioned_lru_cache(lambda: version, maxsize=0)(lambda x: value)
failing = versioned_lru_cache(lambda: version, session=place)(fail)
blind = versioned_lru_cache(fail)(lambda x: value)
dropped = versioned_lru_cache(lambda: version, cache_if=fail)(lambda x: value)
bound, bound_class = host.m, Host.c

def quietly(call, error, *args):
    try:
        call(*args)
    except error:
        return
    raise AssertionError(call)
"""

# What is done a number of times, `n` counting.
KINDS = {
    "hits by position": "f(key); f(key, 1)",
    "hits by keyword": "f(key, k=value)",
    "hits of a method": "host.m(key); host.m(k=key)",
    "hits of a bound method": "bound(key); bound(*[key], k=1)",
    "hits of a classmethod": "bound_class(key); host.c(key)",
    "hits of a constant version": "constant(key)",
    "hits by a key": "keyed(key, k=value)",
    "hits by a part": "parted(key)",
    "typed hits": "typed(key); typed(n & 3)",
    "questions": "asks(key)",
    "misses": "f(n); host.m(n)",
    "expired": "short(key)",
    "refused": "refused(key)",
    "not stored": "nothing(key)",
    "failures": "quietly(failing, ZeroDivisionError, key); quietly(dropped, ZeroDivisionError, key)",
    "failures of the version function": "quietly(blind, ZeroDivisionError, key)",
    "keys that fail to compare": "f(loud); quietly(f, ZeroDivisionError, broken); f.cache_invalidate(loud)",
    "sessions": "with session(): asks(key); host.m(key)",
    "sessions in a mapping": "place.clear(); f(key); parted(key)",
    "renewed sessions": "f(key); place['lru_cache_versions'].renew()",
    "instances": "Host().m(key); Host().m.cache_contains(n)",
    "peeks": "f.cache_peek(key); f.cache_contains(n); f.cache_info(); bound.cache_stats()",
    "keys": "hash(f.cache_key(key)) == hash(bound.cache_key(key))",
    "puts": "f.cache_put(Versioned(value, version), n); f.cache_put(Versioned(value, version), key)",
    "invalidations": "f(key); f.cache_invalidate(key); bound.cache_clear(); f.cache_clear()",
    "wrong calls": "quietly(f, TypeError, []); quietly(bound.cache_key, TypeError, 1, 2)",
    "decorations": "g = versioned_lru_cache(lambda: version)(lambda x: (g, value)); g(key)",
}
# These take some dozens of microseconds each; the others are done a million times.
COSTLY = {"wrong calls", "decorations"}


@pytest.mark.parametrize("kind", KINDS)
def test_many_calls_leave_references_blocks_and_memory_as_they_were(kind: str) -> None:
    count = 50_000 if kind in COSTLY else 1_000_000
    run(
        f"""{WATCHED}
def work(count):
    for n in range(count):
        {KINDS[kind]}
    place.clear()
    for function in [f, asks, keyed, parted, typed, Host.m]:
        function.cache_clear()
    gc.collect()

def state():
    return [sys.getrefcount(thing) for thing in watched], sys.getallocatedblocks()

work(20_000)
work(1_000)
before, resident_before = state(), resident()
work({count})
after = state()
assert after[0] == before[0], (before, after)
assert after[1] - before[1] < 1000, (before, after)  # free lists fill up; a leak would be a block for each call
assert resident() - resident_before < 1_000_000, resident() - resident_before
""",
        timeout=120,
    )


def test_a_million_entries_are_dropped_without_recursion() -> None:
    """Chained ones too: each holds the one before it."""
    run(
        """
import gc, sys, time
from versioned_lru_cache import session, versioned_lru_cache

class Link:
    __slots__ = ("before",)

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
for n in range(1_000_000):
    new = Link()
    new.before = link
    link = chained(new)
del link, new
chained.cache_clear()
""",
        timeout=120,
    )


@pytest.mark.parametrize("held", ["", "import builtins; builtins.kept = f, host, current, handle", "f.itself = f"])
@pytest.mark.parametrize("end", ["", "sys.exit(0)", "raise SystemExit", "import atexit; atexit.register(f, 5)"])
def test_the_interpreter_ends_silently(held: str, end: str) -> None:
    done = run(
        f"""
import sys, threading
from versioned_lru_cache import session, current_session, versioned_lru_cache

class Late:
    def __del__(self):
        try:
            f(7)
        except TypeError:
            pass

place = {{}}
f = versioned_lru_cache(lambda: 1, session=place, maxsize=4)(lambda x: Late() if x == 3 else [f, x])

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
    f(n)
    host.m()
ready = threading.Event()

def wait():
    ready.set()
    threading.Event().wait()

threading.Thread(target=wait, daemon=True).start()
ready.wait()
{held}
{end}
"""
    )
    assert (done.stdout, done.stderr) == ("", "")


MEASURE = """
import functools, gc, sys
from pathlib import Path
from versioned_lru_cache import session, versioned_lru_cache

COUNT = 200_000

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

decorate = {
    "functools": functools.lru_cache(maxsize=COUNT),
    "constant": versioned_lru_cache(1, maxsize=COUNT),
    "asks": versioned_lru_cache(lambda: 1, maxsize=COUNT),
    "session": versioned_lru_cache(lambda: 1, maxsize=COUNT),
}[sys.argv[1]]
f = decorate(lambda x: x)
keys = list(range(10**6, 10**6 + COUNT))
if sys.argv[1] == "session":
    current = session()
    current.__enter__()
for warm in range(1000):
    f(warm)
f.cache_clear()
gc.collect()
before = resident()
for key in keys:
    f(key)
gc.collect()
print((resident() - before) / COUNT)
"""


def bytes_an_entry(kind: str) -> float:
    """Return how much the resident memory of a new process grows for each of 200,000 int keys."""

    def once() -> float:
        command = [sys.executable, "-c", MEASURE, kind]
        return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)

    return median(once() for _ in range(3))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the resident memory as Linux shows it")
@pytest.mark.skipif(hasattr(sys, "_is_gil_enabled") and not sys._is_gil_enabled(), reason="another layout of objects")
@pytest.mark.parametrize("kind", ["constant", "asks", "session"])
def test_an_entry_takes_no_more_memory_than_in_functools(kind: str) -> None:
    assert bytes_an_entry(kind) <= bytes_an_entry("functools")
