"""Programs that fork, in the midst of this and that. Each process prints what it is when it has come to its end."""

from __future__ import annotations

import contextlib
import contextvars
import faulthandler
import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

from tests import ROOT
from tests.support import keys
from tests.support.calling import GIL, until
from tests.support.constant import cached
from versioned_lru_cache import session, versioned_lru_cache

if TYPE_CHECKING:
    from collections.abc import Callable

PARENT = os.getpid()
results: list[Any] = []
gate = threading.Event()


def forking(program: Callable[..., None]) -> Callable[..., None]:
    """Prepares a process in which this program may fork while threads run."""

    @functools.wraps(program)
    def prepared(*arguments: Any) -> None:
        # Since Python 3.12 a fork that leaves threads behind warns. That they are left behind is what is tested here.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        # The watchdog is a thread too, left behind, and the exit of a forked child would wait for it. An alarm needs
        # none: its handler, in C, writes the stacks and lets the signal end the process.
        faulthandler.cancel_dump_traceback_later()
        faulthandler.register(signal.SIGALRM, chain=True)
        signal.alarm(40)
        # A thread that was started lets go of a GIL only where it waits, so `start` returns when it does.
        sys.setswitchinterval(10)
        program(*arguments)

    return prepared


def fork() -> int:
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
    return pid


def ended_well(pid: int) -> None:
    status = os.waitpid(pid, 0)[1]
    assert status == 0, status


def sleeps(thread: threading.Thread) -> bool:
    # Where there is no GIL `start` may return too early; /proc tells of each thread whether it runs. On its way it
    # sleeps for a moment now and then, as for a lock of the interpreter: it has to stand still for a while.
    for _ in range(1 if GIL else 5):
        if not GIL:
            time.sleep(0.01)
        state = state_of(thread)
        if state != "S":
            return state is None
    return True


