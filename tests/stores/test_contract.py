"""The public contract: this package's stores keep it, and stores that break a rule are told which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.stores import memory_store as wrong
from tests.stores.memory_store import AsyncMemoryStore, MemoryStore, Shared
from versioned_lru_cache.stores import LocalStore
from versioned_lru_cache.testing import (
    AsyncStoreContract,
    FaultyStore,
    StoreContract,
    _async_store_contract,
    _store_contract,
)

if TYPE_CHECKING:
    from pathlib import Path

    from versioned_lru_cache.stores import AsyncStore, Store


pytestmark = pytest.mark.thread_unsafe(reason="the threads of a test would share its folder, and have their own")


class TestLocalStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "store"

    def open_store(self) -> LocalStore:
        return LocalStore(self.path, namespace="test")


class TestMemoryStore(StoreContract):
    def setup_method(self) -> None:
        self.shared = Shared()

    def open_store(self) -> Store:
        return MemoryStore(self.shared)


class TestAsyncMemoryStore(AsyncStoreContract):
    def setup_method(self) -> None:
        self.shared = Shared()

    async def open_async_store(self) -> AsyncStore:
        return AsyncMemoryStore(self.shared)


class TestFaultyStoreWithoutFaults(StoreContract):
    def setup_method(self) -> None:
        self.shared = Shared()

    def open_store(self) -> Store:
        return FaultyStore(MemoryStore(self.shared))


RULES = {
    "NoFenceOnDelete": "test_nothing_is_saved_after_a_delete",
    "NoFenceOnClear": "test_a_clear_removes_and_fences_a_group",
    "ClearsByComparing": "test_a_clear_removes_and_fences_a_group",
    "FencesAll": "test_a_delete_fences_nothing_else test_a_clear_leaves_other_groups",
    "FencesForGood": "test_what_was_deleted_before_can_be_saved",
    "FencesByReleasing": "test_a_fenced_lease_is_held_until_it_is_released",
    "EarlierLeaseWins": "test_an_earlier_lease_never_replaces_what_a_later_one_saved",
    "FirstSaveStays": "test_a_later_lease_replaces_what_an_earlier_one_saved test_a_record_comes_back_as_it_was_saved",
    "SavesAfterRelease": "test_nothing_is_saved_after_a_release",
    "SaveReleases": "test_a_saved_lease_is_held_until_it_is_released",
    "ReleasesWhatOthersHold": "test_to_release_again_does_nothing",
    "ForgetsToRelease": "test_what_was_deleted_before_can_be_saved test_a_wait_ends_when_the_lease_is_released",
    "LeasesForAll": "test_a_lease_has_one_holder test_one_thread_at_a_time_holds_a_lease",
    "OneLeaseForAllVersions": "test_other_addresses_and_versions_are_free",
    "KeepsNothingThatEnds": "test_a_record_that_is_of_use_for_a_while_is_there_for_it",
    "TokensStandStill": "test_tokens_grow",
    "WaitsForEver": "test_a_wait_has_an_end",
    "SleepsForAll": "test_nobody_waits_for_what_is_free test_a_wait_ends_when_the_lease_is_released",
    "NeverWaits": "test_a_wait_has_an_end",
    "ReturnsBytearrays": "test_a_record_comes_back_as_it_was_saved",
    "TruncatesAtZero": "test_a_record_comes_back_as_it_was_saved",
    "TakesAnyType": "test_wrong_types_are_told",
    "SaysNothingOfDeletes": "test_a_delete_tells_whether_there_was_a_record",
    "KeepsToItself": "test_another_store_sees_what_was_saved",
    "ShortAddresses": "test_records_at_many_addresses_are_kept_apart",
    "ShortestAddresses": "test_nothing_is_at_an_address_that_was_never_saved",
}
BROKEN = [(name, rule) for name, rules in RULES.items() for rule in rules.split()]


@pytest.mark.parametrize(("name", "rule"), BROKEN, ids=lambda each: each)
def test_a_store_that_breaks_a_rule_is_told(name: str, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_store_contract, "PATIENCE", 2.0)
    shared = Shared()
    contract: Any = StoreContract()
    contract.open_store = lambda: getattr(wrong, name)(shared)
    with pytest.raises(AssertionError, match=r".{10}"):
        getattr(contract, rule)()


def test_an_async_store_that_blocks_the_loop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_async_store_contract, "PATIENCE", 2.0)

    class Contract(AsyncStoreContract):
        async def open_async_store(self) -> AsyncStore:
            return wrong.BlocksTheLoop(shared)

    shared = Shared()
    contract = Contract()
    try:
        with pytest.raises(AssertionError, match=r"block the event loop|returned while"):
            contract.test_who_waits_leaves_the_event_loop_to_others()
    finally:
        contract.teardown_method()


def test_every_rule_has_a_store_that_breaks_it() -> None:
    rules = {name for name in dir(StoreContract) if name.startswith("test_")}
    always = {"test_it_has_a_namespace_and_a_codec", "test_a_lease_tells_what_it_is_for"}
    assert rules - {rule for _, rule in BROKEN} == always


def test_a_contract_without_a_store_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="open_store"):
        StoreContract().test_tokens_grow()
