"""A validation that could wait for ever: its version is asked for by a thread that serves others."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future

from versioned_lru_cache import versioned_lru_cache


def a_validation_waits_for_nobody_who_waits_for_what_is_validated() -> None:
    place, orders, armed, reached, go = {}, queue.Queue(), [], threading.Event(), threading.Event()

    def serve():
        while True:
            call, answer = orders.get()
            answer.set_result(call())

    def served(call):
        answer = Future()
        orders.put((call, answer))
        return answer.result()

    def version_of_page():
        return served(part) if armed else ("part", 1)

    @versioned_lru_cache(version_of_page, session=place)
    def page():
        return "page"

    @versioned_lru_cache(lambda: 1, session=place)
    def part():
        if armed:
            reached.set()
            assert go.wait(20)
        return ("part", 1)

    threading.Thread(target=serve, daemon=True).start()
    page()
    armed.append(True)
    leader = threading.Thread(target=part)
    leader.start()
    assert reached.wait(20)
    page()
    go.set()
    leader.join()
    assert part() == ("part", 1)
    assert part.cache_info().misses == 1
