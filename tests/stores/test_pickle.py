"""The codec Pickle: all that pickle takes comes back, and nothing without a good signature is ever unpickled."""

from __future__ import annotations

import hashlib
import hmac
import pickle
import re
import threading
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from tests.stores.reading import decode_record
from tests.stores.values import same, values
from versioned_lru_cache.stores import Msgpack, NotStorable, Pickle, TooLarge, Unreadable
from versioned_lru_cache.stores._identity import Identity
from versioned_lru_cache.stores._record import Moment, Record, encode_record

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a secret of the tests"
OTHER = b"another secret, not of the tests"
IDENTITY = Identity("tests", "report", "1", b"key")
NOW = Moment(1, b"", 0)


def record(value: Any, version: Any = 1) -> Record:
    return Record(value, version, NOW, NOW, None, None, False, False)


@settings(max_examples=300)
@given(values)
def test_values_come_back(value: Any) -> None:
    codec = Pickle(KEY)
    assert same(value, codec.decode(codec.encode(value, b"bound"), b"bound"))


def test_what_is_no_plain_data_comes_back() -> None:
    codec = Pickle(KEY, compress_above=0)
    shared = [1]
    value = {"counts": Counter("tea"), "pattern": re.compile("a"), "twice": [shared, shared], "class": Counter}
    value["itself"] = value
    back: Any = codec.decode(codec.encode(value))
    assert back["counts"] == Counter("tea")
    assert type(back["counts"]) is Counter
    assert back["twice"][0] is back["twice"][1]
    assert back["itself"] is back
    assert back["class"] is Counter


# --- what is never unpickled


