"""The contract of stores as tests: whoever writes a store runs the same ones as the stores of this package.

They are methods of a class whose subclass says how a store is opened. pytest finds and runs them; nothing here imports
it. Each message says which rule was broken.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..stores import Lease, Store

__all__ = ["StoreContract"]

# Nothing of the contract takes longer, even on a busy machine.
PATIENCE = 30.0
GROUP = b"group of the test"[:16]
FULL = b"\xff" * 16  # comes last of all groups
OLD, NEW = b"version, the old"[:16], b"version, the new"[:16]


def address(number: int, group: bytes = GROUP) -> bytes:
    """An address of 32 bytes within a group of 16."""
    return group + number.to_bytes(16, "big")


class StoreContract:
    """What every :class:`~versioned_lru_cache.stores.Store` has to keep, as tests for pytest.

    A subclass whose name begins with ``Test`` says how a store is opened. All stores of one test have the same records
    and leases, as several processes would; each test begins with none.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from versioned_lru_cache.stores import LocalStore
        >>> from versioned_lru_cache.testing import StoreContract
        >>> class TestLocalStore(StoreContract):
        ...     def setup_method(self) -> None:
        ...         self.folder = TemporaryDirectory()
        ...     def teardown_method(self) -> None:
        ...         super().teardown_method()
        ...         self.folder.cleanup()
        ...     def open_store(self) -> LocalStore:
        ...         return LocalStore(f"{self.folder.name}/store", namespace="test")
    """

    _opened: list[Store]

    def open_store(self) -> Store:
        """Open a store; each test does so once or more. To be overridden."""
        raise NotImplementedError("a subclass of StoreContract has to define open_store()")

    def teardown_method(self) -> None:
        """Close the stores that a test has opened, those that can be closed. pytest calls this after each test."""
        for store in self.__dict__.pop("_opened", []):
            close = getattr(store, "close", None)
            if close is not None:
                close()

    def _store(self) -> Store:
        store = self.open_store()
        self.__dict__.setdefault("_opened", []).append(store)
        return store

    # --- records

    def test_it_has_a_namespace_and_a_codec(self) -> None:
        store = self._store()
        assert isinstance(store.namespace, str), f"namespace must be a str and is {store.namespace!r}"
        assert hasattr(store, "codec"), "a store has the attribute codec"

    def test_nothing_is_at_an_address_that_was_never_saved(self) -> None:
        store = self._store()
        saved(store, address(1), b"another's")
        assert store.load(address(2)) is None, "load gives None where nothing was saved"

    def test_a_record_comes_back_as_it_was_saved(self) -> None:
        store = self._store()
        for record in (b"", b"\0", bytes(range(256)), b"\xff" * 100_000):
            saved(store, address(1), record)
            found = store.load(address(1))
            assert type(found) is bytes, f"load gives bytes, not {type(found).__name__}"
            assert found == record, f"{len(record)} bytes were saved, and others came back"

    def test_records_at_many_addresses_are_kept_apart(self) -> None:
        store = self._store()
        for number in range(50):
            saved(store, address(number), b"%d" % number)
        found = [store.load(address(number)) for number in range(50)]
        assert found == [b"%d" % number for number in range(50)], "each address has its own record"

    def test_another_store_sees_what_was_saved(self) -> None:
        first, second = self._store(), self._store()
        assert second.load(address(1)) is None
        saved(first, address(1), b"record")
        assert second.load(address(1)) == b"record", "what one store saves all see at once"
        first.delete(address(1))
        assert second.load(address(1)) is None, "what one store deletes is gone for all at once"

    def test_a_record_that_is_of_use_for_a_while_is_there_for_it(self) -> None:
        store = self._store()
        for seconds in (None, 60, 0.5 * PATIENCE, float("inf")):
            lease = acquired(store, address(1), OLD)
            assert store.save(lease, b"record", seconds), (
                f"save under a sound lease, of {seconds} seconds, returns True"
            )
            store.release(lease)
            assert store.load(address(1)) == b"record", f"a record of {seconds} seconds is there at once"
            store.delete(address(1))

    # --- leases

    def test_a_lease_tells_what_it_is_for(self) -> None:
        store = self._store()
        lease = acquired(store, address(1), OLD)
        assert lease.address == address(1), "a lease has its address"
        assert lease.version == OLD, "a lease has its version"
        assert isinstance(lease.token, int), "a lease's token is an int"

    def test_a_lease_has_one_holder(self) -> None:
        first, second = self._store(), self._store()
        lease = acquired(first, address(1), OLD)
        assert second.acquire(address(1), OLD) is None, "what one store holds another can't acquire"
        assert first.acquire(address(1), OLD) is None, "nor can the one that holds it, once more"
        first.release(lease)
        second.release(acquired(second, address(1), OLD))

    def test_other_addresses_and_versions_are_free(self) -> None:
        first, second = self._store(), self._store()
        acquired(first, address(1), OLD)
        acquired(second, address(2), OLD)
        acquired(second, address(1), NEW)

    def test_a_saved_lease_is_held_until_it_is_released(self) -> None:
        first, second = self._store(), self._store()
        lease = acquired(first, address(1), OLD)
        assert first.save(lease, b"record")
        assert second.acquire(address(1), OLD) is None, "save does not release"
        first.release(lease)
        acquired(second, address(1), OLD)

    def test_to_release_again_does_nothing(self) -> None:
        first, second = self._store(), self._store()
        lease = acquired(first, address(1), OLD)
        first.release(lease)
        first.release(lease)
        others = acquired(second, address(1), OLD)
        first.release(lease)
        assert first.acquire(address(1), OLD) is None, "to release once more must not free what another holds by now"
        assert second.save(others, b"record"), "nor fence it"

    def test_tokens_grow(self) -> None:
        first, second = self._store(), self._store()
        tokens: list[int] = []
        for number in range(6):
            store = (first, second)[number % 2]
            lease = acquired(store, address(number // 3), OLD)
            tokens.append(lease.token)
            store.release(lease)
        assert all(one < other for one, other in zip(tokens, tokens[1:])), f"tokens must grow, and are {tokens}"  # noqa: B905, RUF007

    def test_one_thread_at_a_time_holds_a_lease(self) -> None:
        stores = [self._store() for _ in range(4)]
        inside: list[Store] = []
        most: list[int] = []

        def hold(store: Store) -> int:
            held = 0
            end = time.monotonic() + PATIENCE
            while held < 10 and time.monotonic() < end:
                lease = store.acquire(address(1), OLD)
                if lease is None:
                    store.wait(address(1), OLD, 1.0)
                    continue
                inside.append(store)
                most.append(len(inside))
                time.sleep(0.001)
                inside.remove(store)
                store.release(lease)
                held += 1
            return held

        with ThreadPoolExecutor(len(stores)) as pool:
            held = list(pool.map(hold, stores))
        assert max(most) == 1, f"{max(most)} held one lease at the same time"
        assert held == [10] * 4, f"each must get the lease again and again, and they got it {held} times"

    # --- waiting

    def test_nobody_waits_for_what_is_free(self) -> None:
        store = self._store()
        assert seconds_of(store, PATIENCE) < PATIENCE / 2, "wait returns at once if nobody holds the lease"
        store.release(acquired(store, address(1), OLD))
        assert seconds_of(store, PATIENCE) < PATIENCE / 2, "and if it was released"

    def test_a_wait_has_an_end(self) -> None:
        first, second = self._store(), self._store()
        acquired(first, address(1), OLD)
        took = seconds_of(second, 0.2)
        assert took < PATIENCE / 2, f"a wait for 0.2 s took {took:.1f} s"
        assert took >= 0.1, f"a wait for 0.2 s, for what is held, returned after {took:.3f} s"

    def test_a_wait_ends_when_the_lease_is_released(self) -> None:
        first, second = self._store(), self._store()
        lease = acquired(first, address(1), OLD)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(seconds_of, second, PATIENCE)
            time.sleep(0.1)
            assert not waiting.done(), "wait returned while the lease was held"
            first.release(lease)
            took = waiting.result()
        assert took < PATIENCE / 2, f"wait went on for {took:.1f} s after the lease was released"

    # --- fences: what a save may not bring back

    def test_nothing_is_saved_after_a_delete(self) -> None:
        first, second = self._store(), self._store()
        lease, other = acquired(first, address(1), OLD), acquired(first, address(1), NEW)
        second.delete(address(1))
        assert not first.save(lease, b"old"), "save must return False when the address was deleted since acquire"
        assert not first.save(other, b"old"), "of every version"
        assert first.load(address(1)) is None, "a fenced save must store nothing"

    def test_a_delete_tells_whether_there_was_a_record(self) -> None:
        store = self._store()
        assert store.delete(address(1)) is False, "delete returns False where there was none"
        saved(store, address(1), b"record")
        assert store.delete(address(1)) is True, "delete returns True where there was one"
        assert store.load(address(1)) is None, "and then there is none"
        assert store.delete(address(1)) is False, "nor to be deleted again"

    def test_a_delete_fences_nothing_else(self) -> None:
        store = self._store()
        lease = acquired(store, address(1), OLD)
        saved(store, address(3), b"another's")
        store.delete(address(2))
        assert store.save(lease, b"record"), "a delete fences its own address only"
        assert store.load(address(3)) == b"another's", "and removes its own record only"

    def test_what_was_deleted_before_can_be_saved(self) -> None:
        store = self._store()
        fenced = acquired(store, address(1), OLD)
        store.delete(address(1))
        store.release(fenced)
        saved(store, address(1), b"record", OLD)
        assert store.load(address(1)) == b"record", "a lease acquired after the delete is not fenced"

    def test_a_fenced_lease_is_held_until_it_is_released(self) -> None:
        first, second = self._store(), self._store()
        lease = acquired(first, address(1), OLD)
        second.delete(address(1))
        assert second.acquire(address(1), OLD) is None, "its holder lives and computes: nobody else may"
        first.release(lease)
        acquired(second, address(1), OLD)

    def test_a_clear_removes_and_fences_a_group(self) -> None:
        for group in (GROUP, FULL, b"\0" * 16, b"\0" * 15 + b"\xff"):
            first, second = self._store(), self._store()
            lease = acquired(first, address(2**128 - 1, group), OLD)
            saved(first, address(0, group), b"record")
            saved(first, address(2**128 - 1, group), b"record", NEW)
            second.clear(group)
            assert first.load(address(0, group)) is None, "clear removes the first address of its group"
            assert first.load(address(2**128 - 1, group)) is None, "and the last"
            assert not first.save(lease, b"old"), "save must return False when the group was cleared since acquire"
            assert first.load(address(2**128 - 1, group)) is None, "a fenced save must store nothing"
            first.release(lease)
            saved(first, address(0, group), b"record")
            assert first.load(address(0, group)) == b"record", "a lease acquired after the clear is not fenced"

    def test_a_clear_leaves_other_groups(self) -> None:
        store = self._store()
        before, after = GROUP[:-1] + bytes([GROUP[-1] - 1]), GROUP[:-1] + bytes([GROUP[-1] + 1])
        lease = acquired(store, address(3, after), OLD)
        for group in (before, after):
            for number in (0, 2**128 - 1):
                saved(store, address(number, group), b"another's")
        store.clear(GROUP)
        for group in (before, after):
            for number in (0, 2**128 - 1):
                found = store.load(address(number, group))
                assert found == b"another's", "clear removes its own group only"
        assert store.save(lease, b"record"), "and fences its own group only"

    # --- order: an earlier lease never wins over a later one

    def test_an_earlier_lease_never_replaces_what_a_later_one_saved(self) -> None:
        first, second = self._store(), self._store()
        earlier = acquired(first, address(1), OLD)
        later = acquired(second, address(1), NEW)
        assert second.save(later, b"new")
        assert not first.save(earlier, b"old"), "save must return False when a later lease has saved"
        assert first.load(address(1)) == b"new", "and what that saved stays"

    def test_a_later_lease_replaces_what_an_earlier_one_saved(self) -> None:
        first, second = self._store(), self._store()
        earlier = acquired(first, address(1), OLD)
        later = acquired(second, address(1), NEW)
        assert first.save(earlier, b"old")
        assert second.save(later, b"new"), "the later lease wins"
        assert first.load(address(1)) == b"new", "and what it saved is there"

    def test_nothing_is_saved_after_a_release(self) -> None:
        store = self._store()
        lease = acquired(store, address(1), OLD)
        store.release(lease)
        assert not store.save(lease, b"record"), "a lease that was given back saves nothing"
        assert store.load(address(1)) is None

    # --- wrong use

    def test_wrong_types_are_told(self) -> None:
        store = self._store()
        wrong: Any = "text"
        lease = acquired(store, address(1), OLD)
        calls: dict[str, Callable[[], object]] = {
            "load of an address": lambda: store.load(wrong),
            "acquire of an address": lambda: store.acquire(wrong, OLD),
            "acquire of a version": lambda: store.acquire(address(1), wrong),
            "save of a record": lambda: store.save(lease, wrong),
            "delete of an address": lambda: store.delete(wrong),
            "clear of a group": lambda: store.clear(wrong),
        }
        for what, call in calls.items():
            try:
                call()
            except TypeError:
                continue
            raise AssertionError(f"{what} that is no bytes must raise a TypeError")


def acquired(store: Store, address: bytes, version: bytes) -> Lease:
    """Acquire a lease that nobody holds."""
    lease = store.acquire(address, version)
    assert lease is not None, "acquire gives a lease that nobody holds"
    return lease


def saved(store: Store, address: bytes, record: bytes, version: bytes = b"a version of all") -> None:
    """Save a record as the tier does."""
    lease = acquired(store, address, version)
    assert store.save(lease, record), "save under a lease that nothing fences returns True"
    store.release(lease)


def seconds_of(store: Store, seconds: float) -> float:
    """How long a wait takes."""
    started = time.monotonic()
    store.wait(address(1), OLD, seconds)
    return time.monotonic() - started


def __dir__() -> list[str]:
    return sorted(__all__)
