"""Promise 8, forks: a child forked in the middle of anything works at once, whatever threads it left behind."""

from __future__ import annotations

import os
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.support.child import PRELUDE, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.child,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork"),
]

FORKING = (
    PRELUDE
    + """
import contextvars, faulthandler, os, signal, time, warnings

# Since Python 3.12 a fork that leaves threads behind warns. That they are left behind is what is tested here.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
# The watchdog is a thread too, left behind, and the exit of a forked child would wait for it. An alarm needs none: its
# handler, in C, writes the stacks and lets the signal end the process.
faulthandler.cancel_dump_traceback_later()
faulthandler.register(signal.SIGALRM, chain=True)
signal.alarm(40)
# A thread that was started lets go of a GIL only where it waits, so `start` returns when it does.
sys.setswitchinterval(10)
PARENT = os.getpid()
GIL = getattr(sys, "_is_gil_enabled", lambda: True)()

def fork():
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
    return pid

def ended_well(pid):
    status = os.waitpid(pid, 0)[1]
    assert status == 0, status

def until(holds):
    while not holds():
        time.sleep(0.001)

def sleeps(thread):
    # Where there is no GIL `start` may return too early; /proc tells of each thread whether it runs. On its way it
    # sleeps for a moment now and then, as for a lock of the interpreter: it has to stand still for a while.
    for _ in range(1 if GIL else 5):
        if not GIL:
            time.sleep(0.01)
        try:
            with open(f"/proc/self/task/{thread.native_id}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] != "S":
                    return False
        except (FileNotFoundError, ProcessLookupError):
            return True
    return True

results = []

def start(call):
    # In a context of its own, as is the rule with a GIL. Without one a thread inherits the context of who starts it
    # (sys.flags.thread_inherit_context): it would be part of a computation that starts it, and not wait for that.
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    contextvars.Context().run(thread.start)
    until(lambda: sleeps(thread))
    return thread

gate = threading.Event()

def pass_gate():
    # In a child nobody opens it.
    if os.getpid() == PARENT:
        gate.wait()

def open_gate(threads):
    gate.set()
    for thread in threads:
        thread.join()
"""
)
# With a session hits are found at a glance, without one every call asks: two ways through the code.
SESSIONS = pytest.mark.parametrize("bound", ["session=None", "session={}"])


def run_forking(code: str, told: list[str], first: str = "") -> None:
    """Runs code that forks. Its processes tell that they came to their end, and nothing else: an exit is silent."""
    done = run(dedent(first) + FORKING + dedent(code))
    assert done.stderr == ""
    assert sorted(done.stdout.split()) == sorted(told)


@SESSIONS
def test_a_child_computes_what_a_thread_of_the_parent_computes(bound: str) -> None:
    run_forking(
        f"""
        runs = []

        @cached({bound})
        def f(x):
            runs.append(os.getpid())
            pass_gate()
            return [x]

        threads = [start(lambda: f(1)) for _ in range(4)]
        assert runs == [PARENT]
        child = fork()
        if child == 0:
            answer = f(1)
            assert answer == [1] and f(1) is answer and runs == [PARENT, os.getpid()]
            with session():
                assert f(2) == [2]
            print("child")
        else:
            ended_well(child)
            open_gate(threads)
            assert len(results) == 4 and all(result is results[0] for result in results)
            assert f(1) is results[0] and runs == [PARENT]
            print("parent")
        """,
        ["child", "parent"],
    )


def test_a_child_asks_for_the_version_that_a_thread_of_the_parent_asks_for() -> None:
    run_forking(
        """
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
            assert f(2) == [2] and asked == [PARENT, os.getpid()]
            print("child")
        else:
            ended_well(child)
            open_gate(threads)
            assert len(results) == 4 and all(result is results[0] for result in results)
            assert f(2) == [2] and asked == [PARENT]
            print("parent")
        """,
        ["child", "parent"],
    )


def test_a_session_goes_on_on_both_sides_and_one_of_a_thread_left_behind_is_no_burden() -> None:
    run_forking(
        """
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
        """,
        ["child", "parent"],
    )


