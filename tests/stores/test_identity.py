"""Identities: addresses that no two records share, the same in every process."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tests.stores.values import any_text
from versioned_lru_cache.stores._identity import GROUP_BYTES, Identity

identities = st.builds(Identity, any_text, any_text, any_text, st.binary(max_size=20))


@given(identities, identities)
def test_different_identities_have_different_addresses(one: Identity, other: Identity) -> None:
    assert (one == other) == (one.address == other.address)
    assert (one[:2] == other[:2]) == (one.group == other.group)


@given(identities)
def test_an_address_begins_with_its_group(identity: Identity) -> None:
    assert len(identity.group) == GROUP_BYTES == 16
    assert len(identity.address) == 2 * GROUP_BYTES == 32
    assert identity.address.startswith(identity.group)


def test_parts_do_not_run_together() -> None:
    groups = [
        ("ab", "c"),
        ("a", "bc"),
        ("", "abc"),
        ("abc", ""),
        ("1:a", ""),
        ("1", ":a"),
        ("\ud800", ""),
        ("", "\ud800"),
    ]
    for one, other in combinations(groups, 2):
        assert Identity(*one, "1", b"k").group != Identity(*other, "1", b"k").group
    keys = [("ab", b"c"), ("a", b"bc"), ("", b"abc"), ("abc", b""), ("3", b":"), ("", b"3:")]
    for (one, key), (other, other_key) in combinations(keys, 2):
        assert Identity("n", "f", one, key).address != Identity("n", "f", other, other_key).address


def test_revisions_and_keys_of_a_function_are_of_one_group() -> None:
    assert Identity("n", "f", "1", b"a").group == Identity("n", "f", "2", b"b").group
    assert Identity("n", "f", "1", b"a").address != Identity("n", "f", "2", b"a").address


def test_the_address_of_a_record_stays_what_it_is() -> None:
    # Part of the format: with another digest all records would be lost.
    address = Identity("shop", "app.report", "3f2a", b"\x92north").address
    assert address.hex() == "591c0a1ae07516ff3d583eb93ab0604c1ba763c0e5d35ac82457a8e2f255273f"
