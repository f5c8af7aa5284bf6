"""Calls that checkers must refuse. Nothing here runs.

Each is marked for mypy and for pyright by itself, and both tell of a mark that is not needed: a wrong call that one of
them would let pass is an error there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.typing.codecs import Price
from tests.typing.functions import defaults, doubled, first, keywords, nothing, original, positional, twice, variadic
from tests.typing.methods import Box, Made, Shop, Stall, shop
from tests.typing.properties import Order
from tests.typing.version_functions import of_user, of_users
from versioned_lru_cache import (
    CachedMethod,
    Session,
    Versioned,
    clear_all,
    current_session,
    current_version,
    disabled,
    session,
    set_refresh_context,
    versioned_cached_property,
    versioned_lru_cache,
)
from versioned_lru_cache.stores import Msgpack, Pickle
from versioned_lru_cache.versions import bump, counter, set_max_names, tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from versioned_lru_cache import CachedFunction


def functions() -> None:
    positional(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    positional("1", "b")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    positional(a=1, b="b")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    keywords(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    keywords(b="b")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    defaults()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    defaults(1, d=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    defaults(1, c="c")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    variadic(1, 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    variadic(1, c="c")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    nothing(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    twice("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    original("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    first(1, 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    doubled(0.5)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    positional.__wrapped__(1)  # type: ignore[call-arg, misc]  # pyright: ignore[reportCallIssue]
    positional.cache_forget()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def methods_of_the_cache() -> None:
    positional.cache_key(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    keywords.cache_contains(a="a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    defaults.cache_peek("a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    defaults.cache_invalidate(1, d=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    defaults.cache_put([1], 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    defaults.cache_put(Versioned("a", "v1"), 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    defaults.cache_put(Versioned([1], ["v"]), 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    defaults.cache_put(Versioned([1], "v1"))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    nothing.cache_clear(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    defaults.cache_peek(1).value  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]  # noqa: B018


def methods() -> None:
    shop.price(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    shop.price(shop, "tea")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    Shop.price("tea")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    Shop.price(1, "tea")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Stall.price(shop, "tea")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    shop.stock("tea")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    shop.price.cache_contains(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    shop.price.cache_peek(shop, "tea")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    Shop.price.cache_key("tea")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    shop.stock.cache_invalidate("tea")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    shop.price.cache_put(Versioned(1, 1), "tea")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    shop.price.cache_put(Versioned(["a"], 1))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    CachedMethod(Shop.price, 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Box(1).beside("b")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def class_methods() -> None:
    Shop.named(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Shop.named(Shop, "a")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    shop.named()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Shop.named.cache_contains("a")  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    Shop.named.cache_peek(shop, "a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Shop.named.cache_put(Versioned(1, 1), Shop, "a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def static_methods() -> None:
    Shop.total("a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    shop.total(shop, (1, 2))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    shop.count()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Shop.count.cache_contains(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Made.of(1, "")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Made().shown()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Order([]).total()  # type: ignore[operator]  # pyright: ignore[reportCallIssue]
    Order.total.fget()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    shop.label()  # type: ignore[operator]  # pyright: ignore[reportCallIssue]


def a_function(a: int) -> int:
    return a


def decorators() -> None:
    versioned_lru_cache()(a_function)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    versioned_lru_cache(a_function)(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache(["v1"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache("v1", a_function)  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
    versioned_lru_cache(version=1, maxsize="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache(version=1, max_size=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    versioned_lru_cache(version=1, ttl=sorted)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache(version=1, max_weight="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache(version=1, weigh=str)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache(version=1, ttl="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache(abs, version_args=(1,))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache(abs, version_args=a_function)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache(version=1, store=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache(version=1, revision=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache(version=1, copy=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_cached_property(None, max_size=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    versioned_cached_property()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    versioned_cached_property(None)(positional)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    versioned_lru_cache(version=1, key=sorted)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def sessions() -> None:
    with session() as opened:
        opened.renew(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with session:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    set_refresh_context("app")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    set_refresh_context(a_function)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    current_session().renew()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    Session({})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def assignments() -> None:
    takes: Callable[[str, str], list[int]] = positional  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    gives: Callable[[int, str], list[str]] = positional  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    other: CachedFunction[[int], list[int]] = positional  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    bound: CachedMethod[[int], list[str]] = shop.price  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    number: int = positional(1, "b")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    numbers: list[int] = shop.price("tea")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(takes, gives, other, bound, number, numbers)


def all_of_a_cache() -> None:
    positional.cache_keys(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    positional.cache_invalidate_where(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    positional.cache_purge(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    current_version(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    clear_all(positional)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    disabled(positional)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def names() -> None:
    counter(5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    counter("a", "b")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    counter("a")(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    tags("a", 5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    tags(["a"])  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    tags(lambda: 5)  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType, reportCallIssue]
    tags("a").bump("a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    of_user("7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    of_user.bump()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    of_users.bump(7, region="south")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    bump(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    bump(["a"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    set_max_names("5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def codecs() -> None:
    Pickle()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Pickle(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pickle("a secret", old_keys=[1])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    Msgpack([Price(1)])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    Msgpack(compress_above="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Msgpack().register(Price(1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