@SESSIONS
def test_forks_in_the_middle_of_hits(bound: str) -> None:
    # The results are tuples: CPython without a GIL locks a list while it is compared, and all threads get the same one.
    # It hands a lock over to a thread that has slept for it for a millisecond (Python/lock.c, mutex_unpark). A child
    # has that lock without its new owner (Python/parking_lot.c, _PyParkingLot_AfterFork), and waits for it for ever. So
    # does this program with functools.lru_cache, which has such a lock itself: in 13 of 300 children.
    run_forking(
        f"""
        sys.setswitchinterval(1e-4)

        class Key:
            def __hash__(self):
                return 7
            def __eq__(self, other):
                return isinstance(other, Key)

        @cached({bound}, maxsize=4)
        def f(x):
            return (type(x),)

        done = []

        def hit():
            n = 0
            while not done:
                n += 1
                assert f(1) == (int,) and f(Key()) == (Key,) and f(n % 8) == (int,)
            return n

        threads = [threading.Thread(target=lambda: results.append(hit())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            child = fork()
            if child == 0:
                assert f(1) == (int,) and f(Key()) == (Key,) and f(n := 9) == (int,)
                f.cache_invalidate(1)
                f.cache_clear()
                assert f(1) is not f.__wrapped__(1) and f.cache_info().currsize <= 4
                print("child")
                break
            ended_well(child)
        else:
            done.append(True)
            for thread in threads:
                thread.join()
            assert len(results) == 4 and all(results)
            print("parent")
        """,
        ["child"] * 20 + ["parent"],
    )


@SESSIONS
def test_clear_and_invalidate_in_a_child_do_not_reach_the_parent(bound: str) -> None:
    run_forking(
        f"""
        @cached({bound})
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
            assert f.cache_info().currsize == 2 and f(1) in results
            print("parent")
        """,
        ["child", "parent"],
    )


@SESSIONS
@pytest.mark.parametrize("thread", ["main", "another"])
def test_a_fork_inside_of_a_computation_returns_on_both_sides(bound: str, thread: str) -> None:
    # A thread other than the main one is all that its child has, and the child would end with it as if all were well.
    run_forking(
        f"""
        children, waiting = [], []

        @cached({bound})
        def f(x):
            if x == 1 and not children:
                waiting.extend(start(lambda: f(1)) for _ in range(3))
                children.append(fork())
            return [x, os.getpid()]

        def call():
            answer = f(1)
            assert answer == [1, os.getpid()] and f(1) is answer and f(2) == [2, os.getpid()]
            if children == [0]:
                f.cache_clear()
                assert f(1) is not answer and f(1) is f(1)
                print("child", flush=True)
                if {thread == "another"}:
                    os._exit(0)
            else:
                ended_well(children[0])
                for thread in waiting:
                    thread.join()
                assert len(results) == 3 and all(result is answer for result in results)
                print("parent")

        if {thread == "main"}:
            call()
        else:
            thread = threading.Thread(target=call)
            thread.start()
            thread.join()
        """,
        ["child", "parent"],
    )


def test_a_fork_inside_of_a_version_function_answers_on_both_sides() -> None:
    run_forking(
        """
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
        assert answer == [1, os.getpid()] and f(1) is answer
        assert g["lru_cache_versions"][__name__]["f"] == os.getpid()
        g.clear()
        assert f(1) is answer
        if children == [0]:
            print("child")
        else:
            ended_well(children[0])
            for thread in waiting:
                thread.join()
            assert all(result is answer for result in results) and len(results) == 3
            print("parent")
        """,
        ["child", "parent"],
    )


@pytest.mark.parametrize("where", ["hash", "eq", "key", "cache_if", "del", "exception"])
def test_a_fork_inside_of_other_code_that_a_call_runs(where: str) -> None:
    run_forking(
        f"""
        children, busy, place_to_fork = [], [], {where!r}

        def here(place):
            global place_to_fork
            if place == place_to_fork:
                place_to_fork = None
                busy.append(start(lambda: f(Key(1))))
                children.append(fork())

        class Key:
            def __init__(self, n):
                self.n = n
            def __hash__(self):
                here("hash")
                return 7
            def __eq__(self, other):
                here("eq")
                return isinstance(other, Key) and self.n == other.n

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
        try:
            f(Key(3))
        except KeyError:
            pass
        f.cache_clear()
        assert len(children) == 1
        if children == [0]:
            assert is_kept(1) and is_kept(2)
            print("child")
        else:
            ended_well(children[0])
            open_gate(busy)
            assert is_kept(1) and is_kept(2)
            print("parent")
        """,
        ["child", "parent"],
    )