class Hostile:
    """When it is unpickled it writes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return type(self.marker).touch, (self.marker,)


def signed(key: bytes, data: bytes, bound: bytes, purpose: bytes = b"versioned-lru-cache pickle 1\0") -> bytes:
    """Sign as the codec does, which is how a key is known to be all that protects."""
    return hmac.digest(key, b"%b%d:%b%b" % (purpose, len(bound), bound, data), "sha256") + data


@pytest.mark.thread_unsafe(reason="the threads would share the file that must not be there")
def test_a_planted_pickle_is_not_loaded(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    hostile = pickle.dumps(Hostile(marker))
    pickle.loads(hostile)
    assert marker.exists(), "which shows that it would do harm"
    marker.unlink()
    codec = Pickle(KEY, old_keys=[b"an older secret of the tests"])
    good = codec.encode({"a": 1}, b"bound")
    planted = [
        hostile,
        bytes(32) + hostile,
        good[:32] + hostile,
        b"\xc1z" + zlib.compress(hostile),
        bytes(32) + b"\xc1z" + zlib.compress(hostile),
        hashlib.sha256(hostile).digest() + hostile,
        signed(OTHER, hostile, b"bound"),
        signed(b"", hostile, b"bound"),
        signed(KEY.encode(), hostile, b"another"),
        signed(KEY.encode(), hostile, b""),
        signed(KEY.encode(), hostile, b"bound", purpose=b""),
        good + hostile,
        *(good[:end] + hostile for end in range(33)),
    ]
    for data in planted:
        with pytest.raises(Unreadable, match="the signature is of none of the keys"):
            codec.decode(data, b"bound")
    assert not marker.exists()
    assert codec.decode(good, b"bound") == {"a": 1}
    codec.decode(signed(KEY.encode(), hostile, b"bound"), b"bound")
    assert marker.exists(), "which shows that only the key was wanting"


def test_a_planted_record_is_not_loaded(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    codec = Pickle(KEY)

    class Planting(Pickle):
        def encode(self, value: object, bound: bytes = b"") -> bytes:
            return bytes(32) + pickle.dumps(value)

    for made in (record(Hostile(marker)), record(1, version=Hostile(marker))):
        for data in (encode_record(made, IDENTITY, Planting(OTHER)), encode_record(made, IDENTITY, Pickle(OTHER))):
            with pytest.raises(Unreadable, match="signature"):
                decode_record(data, IDENTITY, codec)
    assert not marker.exists()


def test_a_signature_is_for_one_call_version_and_time() -> None:
    codec = Pickle(KEY)
    identity, other = IDENTITY, IDENTITY._replace(key=b"other")
    one = encode_record(record("one"), identity, codec)
    assert decode_record(one, identity, codec).value == "one"
    value = one[-len(codec.encode("one")) :]

    class Moved(Pickle):
        def encode(self, value: object, bound: bytes = b"") -> bytes:
            return moved

    moved = value
    later = Moment(2, b"", 0)
    for made, place in (
        (record("one"), other),
        (record("one", version=2), identity),
        (record("one")._replace(began=later), identity),
        (record("one")._replace(verified=later), identity),
        (record("one")._replace(ttl=1.0), identity),
        (record("one")._replace(immutable=True), identity),
    ):
        with pytest.raises(Unreadable, match="signature"):
            decode_record(encode_record(made, place, Moved(KEY)), place, codec)
    assert decode_record(encode_record(record("one"), identity, Moved(KEY)), identity, codec).value == "one"


def test_a_version_that_only_pickle_takes_is_signed_for_its_call() -> None:
    codec = Pickle(KEY)
    data = encode_record(record("a", version=complex(1, 2)), IDENTITY, codec)
    assert decode_record(data, IDENTITY, codec).version == complex(1, 2)

    class Moved(Pickle):
        def encode(self, value: object, bound: bytes = b"") -> bytes:
            return super().encode(value, b"" if value == complex(1, 2) else bound)

    with pytest.raises(Unreadable, match="signature"):
        decode_record(encode_record(record("a", version=complex(1, 2)), IDENTITY, Moved(KEY)), IDENTITY, codec)


@pytest.mark.thread_unsafe(reason="what is in the place of a module is there for the whole process")
def test_bit_flips_and_truncations_are_never_unpickled(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Pickle(KEY)
    good = codec.encode({"rows": [1, 2.5, "tea"]}, b"bound")
    loaded: list[bytes] = []
    monkeypatch.setattr("versioned_lru_cache.stores._pickle.pickle", Loads(loaded))
    wrong = [good[:end] for end in range(len(good))]
    wrong += [flipped(good, bit) for bit in range(8 * len(good))]
    for data in wrong:
        with pytest.raises(Unreadable):
            codec.decode(data, b"bound")
    assert len(wrong) > 500
    assert not loaded
    codec.decode(good, b"bound")
    assert loaded


class Loads:
    """In place of the module: notes what is unpickled."""

    def __init__(self, loaded: list[bytes]) -> None:
        self.loads = loaded.append


def flipped(data: bytes, bit: int) -> bytes:
    return (int.from_bytes(data, "big") ^ (1 << bit)).to_bytes(len(data), "big")


# --- keys


def test_keys_are_changed_without_a_loss() -> None:
    before, after = "the secret of last year", "the secret of this year"
    first = Pickle(before)
    prepared = Pickle(before, old_keys=[after])
    changed = Pickle(after, old_keys=(before,))
    done = Pickle(after)
    old, new = first.encode("old"), changed.encode("new")
    for codec in (first, prepared, changed):
        assert codec.decode(old) == "old"
    for codec in (prepared, changed, done):
        assert codec.decode(new) == "new"
    for codec, data in ((first, new), (done, old)):
        with pytest.raises(Unreadable, match="the signature is of none of the keys"):
            codec.decode(data)


def test_a_key_is_the_same_as_str_and_as_bytes() -> None:
    assert Pickle("a key with an \xe4").decode(Pickle("a key with an \xe4".encode()).encode(1)) == 1


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (
            ("a short secret!",),
            {},
            ValueError,
            "secret_key has 15 bytes; it must have 16 or more: secrets.",
        ),
        ((b"",), {}, ValueError, "secret_key has 0 bytes"),
        ((None,), {}, TypeError, "secret_key is a NoneType; it must be a str or bytes"),
        ((KEY,), {"old_keys": ["short"]}, ValueError, "one of old_keys has 5 bytes"),
        ((KEY,), {"old_keys": [1]}, TypeError, "one of old_keys is an int"),
        ((KEY,), {"old_keys": KEY}, TypeError, "old_keys is a str; it must be a tuple of keys"),
    ],
)
def test_wrong_keys(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)) as caught:
        Pickle(*arguments, **options)
    for secret in ("a short secret!", "short", KEY):
        assert repr(secret) not in str(caught.value), "a key must not come into a log"


def test_keys_are_not_shown() -> None:
    codec = Pickle(KEY, old_keys=[OTHER])
    assert KEY not in repr(codec)
    with pytest.raises(Unreadable) as caught:
        codec.decode(b"")
    assert KEY not in str(caught.value)


# --- what can't be pickled


class Holder:
    def __init__(self, held: Any) -> None:
        self.held = held


class Failing:
    def __reduce__(self) -> Any:
        raise ZeroDivisionError("one of those")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, threading.Lock()]}, 'result["a"][1]'),
        (lambda: 1, "result"),
        ((Holder({"x": threading.Lock()}),), 'result[0].held["x"]'),
        ({"a": {1: Failing()}}, 'result["a"][1]'),
    ],
    ids=["in a list", "itself", "in an attribute", "of a class that fails"],
)
def test_what_can_not_be_pickled_is_told_by_its_path(value: Any, path: str) -> None:
    with pytest.raises(NotStorable, match="can't be pickled: ") as caught:
        Pickle(KEY).encode(value)
    assert caught.value.path == path
    assert caught.value.__cause__ is not None


@pytest.mark.thread_unsafe(reason="a class is taken away for the whole process")
def test_what_can_not_be_unpickled_any_more_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Pickle(KEY).encode(Holder(1))
    monkeypatch.delattr(f"{__name__}.Holder")
    with pytest.raises(Unreadable, match="it can't be unpickled: AttributeError"):
        Pickle(KEY).decode(data)


def test_sizes_are_bounded() -> None:
    codec = Pickle(KEY, max_record_bytes=1000, compress_above=100)
    assert len(codec.encode("a" * 900)) < 100
    assert codec.decode(codec.encode("a" * 900)) == "a" * 900
    with pytest.raises(TooLarge, match=r"max_record_bytes=1000 is allowed"):
        codec.encode("a" * 1000)
    with pytest.raises(Unreadable, match="more than max_record_bytes=1000"):
        codec.decode(Pickle(KEY, compress_above=0).encode("a" * 100_000))


def test_the_codecs_do_not_read_each_other() -> None:
    for one, other in ((Msgpack(), Pickle(KEY)), (Pickle(KEY), Msgpack())):
        data = encode_record(record([1]), IDENTITY, one)
        with pytest.raises(Unreadable, match=f"it is of the codec '{one.name}', and the store's is '{other.name}'"):
            decode_record(data, IDENTITY, other)
