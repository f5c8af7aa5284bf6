"""The fixed scenario of the machines' demo: two gunicorns and a Redis, and what each step is expected to compute."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workers_scenario import TIME_LIMIT, Scenario, ask_often, ask_while_one_is_killed, gunicorn, serving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from redis_servers import Server

MACHINES = 2
WORKERS_OF_EACH = 2
REQUESTS_IN_AN_OUTAGE = 16


@dataclass(frozen=True)
class Machine:
    """What stands for one: a folder and a gunicorn of its own.

    Attributes:
        folder: Its name is the machine's.
        redis: The URL of the server that all machines share.
        replica: That of its replica, if there is one.
        seconds: How long it takes to compute a report.
        lease_seconds: How long others wait for a worker that was killed.
    """

    folder: Path
    redis: str
    replica: str | None
    seconds: float
    lease_seconds: float

    def serving(
        self, port: int = 0, machines: Sequence[str] = (), limit: float | None = 2 * TIME_LIMIT
    ) -> AbstractContextManager[str]:
        """Start its gunicorn; `machines` are the addresses that its page asks."""
        self.folder.mkdir(parents=True, exist_ok=True)
        given = (str(self.folder), self.redis, self.replica, self.seconds, self.lease_seconds, tuple(machines))
        app = f"flask_redis:create_app({', '.join(map(repr, given))})"
        command = gunicorn(app, port, WORKERS_OF_EACH)
        return serving(command, self.folder / "gunicorn.log", WORKERS_OF_EACH, limit)


def machines_of(folder: Path, redis: str, replica: str | None, seconds: float, lease_seconds: float) -> list[Machine]:
    """Return the machines, whose folders are in that one."""
    folders = [folder / f"web-{number}" for number in range(1, MACHINES + 1)]
    return [Machine(each, redis, replica, seconds, lease_seconds) for each in folders]


def run_scenario(machines: Sequence[Machine], server: Server | None) -> list[str]:
    """Go through the steps, print a line about each, and return in words all that was not as expected.

    Args:
        machines: Two, which do not serve yet.
        server: Their Redis, if it may be killed. It has a replica then, and keeps its data.
    """
    one, other = machines
    scenario = Scenario(one.folder, other.folder)
    with one.serving() as first:
        with other.serving() as second:
            scenario.change(first)
            scenario.step("a change, then requests at once", 1, lambda: ask_often(first, second))
            scenario.step("more requests", 0, lambda: ask_often(first, second))
        with other.serving() as second:
            scenario.step("after a restart of one machine", 0, lambda: ask_often(first, second))
            scenario.change(first)
            scenario.step("a change here, requests there", 1, lambda: ask_often(second, workers=WORKERS_OF_EACH))
            scenario.step("requests to both", 0, lambda: ask_often(first, second))
            scenario.change(second)
            folders = [one.folder, other.folder]
            scenario.step(
                "a worker is killed as it computes", 2, lambda: ask_while_one_is_killed([first, second], folders)
            )
            if server is None:
                print("The Redis of REDIS_URL is not killed, so the steps of its outage are left out.")
            else:
                go_through_an_outage(scenario, server, [first, second])
    return scenario.complaints


def go_through_an_outage(scenario: Scenario, server: Server, addresses: Sequence[str]) -> None:
    """Kill Redis and start it again. Meanwhile nobody can tell a version, so each request computes."""
    server.kill()
    scenario.step("Redis is killed", len, lambda: ask_often(*addresses, requests=REQUESTS_IN_AN_OUTAGE))
    server.start()
    scenario.step("Redis is back", computed, lambda: ask_until_nobody_computes(addresses))
    scenario.change(addresses[0])
    scenario.step("a change after that", 1, lambda: ask_often(*addresses))
    scenario.step("more requests after that", 0, lambda: ask_often(*addresses))


def computed(answers: Sequence[dict[str, Any]]) -> int:
    """Return how many answers say that they were computed."""
    return Counter(answer["source"] for answer in answers)["computed"]


def ask_until_nobody_computes(addresses: Sequence[str]) -> list[dict[str, Any]]:
    """Ask until each worker knows that Redis is back: it is left alone for as long again as it was away."""
    until = time.monotonic() + TIME_LIMIT
    answers: list[dict[str, Any]] = []
    while True:
        latest = ask_often(*addresses, requests=REQUESTS_IN_AN_OUTAGE)
        answers += latest
        if not computed(latest):
            return answers
        if time.monotonic() > until:
            raise RuntimeError(f"{TIME_LIMIT:g} seconds after Redis came back there are workers that do without it")