@pytest.mark.parametrize("ask", ["cache_contains", "cache_peek", "cache_invalidate"])
def test_a_fork_while_a_thread_asks_about_a_call_that_is_not_stored(ask: str) -> None:
    # Whether the function takes the arguments could be told by `inspect`, but its import would stop at the gate here.
    run_forking(
        f"""
        class AtTheGate:
            def find_spec(self, name, path=None, target=None):
                if name == "inspect":
                    pass_gate()

        sys.meta_path.insert(0, AtTheGate())
        assert "inspect" not in sys.modules
        f = cached()(lambda x: [x])
        thread = start(lambda: f.{ask}(1))
        child = fork()
        assert not f.{ask}(1)
        if child == 0:
            print("child")
        else:
            ended_well(child)
            open_gate([thread])
            assert len(results) == 1 and not results[0]
            print("parent")
        """,
        ["child", "parent"],
    )


def test_a_fork_by_a_signal_handler_while_the_thread_waits() -> None:
    run_forking(
        """
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
        assert answer == [1, os.getpid()] and f(1) is answer
        if children == [0]:
            print("child")
        else:
            ended_well(children[0])
            open_gate(threads)
            print("parent")
        """,
        ["child", "parent"],
    )


def test_calls_by_hooks_that_run_right_after_the_fork() -> None:
    # Hooks run in the order of their registration: one from before the package's import runs before the package's own.
    run_forking(
        """
        answers = []
        call = lambda: (signal.alarm(20), answers.append(f(1)))

        @cached()
        def f(x):
            pass_gate()
            return [x]

        thread = start(lambda: f(1))
        child = fork()
        if child == 0:
            assert answers == [[1]] and f(1) is answers[0]
            print("child")
        else:
            ended_well(child)
            open_gate([thread])
            print("parent")
        """,
        ["child", "parent"],
        first="""
        import os
        os.register_at_fork(after_in_child=lambda: call())
        """,
    )


def test_a_child_forks_in_its_turn() -> None:
    run_forking(
        """
        gates = {}

        @cached()
        def f(x):
            if os.getpid() in gates:
                gates[os.getpid()].wait()
            return [x, os.getpid()]

        for generation in range(3):
            # A thread of each generation computes while the next one is forked.
            own = gates[os.getpid()] = threading.Event()
            thread = start(lambda: f(1))
            child = fork()
            if child:
                break
            assert f(1) == [1, os.getpid()]
            f.cache_clear()
        else:
            generation = 3
        if child:
            ended_well(child)
            own.set()
            thread.join()
        assert f(1) == [1, os.getpid()]
        print(generation)
        """,
        ["0", "1", "2", "3"],
    )


def test_processes_of_multiprocessing_by_fork() -> None:
    run_forking(
        """
        import multiprocessing

        @cached()
        def f(x):
            if x == 1:
                pass_gate()
            return [x]

        def work(x):
            signal.alarm(20)
            with session():
                return f(x), f(x) is f(x)

        f(2)
        threads = [start(lambda: f(1)) for _ in range(2)]
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
        assert results[0] is results[1] is f(1)
        print("parent")
        """,
        ["parent"],
    )


def test_processes_of_a_fork_server_that_has_computed_and_computes(tmp_path: Path) -> None:
    jobs = """
    import os, signal, threading, warnings
    from versioned_lru_cache import versioned_lru_cache

    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    SERVER = os.getpid()
    begun = threading.Event()

    @versioned_lru_cache(1)
    def f(x):
        if x == 1 and os.getpid() == SERVER:
            begun.set()
            threading.Event().wait()
        return [x, os.getpid()]

    f(2)
    threading.Thread(target=f, args=(1,), daemon=True).start()
    begun.wait()

    def work(x):
        signal.alarm(20)
        return f(x), SERVER, os.getpid()
    """
    (tmp_path / "jobs.py").write_text(dedent(jobs))
    run_forking(
        f"""
        import multiprocessing

        folder = {str(tmp_path)!r}
        sys.path.insert(0, folder)
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        import jobs

        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["jobs"])
        with context.Pool(2) as pool:
            for answer, server, worker in pool.map(jobs.work, [1, 2] * 5, chunksize=1):
                assert len({{PARENT, server, worker}}) == 3
                assert answer in ([1, worker], [2, server]), answer
            pool.close()
            pool.join()
        print("parent")
        """,
        ["parent"],
    )
