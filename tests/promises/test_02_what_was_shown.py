"""Promise 2: what one call of a session was shown of a run, the run itself returns, and every call meanwhile and
after it."""

from __future__ import annotations

import operator
import threading
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from versioned_lru_cache import Lag, Versioned, session, versioned_lru_cache
from versioned_lru_cache.testing import is_validating

if TYPE_CHECKING:
    from collections.abc import Callable


def in_thread(act: Callable[[], object]) -> None:
    beside = threading.Thread(target=act)
    beside.start()
    beside.join(30)
    assert not beside.is_alive()


class Shown:
    """A function whose result is validated, while calls of the same session in other threads are shown it."""

    def __init__(self, made: Callable[[], object], meanwhile: Callable[[Shown], object], **options: Any) -> None:
        self.shown: list[Any] = []
        self.meanwhile = meanwhile
        self.part = versioned_lru_cache(self.version)(lambda: 1)

        def f() -> object:
            self.part()
            return made()

        self.f: Any = versioned_lru_cache(lambda: 1, **options)(f)

    def version(self) -> int:
        if is_validating() and not self.shown:
            self.meanwhile(self)
        return 1

    def show(self) -> None:
        """Calls the function in the same session, in a thread of its own."""
        in_thread(lambda: self.shown.append(self.within.run(self.f)))

    def put_later(self) -> None:
        """Stores a result of a later version, in no session."""
        Context().run(self.f.cache_put, Versioned("of a later version", 2))

    def own(self) -> Any:
        """The result of the run, in the current session: it rests on a part that was asked about before."""
        self.within = copy_context()
        self.part()
        return self.f()


def test_what_a_session_was_shown_while_it_was_validated_is_what_the_run_returns() -> None:
    world = Shown(
        lambda: Versioned(object(), 1), lambda world: (world.show(), world.put_later()), lag=Lag(order=operator.ge)
    )
    with session():
        own = world.own()
        assert world.shown == [own]
        assert world.f() is own


def test_what_a_session_was_shown_it_is_shown_again_though_a_later_version_was_stored() -> None:
    world = Shown(object, lambda world: (world.show(), world.put_later(), world.show()))
    with session():
        own = world.own()
        assert world.shown == [own, own]
        assert world.f() is own


def test_what_a_session_was_shown_is_stored_when_it_is_validated() -> None:
    world = Shown(object, Shown.show)
    with session():
        own = world.own()
    assert world.shown == [own]
    assert world.f() is own
    assert world.f.cache_info().misses == 1
