"""What ends a program, or a wait, from outside: SystemExit and Ctrl-C, in tasks, in waits for lag and behind a call."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time

from tests.support.raising import raised
from versioned_lru_cache import Lag, Versioned, versioned_lru_cache

ENDS = {"SystemExit(3)": SystemExit(3), "KeyboardInterrupt()": KeyboardInterrupt()}


def ends_of_a_program(end: str) -> list[str]:
    """What ended the program in which one of four tasks raises that: told again and again until all are done."""
    runs, ended = [], []

    @versioned_lru_cache(version=1)
    async def f():
        runs.append(1)
        await asyncio.sleep(0)
        if len(runs) == 1:
            raise ENDS[end]
        return len(runs)

    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(f()) for _ in range(4)]

    def go_on():
        try:
            loop.run_until_complete(tasks[3])
        except BaseException as error:
            ended.append(repr(error))

    while not ended or not tasks[3].done():
        go_on()
    loop.close()
    assert repr(tasks[0].exception()) == repr(ENDS[end])
    assert [task.result() for task in tasks[1:]] == [2, 2, 2]
    assert runs == [1, 1], runs
    return ended


def what_ends_a_program_ends_it(end: str) -> None:
    ended = ends_of_a_program(end)
    assert set(ended) == {repr(ENDS[end])}, ended


def what_ends_a_program_ends_it_once(end: str) -> None:
    ended = ends_of_a_program(end)
    assert ended == [repr(ENDS[end])], ended


def ctrl_c_ends_the_wait_for_what_lags_and_others_run_meanwhile() -> None:
    ran, turns = [], []

    @versioned_lru_cache(lambda: 42, lag=Lag(retries=5, delay=1000))
    def f():
        ran.append(1)
        return Versioned("old", 41)

    def others():
        while not ran:
            time.sleep(0.001)
        for turn in range(100):
            turns.append(turn)
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=others)
    thread.start()
    began = time.monotonic()
    raised(KeyboardInterrupt, f)
    assert time.monotonic() - began < 20
    thread.join()
    assert len(turns) == 100
    assert ran == [1]
    assert not f.cache_contains()


def what_has_begun_behind_is_done_before_the_program_ends() -> None:
    main, version, begun = threading.main_thread(), [1], threading.Event()

    def program_goes_on():
        frame = sys._current_frames()[main.ident]
        while frame.f_back is not None:
            frame = frame.f_back
        return frame.f_code.co_name == "<module>"

    @versioned_lru_cache(lambda: version[0], stale_while_revalidate=1000)
    def f(x):
        if version[0] == 2:
            begun.set()
            while program_goes_on():
                time.sleep(0.001)
            sys.stdout.write(f"done {x}\n")
        return version[0]

    for x in range(3):
        f(x)
    version[0] = 2
    for x in range(3):
        assert f(x) == 1
    assert begun.wait(20)
