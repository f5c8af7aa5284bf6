"""Sessions that go on over several requests, each known by a name that a page sends along.

Most Flask apps need none of this: there a request is a session, and `session=g` says so. The page of the demo holds one
over several requests to show that what it was told does not change in it, whatever is inserted meanwhile.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from threading import Lock

from versioned_lru_cache import Session


class PageSessions:
    """The sessions that pages hold. A page does not say when it is closed, so the least recently used one goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def begin(self) -> str:
        """Begin a session and return its name, which can't be guessed."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._sessions[name] = Session()
            if len(self._sessions) > self._most:
                self._sessions.popitem(last=False)
        return name

    def find(self, name: str) -> Session | None:
        """Return the session of that name, or None if it has ended: a new one in its place would have other answers."""
        with self._lock:
            found = self._sessions.get(name)
            if found is not None:
                self._sessions.move_to_end(name)
            return found