def state_of(thread: threading.Thread) -> str | None:
    """What the system says of a thread: S if it sleeps. None if there is no such thread, or no /proc."""
    try:
        with open(f"/proc/self/task/{thread.native_id}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def start(call: Callable[[], object]) -> threading.Thread:
    # In a context of its own, as is the rule with a GIL. Without one a thread inherits the context of who starts it
    # (sys.flags.thread_inherit_context): it would be part of a computation that starts it, and not wait for that.
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    contextvars.Context().run(thread.start)
    until(lambda: sleeps(thread))
    return thread


def pass_gate() -> None:
    # In a child nobody opens it.
    if os.getpid() == PARENT:
        gate.wait()


def open_gate(threads: list[threading.Thread]) -> None:
    gate.set()
    for thread in threads:
        thread.join()


@forking
def a_child_computes_what_a_thread_of_the_parent_computes(bound: dict[str, Any]) -> None:
    runs = []

    @cached(**bound)
    def f(x):
        runs.append(os.getpid())
        pass_gate()
        return [x]

    threads = [start(lambda: f(1)) for _ in range(4)]
    assert runs == [PARENT]
    child = fork()
    if child == 0:
        answer = f(1)
        assert answer == [1]
        assert f(1) is answer
        assert runs == [PARENT, os.getpid()]
        with session():
            assert f(2) == [2]
        print("child")
    else:
        ended_well(child)
        open_gate(threads)
        assert len(results) == 4
        assert all(result is results[0] for result in results)
        assert f(1) is results[0]
        assert runs == [PARENT]
        print("parent")


@forking
def a_child_asks_for_the_version_that_a_thread_of_the_parent_asks_for() -> None:
    g, asked = {}, []

    def version():
        asked.append(os.getpid())
        pass_gate()
        return 1

    @versioned_lru_cache(version, session=g)
    def f(x):
        return [x]

    threads = [start(lambda: f(1)) for _ in range(4)]
    assert asked == [PARENT]
    child = fork()
    if child == 0:
        assert f(1) is f(1)
        assert f(2) == [2]
        assert asked == [PARENT, os.getpid()]
        print("child")
    else:
        ended_well(child)
        open_gate(threads)
        assert len(results) == 4
        assert all(result is results[0] for result in results)
        assert f(2) == [2]
        assert asked == [PARENT]
        print("parent")


@forking
def a_session_goes_on_on_both_sides_and_one_of_a_thread_left_behind_is_no_burden() -> None:
    now = [1]

    @versioned_lru_cache(lambda: now[0])
    def f(x):
        return [x, now[0]]

    def in_a_session():
        with session():
            before = f(1)
            pass_gate()
            return before is f(1)

    threads = [start(in_a_session) for _ in range(2)]
    with session():
        before = f(1)
        child = fork()
        now[0] = 2 if child else 3
        assert f(1) is before
    assert f(1) == [1, now[0]]
    with session():
        assert f(1) == [1, now[0]]
    if child == 0:
        print("child")
    else:
        ended_well(child)
        open_gate(threads)
        assert results == [True, True]
        print("parent")


@forking
def forks_in_the_middle_of_hits(bound: dict[str, Any]) -> None:
    # The results are tuples: CPython without a GIL locks a list while it is compared, and all threads get the same one.
    # It hands a lock over to a thread that has slept for it for a millisecond (Python/lock.c, mutex_unpark). A child
    # has that lock without its new owner (Python/parking_lot.c, _PyParkingLot_AfterFork), and waits for it for ever. So
    # does this program with functools.lru_cache, which has such a lock itself: in 13 of 300 children.
    sys.setswitchinterval(1e-4)

    class Key:
        def __hash__(self):
            return 7

        def __eq__(self, other):
            return isinstance(other, Key)

    @cached(**bound, maxsize=4)
    def f(x):
        return (type(x),)

    done = []

    def hit():
        n = 0
        while not done:
            n += 1
            assert f(1) == (int,)
            assert f(Key()) == (Key,)
            assert f(n % 8) == (int,)
        return n

    threads = [threading.Thread(target=lambda: results.append(hit())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        child = fork()
        if child == 0:
            assert f(1) == (int,)
            assert f(Key()) == (Key,)
            assert f(9) == (int,)
            f.cache_invalidate(1)
            f.cache_clear()
            assert f(1) is not f.__wrapped__(1)
            assert f.cache_info().currsize <= 4
            print("child")
            break
        ended_well(child)
    else:
        done.append(True)
        for thread in threads:
            thread.join()
        assert len(results) == 4
        assert all(results)
        print("parent")


@forking
def clear_and_invalidate_in_a_child_do_not_reach_the_parent(bound: dict[str, Any]) -> None:
    @cached(**bound)
    def f(x):
        pass_gate()
        return [x]

    threads = [start(lambda: f(1)), start(lambda: f(2))]
    child = fork()
    if child == 0:
        assert not f.cache_invalidate(1)
        f.cache_clear()
        assert f(1) is f(1)
        assert f.cache_invalidate(1)
        f.cache_clear()
        assert f.cache_info().currsize == 0
        print("child")
    else:
        ended_well(child)
        open_gate(threads)
        assert f.cache_info().currsize == 2
        assert f(1) in results
        print("parent")


@forking
def a_fork_inside_of_a_computation_returns_on_both_sides(bound: dict[str, Any], where: str) -> None:
    children, waiting = [], []

    @cached(**bound)
    def f(x):
        if x == 1 and not children:
            waiting.extend(start(lambda: f(1)) for _ in range(3))
            children.append(fork())
        return [x, os.getpid()]

    def call():
        answer = f(1)
        assert answer == [1, os.getpid()]
        assert f(1) is answer
        assert f(2) == [2, os.getpid()]
        if children == [0]:
            f.cache_clear()
            assert f(1) is not answer
            assert f(1) is f(1)
            print("child", flush=True)
            if where == "another":
                os._exit(0)
        else:
            ended_well(children[0])
            for thread in waiting:
                thread.join()
            assert len(results) == 3
            assert all(result is answer for result in results)
            print("parent")

    if where == "main":
        call()
    else:
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()


@forking
def a_fork_inside_of_a_version_function_answers_on_both_sides() -> None:
    g, children, waiting = {}, [], []

    def version():
        if not children:
            waiting.extend(start(lambda: f(1)) for _ in range(3))
            children.append(fork())
        return os.getpid()

    @versioned_lru_cache(version, session=g)
    def f(x):
        return [x, os.getpid()]

    answer = f(1)
    assert answer == [1, os.getpid()]
    assert f(1) is answer
    assert g["lru_cache_versions"][__name__][f.__qualname__] == os.getpid()
    g.clear()
    assert f(1) is answer
    if children == [0]:
        print("child")
    else:
        ended_well(children[0])
        for thread in waiting:
            thread.join()
        assert all(result is answer for result in results)
        assert len(results) == 3
        print("parent")


@forking
def a_fork_inside_of_other_code_that_a_call_runs(where: str) -> None:
    children, busy, place_to_fork = [], [], where

    def here(place):
        nonlocal place_to_fork
        if place == place_to_fork:
            place_to_fork = None
            busy.append(start(lambda: f(Key(1))))
            children.append(fork())

    class Key(keys.Key):
        base = 7

        def hashed(self):
            here("hash")

        def compared(self):
            here("eq")

    class Value:
        def __del__(self):
            here("del")

    def make_key(key):
        here("key")
        return key

    def wanted(value):
        here("cache_if")
        return True

    @cached(key=make_key, cache_if=wanted, maxsize=2)
    def f(key):
        if key.n == 1:
            pass_gate()
        if key.n == 3:
            try:
                raise KeyError
            finally:
                here("exception")
        return Value()

    def is_kept(n):
        return f(Key(n)) is f(Key(n))

    for n in [4, 5, 6, 7]:
        assert is_kept(n)
    with contextlib.suppress(KeyError):
        f(Key(3))
    f.cache_clear()
    assert len(children) == 1
    if children == [0]:
        assert is_kept(1)
        assert is_kept(2)
        print("child")
    else:
        ended_well(children[0])
        open_gate(busy)
        assert is_kept(1)
        assert is_kept(2)
        print("parent")


@forking
def a_fork_while_a_thread_asks_about_a_call_that_is_not_stored(ask: str) -> None:
    class AtTheGate:
        def find_spec(self, name, path=None, target=None):
            if name == "inspect":
                pass_gate()

    sys.meta_path.insert(0, AtTheGate())
    assert "inspect" not in sys.modules
    f = cached()(lambda x: [x])
    thread = start(lambda: getattr(f, ask)(1))
    child = fork()
    assert not getattr(f, ask)(1)
    if child == 0:
        print("child")
    else:
        ended_well(child)
        open_gate([thread])
        assert len(results) == 1
        assert not results[0]
        print("parent")


@forking
def a_fork_by_a_signal_handler_while_the_thread_waits() -> None:
    children, about_to_wait = [], []
    signal.signal(signal.SIGUSR1, lambda *_: children.append(fork()))

    @cached()
    def f(x):
        pass_gate()
        return [x, os.getpid()]

    def interrupt():
        until(lambda: about_to_wait and sleeps(threading.main_thread()))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        until(lambda: children)
        gate.set()

    threads = [start(lambda: f(1)), threading.Thread(target=interrupt)]
    threads[1].start()
    about_to_wait.append(True)
    answer = f(1)
    assert answer == [1, os.getpid()]
    assert f(1) is answer
    if children == [0]:
        print("child")
    else:
        ended_well(children[0])
        open_gate(threads)
        print("parent")


@forking
def a_child_forks_in_its_turn() -> None:
    gates = {}

    @cached()
    def f(x):
        if os.getpid() in gates:
            gates[os.getpid()].wait()
        return [x, os.getpid()]

    generation, child = 0, 0
    while generation < 3:
        # A thread of each generation computes while the next one is forked.
        own = gates[os.getpid()] = threading.Event()
        thread = start(lambda: f(1))
        child = fork()
        if child:
            break
        assert f(1) == [1, os.getpid()]
        f.cache_clear()
        generation += 1
    if child:
        ended_well(child)
        own.set()
        thread.join()
    assert f(1) == [1, os.getpid()]
    print(generation)


@cached()
def known_to_workers(x: int) -> list[int]:
    if x == 1:
        pass_gate()
    return [x]


def work(x: int) -> tuple[list[int], bool]:
    signal.alarm(20)
    with session():
        return known_to_workers(x), known_to_workers(x) is known_to_workers(x)


@forking
def processes_of_multiprocessing_by_fork() -> None:
    known_to_workers(2)
    threads = [start(lambda: known_to_workers(1)) for _ in range(2)]
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        answers = pool.map(work, [1, 2] * 10, chunksize=1)
        pool.close()
        pool.join()
    assert answers == [([1], True), ([2], True)] * 10
    process = context.Process(target=work, args=(1,))
    process.start()
    process.join()
    assert process.exitcode == 0
    open_gate(threads)
    assert results[0] is results[1] is known_to_workers(1)
    print("parent")


@forking
def processes_of_a_fork_server_that_has_computed_and_computes() -> None:
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    from tests.programs import fork_server_jobs  # which computes as soon as it is imported

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([fork_server_jobs.__name__])
    with context.Pool(2) as pool:
        for answer, server, worker in pool.map(fork_server_jobs.work, [1, 2] * 5, chunksize=1):
            assert len({PARENT, server, worker}) == 3
            assert answer in ([1, worker], [2, server]), answer
        pool.close()
        pool.join()
    print("parent")
