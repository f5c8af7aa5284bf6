"""Prices that several machines share: a hash in Redis, and a counter that is bumped with each change.

Both are written in one transaction. So nobody sees a new price under an old version, nor the other way round.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from price_list import FIRST_PRICE

if TYPE_CHECKING:
    from collections.abc import Callable

PRICES = "machines:prices"
TIMEOUT = 1.0  # seconds in which a server has to answer
REPLICA_MILLISECONDS = 500  # for how long a change waits for the replica, less than the above

log = logging.getLogger(__name__)


class SharedPrices:
    """The prices, as one process reads and changes them.

    Args:
        url: Of the server.
        replica: The URL of a replica, which is read while the server is away.
        bump: Makes "the prices have changed" a command of a pipeline.
    """

    def __init__(self, url: str, replica: str | None, bump: Callable[[Any], object]) -> None:
        self._url, self._bump = url, bump
        self._server = client(url, repeats=1)
        self._replica = None if replica is None else client(replica, repeats=1)

    def price_of(self, item: str) -> tuple[int, bool]:
        """Return the price of an item, and whether that is the server's own word and not the replica's."""
        try:
            return read(self._server, item), True
        except (redis.ConnectionError, redis.TimeoutError):
            if self._replica is None:
                raise
            return read(self._replica, item), False

    def change(self, item: str) -> int:
        """Raise the price of an item by one and return it, when the replica has it too.

        Nothing is repeated, since a transaction whose answer was lost may have happened. It has a client of its own
        because WAIT tells of what was written on the same connection.
        """
        with client(self._url, repeats=0) as server:
            with server.pipeline(transaction=True) as pipe:
                pipe.hsetnx(PRICES, item, str(FIRST_PRICE))
                pipe.hincrby(PRICES, item, 1)
                self._bump(pipe)
                _, price, _ = pipe.execute()
            if self._replica is not None and not has_reached_a_replica(server):
                log.warning("the price of %s is %d, and the replica does not have it yet", item, price)
        return int(price)


def client(url: str, repeats: int) -> Any:  # What redis-py says of its answers fits awaited clients too.
    """Return a client that asks so often once more when a connection is lost."""
    retry = Retry(NoBackoff(), repeats, (redis.ConnectionError,))
    return redis.Redis.from_url(url, retry=retry, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)


def read(server: Any, item: str) -> int:
    """Return the price of an item, the first one if it was never changed."""
    found = server.hget(PRICES, item)
    return FIRST_PRICE if found is None else int(found)


def has_reached_a_replica(server: Any) -> bool:
    """Wait until a replica has what this connection has written."""
    try:
        return bool(server.wait(1, REPLICA_MILLISECONDS))
    except redis.RedisError:  # The change has happened all the same.
        return False
