"""Cached functions are patched, spied on and mocked as others are."""

from __future__ import annotations

import sys
from typing import Any
from unittest import mock

import pytest

from tests.support.tasks import run
from versioned_lru_cache import session, versioned_lru_cache

cached = versioned_lru_cache(lambda: 1)


@cached
def listed(a: int, b: str = "x") -> list[Any]:
    return [a, b]


class Shop:
    def __init__(self, name: str = "shop") -> None:
        self.name = name

    @cached
    def price(self, item: str, day: int = 0) -> list[Any]:
        return [self.name, item, day]


@pytest.fixture(autouse=True)
def _empty() -> None:
    listed.cache_clear()
    Shop.price.cache_clear()


def test_patching_a_cached_function() -> None:
    module = sys.modules[__name__]
    before = listed
    with mock.patch.object(module, "listed") as patched:
        patched.return_value = "patched"
        assert module.listed(1) == "patched"
    assert module.listed is before
    with mock.patch(f"{__name__}.listed", autospec=True) as patched:
        patched.return_value = "patched"
        assert listed(1, b="y") == "patched"
        patched.assert_called_once_with(1, b="y")
        patched.cache_clear()
        patched.cache_clear.assert_called_once_with()
    assert listed is before
    assert not listed.cache_contains(1, b="y")


def test_patching_a_cached_method() -> None:
    shop = Shop()
    before = Shop.__dict__["price"]
    with mock.patch.object(Shop, "price", return_value="patched") as patched:
        assert shop.price("tea") == "patched"
        patched.assert_called_once_with("tea")
    assert Shop.__dict__["price"] is before
    with mock.patch.object(shop, "price", return_value="patched"):
        assert shop.price("tea") == "patched"
        assert Shop("other").price("tea") == ["other", "tea", 0]
    assert "price" not in vars(shop)
    assert shop.price("tea") == ["shop", "tea", 0]


def test_autospec() -> None:
    spec = mock.create_autospec(listed, return_value=[1])
    assert spec(1, b="y") == [1]
    spec.cache_info.assert_not_called()
    with pytest.raises(AttributeError):
        spec.cache_forget()
    of_class = mock.create_autospec(Shop)
    of_class("name").price.return_value = "mocked"
    assert of_class("name").price("tea") == "mocked"
    of_class("name").price.cache_clear()
    instance = mock.create_autospec(Shop(), instance=True)
    instance.price.cache_contains.return_value = True
    assert instance.price.cache_contains("tea")


def test_a_mock_that_wraps_a_cached_function() -> None:
    spy = mock.Mock(wraps=listed)
    assert spy(1) is spy(1) is listed(1)
    assert spy.call_count == 2
    assert spy.cache_info() == listed.cache_info()
    assert spy.cache_contains(1)
    with mock.patch.object(Shop, "price", wraps=Shop().price) as spied:
        assert Shop().price("tea") == ["shop", "tea", 0]
        spied.assert_called_once_with("tea")


def test_caching_a_mock() -> None:
    made = mock.Mock(side_effect=lambda a: [a])
    f: Any = cached(made)
    assert f(1) is f(1)
    made.assert_called_once_with(1)


def test_caching_an_async_mock() -> None:
    made = mock.AsyncMock(side_effect=lambda a: [a])
    f: Any = cached(made)

    async def twice() -> bool:
        return await f(1) is await f(1)

    assert run(twice)
    made.assert_awaited_once_with(1)


def test_a_mock_as_version_function() -> None:
    version = mock.Mock(return_value=1)
    f = versioned_lru_cache(version)(listed.__wrapped__)
    with session():
        assert f(1) is f(1)
    version.assert_called_once_with(1, "x")
    version.return_value = 2
    before = f.cache_peek(1)
    assert before is not None
    assert f(1) is not before.value
    version.side_effect = OSError("no network")
    with pytest.raises(OSError, match="no network"):
        f(1)


class AskedByName:
    """Where a version is asked."""

    def version(self) -> int:
        return 1


SOURCE = AskedByName()


@versioned_lru_cache(lambda: SOURCE.version())
def from_source() -> list[int]:
    return []


def test_patching_what_a_version_function_asks() -> None:
    first = from_source()
    with mock.patch.object(SOURCE, "version", return_value=2) as patched:
        second = from_source()
        assert second is not first
        assert from_source() is second
        assert patched.call_count == 2
    assert from_source() is not second


def test_monkeypatch(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Shop.__dict__["price"]
    with monkeypatch.context() as patch:
        patch.setattr(Shop, "price", lambda self, item: "patched")
        assert Shop().price("tea") == "patched"
    assert Shop.__dict__["price"] is before
    assert Shop().price("tea") == ["shop", "tea", 0]
