"""Programs that bump names and change how many are remembered, which is the whole process's."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache.versions import bump, counter, set_max_names, tags

STATM = Path("/proc/self/statm")
PARTS = ("a", "a:b", "a:b:c", "a:bc", "ab", "b", "b:a", "b:a:", "b::a")
SETS = (("a:b",), ("a:b:c", "b"), ("ab", "b:a"), ("a:b:c", "a:bc", "b::a"), ("b:a:",))
numbers = itertools.count()


def concerns(bumped: str, name: str) -> bool:
    """Say whether a bump is of a name or of one above it."""
    return name == bumped or name.startswith(f"{bumped}:")


def random_bumps_and_reads() -> None:
    from hypothesis import settings
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

    names = st.sampled_from(PARTS)
    sets = st.sampled_from(SETS)
    kinds = st.sampled_from(["constant", "counters", "callable"])

    class Machine(RuleBasedStateMachine):
        """A dict of the newest bump of each name judges the answers of cached functions.

        Time is counted in steps. A result is the step in which it was made, in a list, so that each is another object.
        """

        def __init__(self) -> None:
            super().__init__()
            self.own = f"example {next(numbers)} "
            self.now = 0
            self.newest: dict[str, int] = {}
            # What was made last for a call, and since when the answer of its version function may be.
            self.known: dict[tuple[str, tuple[str, ...]], tuple[list[int], int]] = {}
            self.began: int | None = None
            self.blocks = ExitStack()
            self.bumps_inside: list[str] = []
            self.forgotten = True
            self.limit = 1
            of_call = tags(lambda given: [self.own + name for name in given])
            self.of_call = of_call
            self.cached: dict[str, Any] = {"callable": versioned_lru_cache(of_call, maxsize=None)(self.made)}
            for given in SETS:
                version = tags(*(self.own + name for name in given))
                self.cached[f"constant {given}"] = versioned_lru_cache(version, maxsize=None)(self.made)
                version = counter(self.own + given[0])
                self.cached[f"counters {given}"] = versioned_lru_cache(version, maxsize=None)(self.made)

        def made(self, *_given: object) -> list[int]:
            result = [self.step()]
            for name in self.bumps_inside:
                self.bumped([name], lambda name=name: bump(self.own + name))
            return result

        def step(self) -> int:
            self.now += 1
            return self.now

        def bumped(self, some: list[str], act: Any) -> None:
            act()
            now = self.step()
            self.newest.update(dict.fromkeys(some, now))
            # One of another example may be remembered, and its forgetting may count for one of these.
            self.forgotten = self.forgotten or len(self.newest) + 1 > self.limit

        @initialize(limit=st.sampled_from([1, 2, 3, 5, 100, 100]))
        def begin(self, limit: int) -> None:
            set_max_names(1)
            set_max_names(limit)
            self.limit, self.forgotten = limit, False

        @rule(some=st.lists(names, min_size=1, max_size=3))
        def bump(self, some: list[str]) -> None:
            self.bumped(some, lambda: bump(*(self.own + name for name in some)))

        @rule(name=names)
        def bump_a_counter(self, name: str) -> None:
            self.bumped([name], lambda: counter(self.own + name).bump())

        @rule(given=sets)
        def bump_what_a_call_is_about(self, given: tuple[str, ...]) -> None:
            self.bumped(list(given), lambda: self.of_call.bump(given))

        @rule(limit=st.sampled_from([1, 2, 3, 5, 100]))
        def limit_names(self, limit: int) -> None:
            set_max_names(limit)
            self.limit = limit
            self.forgotten = self.forgotten or len(self.newest) + 1 > limit

        @rule()
        def begin_or_end_a_session(self) -> None:
            if self.began is None:
                self.blocks.enter_context(session())
                self.began = self.step()
            else:
                self.blocks.close()
                self.began = None

        @rule(kind=kinds, given=sets, inside=st.lists(names, max_size=1))
        def call(self, kind: str, given: tuple[str, ...], inside: list[str]) -> None:
            since = self.began if self.began is not None else self.step()
            about = given[:1] if kind == "counters" else given
            before, forgotten_before = dict(self.newest), self.forgotten
            self.bumps_inside = inside
            found = self.cached["callable"](given) if kind == "callable" else self.cached[f"{kind} {given}"]()
            self.bumps_inside = []
            bumps = [at for name, at in before.items() if any(concerns(name, each) for each in about)]
            old = max((at for at in bumps if at < since), default=0)
            assert found[0] > old, f"made in step {found[0]}, and bumped in step {old}"
            last, asked = self.known.get((kind, given), ([0], 0))
            if asked and not forgotten_before and max(bumps, default=0) < asked:
                assert found is last, "nothing was bumped and nothing forgotten, and it ran again"
            if found is not last:
                self.known[kind, given] = found, since

        def teardown(self) -> None:
            self.blocks.close()

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=400, stateful_step_count=40, derandomize=True, deadline=None, database=None, print_blob=False
        ),
    )


def threads_that_bump_and_read(max_names: int) -> None:
    """Each name has a number, raised before each bump; who reads knows one that a bump has told of."""
    set_max_names(max_names)
    sys.setswitchinterval(1e-5)
    names = [f"user:{number}:orders" for number in range(5)]
    data, told = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    wrong: list[object] = []
    all_there, writing = threading.Barrier(2 * len(names)), set(names)

    of_call: Any = versioned_lru_cache(tags(lambda name: (name, "rates")))(lambda name: data[name])
    constant: dict[str, Any] = {
        name: versioned_lru_cache(tags(name, "rates"))(lambda name=name: data[name]) for name in names
    }

    def write(name: str) -> None:
        all_there.wait(60)
        for number in range(1, 20_001):
            data[name] = number
            bump(name if number % 3 else name.rpartition(":")[0])
            told[name] = number
        writing.remove(name)

    def read(name: str) -> None:
        all_there.wait(60)
        while writing:
            least = told[name]
            if of_call(name) < least:
                wrong.append((name, least, "of a call"))
            least = told[name]
            if constant[name]() < least:
                wrong.append((name, least, "constant"))

    threads = [threading.Thread(target=act, args=(name,)) for name in names for act in (write, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]
    for name in names:
        assert of_call(name) == constant[name]() == data[name]


def asking_forgets_nothing() -> None:
    set_max_names(10)
    bump("kept")
    of_call = tags(lambda name: name)
    before = of_call("kept")
    others = {of_call(f"{number}") for number in range(100_000)}
    assert {count for _, count in others} == {0}, "only what was forgotten is counted for others"
    assert of_call("kept") == before


def many_names_stay_bounded() -> None:
    def resident() -> int:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def bump_many(some: range) -> None:
        for number in some:
            bump(f"user:{number}:orders")

    set_max_names(10_000)
    bump_many(range(50_000))
    before = resident()
    bump_many(range(50_000, 1_050_000))
    grown = resident() - before
    assert grown < 4_000_000, grown
    set_max_names(2_000_000)
    bump_many(range(200_000))
    assert resident() - before > 4_000_000, "it would be seen"


def a_fork_takes_the_counts_along() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    stop = threading.Event()
    constant, of_call = counter("user:7"), tags(lambda number: f"user:{number}")
    cached = versioned_lru_cache(of_call)(lambda number: [number])
    bump("user:7")

    def bump_others() -> None:
        while not stop.is_set():
            bump("other")

    threads = [threading.Thread(target=bump_others) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        before = constant(), of_call(7), cached(7)
        pid = os.fork()
        if pid == 0:
            same = (constant(), of_call(7), cached(7)) == before and cached(7) is before[2]
            bump("user")
            moved = constant() == before[0] + 1 and of_call(7) != before[1] and cached(7) is not before[2]
            print("child", flush=True)
            os._exit(not (same and moved))
        assert os.waitpid(pid, 0)[1] == 0
        assert (constant(), of_call(7)) == before[:2]
        assert cached(7) is before[2]
    stop.set()
    for thread in threads:
        thread.join()
    print("parent")
