"""What checkers know of version functions about names. Both read this file, and `test_typing.py` runs its functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.typing.asserting import assert_type
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.versions import all_of, bump, counter, set_max_names, tags

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


def name_of(user: int, *, region: str = "north") -> str:
    return f"{region} of the typed:{user}"


def names_of(user: int) -> list[str]:
    return [name_of(user), "rates of the typed"]


of_user = counter(name_of)
of_users = tags(names_of)


def constant_names_make_an_int() -> None:
    assert_type(counter("typed")(), int)
    assert_type(counter("typed").bump(), int)
    assert_type(tags("typed", "rates of the typed")(), int)
    assert_type(tags("typed", "rates of the typed").bump(), int)


def callables_keep_their_parameters() -> None:
    assert_type(of_user(7, region="south"), tuple[tuple[str, ...], int])
    assert_type(of_user.bump(7), tuple[tuple[str, ...], int])
    assert_type(of_users(user=7), tuple[tuple[str, ...], int])
    assert_type(of_users.bump(7), tuple[tuple[str, ...], int])
    assert_type(tags(name_of)(7), tuple[tuple[str, ...], int])


def they_are_version_functions() -> None:
    @versioned_lru_cache(of_users)
    def orders(user: int) -> list[int]:
        return [user]

    @versioned_lru_cache(tags("typed", "rates of the typed"))
    def rates() -> dict[str, int]:
        return {}

    assert_type(orders(user=7), list[int])
    assert_type(rates(), dict[str, int])
    version: Callable[..., Hashable] = all_of(of_users, counter("typed"))
    as_any: Any = version(7)
    assert as_any[1] == counter("typed")()


def bumps_return_nothing() -> None:
    by_name: Callable[..., None] = bump
    by_name("typed", "rates of the typed")
    set_names: Callable[[int], None] = set_max_names
    set_names(100_000)
