"""FaultyStore: each fault does what it says, when it is planned, and a seed gives the same ones again."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest

from tests.programs.local_stores import VERSION, address
from tests.stores.memory_store import MemoryStore, Shared
from versioned_lru_cache.testing import FaultyStore

METHODS: dict[str, Any] = {
    "load": lambda store: store.load(address(1)),
    "acquire": lambda store: store.acquire(address(9), VERSION),
    "wait": lambda store: store.wait(address(1), VERSION, 0.0),
    "delete": lambda store: store.delete(address(1)),
    "clear": lambda store: store.clear(b"group"),
}


def filled() -> MemoryStore:
    store = MemoryStore(Shared())
    for number, record in ((1, b"first"), (2, b"another's")):
        lease = store.acquire(address(number), VERSION)
        assert lease is not None
        assert store.save(lease, record)
        store.release(lease)
    return store


def faulty(**plan: list[str | None]) -> FaultyStore:
    return FaultyStore(filled(), plan=plan)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_fails_when_it_is_planned(method: str) -> None:
    store = faulty(**{method: [None, "fail", None]})
    METHODS[method](store)
    with pytest.raises(OSError, match=f"{method} fails, as planned"):
        METHODS[method](store)
    METHODS[method](store)
    METHODS[method](store)
    assert store.happened == [(method, "fail")]


def test_a_save_that_fails_saves_nothing() -> None:
    store = faulty(save=["fail"])
    lease = store.acquire(address(3), VERSION)
    assert lease is not None
    with pytest.raises(OSError, match="save fails"):
        store.save(lease, b"record")
    assert store.load(address(3)) is None
    assert store.save(lease, b"record")


def test_a_release_that_fails_has_released() -> None:
    store = faulty(release=["fail"])
    lease = store.acquire(address(3), VERSION)
    assert lease is not None
    with pytest.raises(OSError, match="release fails"):
        store.release(lease)
    assert store.acquire(address(3), VERSION) is not None


@pytest.mark.parametrize("method", METHODS)
def test_a_stall_takes_its_time(method: str) -> None:
    store = FaultyStore(filled(), plan={method: ["stall"]}, stall=0.05)
    started = time.monotonic()
    METHODS[method](store)
    assert time.monotonic() - started >= 0.045
    assert store.happened == [(method, "stall")]


def test_old_records_come_back() -> None:
    store = faulty(load=[None, "old", None])
    assert store.load(address(1)) == b"first"
    lease = store.acquire(address(1), VERSION)
    assert lease is not None
    assert store.save(lease, b"second")
    assert store.load(address(1)) == b"first"
    assert store.load(address(1)) == b"second"


def test_foreign_records_come_from_other_addresses() -> None:
    store = faulty(load=[None, "foreign"])
    assert store.load(address(2)) == b"another's"
    assert store.load(address(1)) == b"another's"


def test_records_are_truncated_and_flipped() -> None:
    store = faulty(load=["truncated", "flipped"] * 50)
    for _ in range(50):
        cut = store.load(address(2))
        assert cut is not None
        assert len(cut) < 9
        assert b"another's".startswith(cut)
        changed = store.load(address(2))
        assert changed is not None
        assert len(changed) == 9
        assert sum((one ^ other).bit_count() for one, other in zip(changed, b"another's", strict=True)) == 1


@pytest.mark.parametrize("when", ["acquire", "save"])
def test_a_lost_lease_saves_nothing_and_is_free(when: str) -> None:
    store = faulty(**{when: ["lost"]})
    lease = store.acquire(address(3), VERSION)
    assert lease is not None
    assert not store.save(lease, b"record")
    assert store.load(address(3)) is None
    other = store.acquire(address(3), VERSION)
    assert other is not None
    store.release(lease)
    assert store.save(other, b"record")


def draw(seed: int, rate: float = 0.3) -> list[tuple[str, str]]:
    store = FaultyStore(filled(), seed=seed, rate=rate, stall=0.0)
    for _ in range(100):
        for call in METHODS.values():
            with suppress(OSError):
                call(store)
    return store.happened


def test_a_seed_draws_the_same_faults_again() -> None:
    first = draw(1)
    assert first == draw(1)
    assert first != draw(2)
    assert 90 < len(first) < 210
    assert {fault for _, fault in first} == {"fail", "stall", "old", "foreign", "truncated", "flipped", "lost"}
    assert draw(1, rate=0.0) == []
    assert len(draw(1, rate=1.0)) == 500


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"plan": {"open": ["fail"]}}, "'open' is no method of a store. Allowed: load"),
        ({"plan": {"delete": ["flipped"]}}, "delete has no fault 'flipped'. Allowed: fail, stall"),
        ({"plan": {}, "seed": 1}, "not both"),
        ({"rate": 2.0}, "rate=2.0: must be a probability"),
    ],
)
def test_a_wrong_plan_is_told(options: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FaultyStore(filled(), **options)


def test_what_else_the_store_can_do_it_does() -> None:
    store = faulty()
    assert store.shared is store.store.shared  # type: ignore[attr-defined]
    assert (store.namespace, store.codec) == ("test", None)
    with pytest.raises(AttributeError):
        store.unknown  # noqa: B018
