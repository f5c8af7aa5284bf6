"""Records: whatever happens to their bytes, they are the record that was made, or unreadable."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stores.reading import FORMAT, decode_record
from tests.stores.values import Point, any_text, codec, hashable, same, values
from versioned_lru_cache._core import IMMUTABLE, result_in_record, seal_record
from versioned_lru_cache.stores import Msgpack, NotStorable, Pickle, TooLarge, Unreadable
from versioned_lru_cache.stores._identity import Identity, beginnings
from versioned_lru_cache.stores._moment import this_boot
from versioned_lru_cache.stores._record import (
    Moment,
    Record,
    decode_header,
    decode_result,
    encode_record,
    version_digest,
)

KEY = "a secret of the tests"
IDENTITY = Identity("shop", "app.reports.report", "3f2a9c01", b"\x92\xa5north")
BEGAN, VERIFIED = Moment(10**18, b"b" * 16, 10**12), Moment(10**18 + 1, b"", 0)
REPORT = Record({"rows": [(1, "tea", 2.5)]}, ("v", 7), BEGAN, VERIFIED, 60.0, 3, immutable=False, lags=True)

nanoseconds = st.integers(-(2**70), 2**70)
moments = st.builds(Moment, nanoseconds, st.sampled_from([b"", b"b" * 16]), nanoseconds)
records = st.builds(
    Record,
    values,
    hashable,
    moments,
    moments,
    st.none() | st.floats(),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.booleans(),
)
identities = st.builds(Identity, any_text, any_text, any_text, st.binary(max_size=50))
codecs = st.sampled_from([codec(), codec(compress_above=10), Pickle(KEY), Pickle(KEY, compress_above=10)])


@settings(max_examples=500)
@given(records, identities, codecs)
def test_a_record_comes_back(record: Record, identity: Identity, using: Any) -> None:
    data = encode_record(record, identity, using)
    back = decode_record(data, identity, using)
    assert type(back) is Record
    assert type(back.began) is Moment
    expected = record._replace(version=IMMUTABLE) if record.immutable else record
    assert same(tuple(expected), tuple(back))


@settings(max_examples=200)
@given(records, identities, codecs)
def test_a_header_tells_the_rest(record: Record, identity: Identity, using: Any) -> None:
    data = encode_record(record, identity, using)
    header = decode_header(data)
    assert type(header.identity) is Identity
    assert header.identity == identity
    assert header.codec == using.name
    assert same(header[2:8], tuple(record[2:]))
    if header.version is not None and "frozenset" not in header.version:  # whose order is that of this process
        assert header.version == repr(record.version)
    assert data[-header.value_bytes :] != data


simple = st.none() | st.booleans() | st.integers(0, 2**64 - 1)


@settings(max_examples=300)
@given(records, simple | hashable, identities, codecs)
def test_what_is_read_at_once_is_what_is_read_in_steps(
    record: Record, version: Any, identity: Identity, using: Any
) -> None:
    data = encode_record(record._replace(version=version), identity, using)
    function = beginnings(*identity[:3])[2]
    value, read, age, ttl = decode_result(data, function, identity.key, using)
    assert read is IMMUTABLE if record.immutable else same(read, version)
    found = result_in_record(data, function, identity.key, using, this_boot())
    if found is None:
        assert version is not None
        assert type(version) is not bool
        assert type(version) is not int or not 0 <= version < 2**64
    else:
        assert same((value, ttl), (found[0], found[3]))
        assert found[1] is IMMUTABLE if record.immutable else same(found[1], version)
        assert (age is None) == (found[2] is None)
        assert age is None or found[2] is None or age <= found[2] < age + 10**11


def test_a_header_needs_no_codec_and_no_class() -> None:
    header = decode_header(encode_record(REPORT._replace(version=Point(1, 2), value=Point(3, 4)), IDENTITY, codec()))
    assert header.version is None
    header = decode_header(encode_record(REPORT, IDENTITY, Pickle(KEY)))
    assert header.version == "('v', 7)"
    assert header.lags
    assert not header.immutable
    assert decode_header(encode_record(REPORT._replace(version=10**5000), IDENTITY, codec())).version is None


# --- what happens to bytes


def made(using: Any) -> bytes:
    return encode_record(REPORT, IDENTITY, using)


each_codec = pytest.mark.parametrize(
    "using", [codec(), codec(compress_above=10), Pickle(KEY)], ids=["msgpack", "compressed", "pickle"]
)


def is_unreadable(data: bytes, using: Any) -> bool:
    """Tell whether a record is read as none. Whatever it is read as, it must never be another value."""
    try:
        back = decode_record(data, IDENTITY, using)
    except Unreadable:
        return True
    raise AssertionError(f"{data.hex()} is read as {back}")


@each_codec
def test_a_truncated_record_is_unreadable(using: Any) -> None:
    data = made(using)
    assert same(tuple(decode_record(data, IDENTITY, using)), tuple(REPORT))
    assert all(is_unreadable(data[:end], using) for end in range(len(data)))
    assert all(is_unreadable(data[begin:], using) for begin in range(1, len(data)))


@each_codec
def test_a_record_with_more_behind_it_is_unreadable(using: Any) -> None:
    data = made(using)
    assert all(is_unreadable(data + more, using) for more in (b"\0", b"\xc0", data, bytes(4096)))
    assert all(is_unreadable(more + data, using) for more in (b"\0", b"\xc0", bytes(4096)))


@each_codec
def test_every_flipped_bit_makes_a_record_unreadable(using: Any) -> None:
    data = made(using)
    number = int.from_bytes(data, "big")
    for bit in range(8 * len(data)):
        assert is_unreadable((number ^ (1 << bit)).to_bytes(len(data), "big"), using)


@each_codec
def test_damage_of_any_kind_makes_a_record_unreadable(using: Any) -> None:
    random, data = Random(7), made(using)
    for _ in range(3000):
        wrong = bytearray(data)
        kind = random.randrange(4)
        place = random.randrange(len(wrong))
        if kind == 0:
            for _ in range(random.randrange(2, 9)):
                wrong[random.randrange(len(wrong))] ^= 1 << random.randrange(8)
        elif kind == 1:
            end = random.randrange(place, len(wrong)) + 1
            wrong[place:end] = random.randbytes(end - place)
        elif kind == 2:
            del wrong[place : place + random.randrange(1, 20)]
        else:
            wrong[place:place] = random.randbytes(random.randrange(1, 20))
        if bytes(wrong) != data:
            assert is_unreadable(bytes(wrong), using)


@each_codec
def test_nothing_damaged_is_read_at_once(using: Any) -> None:
    data = encode_record(REPORT._replace(version=7), IDENTITY, using)
    function, key = beginnings(*IDENTITY[:3])[2], IDENTITY.key
    assert result_in_record(data, function, key, using, this_boot()) is not None
    number = int.from_bytes(data, "big")
    wrong = [(number ^ (1 << bit)).to_bytes(len(data), "big") for bit in range(8 * len(data))]
    for each in (*wrong, *(data[:end] for end in range(len(data))), data + b"\0"):
        with pytest.raises(ValueError, match=r"^it (has|begins)|^its checksum is wrong"):
            result_in_record(each, function, key, using, this_boot())
    for other in ((b"x" + function, key), (function, key + b"x"), (function, b"")):
        with pytest.raises(ValueError, match="it is the record of another call"):
            result_in_record(data, *other, using, this_boot())
    with pytest.raises(ValueError, match="it is of the codec"):
        result_in_record(data, function, key, Text(), this_boot())


@given(st.binary(max_size=300))
def test_other_bytes_are_no_record(data: bytes) -> None:
    assert is_unreadable(data, codec())
    with pytest.raises(Unreadable):
        decode_header(data)


def with_right_checksum(covered: bytes, start: bytes = b"vlru" + bytes([FORMAT])) -> bytes:
    return start + seal_record(covered, b"")[len(start) :]


def test_with_a_right_checksum_it_is_still_read_with_care() -> None:
    data = made(codec())
    assert with_right_checksum(data[21:]) == data, "which shows that the checksum is right"
    sizes = 21 + 1 + 96 + 16
    assert int.from_bytes(data[sizes + 4 : sizes + 8], "big") == len("msgpack")
    for wrong in (
        with_right_checksum(b""),
        with_right_checksum(bytes(124)),
        with_right_checksum(bytes(125)),
        with_right_checksum(bytes([data[21] | 128]) + data[22:]),
        *(
            with_right_checksum(data[21:at] + size.to_bytes(4, "big") + data[at + 4 :])
            for at in (sizes, sizes + 4, sizes + 8)
            for size in (0, 1, len(data), 2**32 - 1)
        ),
        with_right_checksum(data[21:-1]),
        with_right_checksum(data[21:] + b"\0"),
    ):
        assert is_unreadable(wrong, codec())


@pytest.mark.parametrize("number", [0, FORMAT + 1, 255])
def test_a_record_of_another_format_is_unreadable(number: int) -> None:
    data = made(codec())
    other = with_right_checksum(data[21:], b"vlru" + bytes([number]))
    message = f"it begins with 766c7275{number:02x}; a record of this format begins with 766c727501"
    for decode in (decode_header, lambda data: decode_record(data, IDENTITY, codec())):
        with pytest.raises(Unreadable, match=message):
            decode(other)


@pytest.mark.parametrize(
    "other",
    [
        IDENTITY._replace(namespace="other"),
        IDENTITY._replace(name="other"),
        IDENTITY._replace(revision="other"),
        IDENTITY._replace(key=b"other"),
    ],
    ids=["namespace", "name", "revision", "key"],
)
def test_a_record_of_another_call_is_unreadable(other: Identity) -> None:
    with pytest.raises(Unreadable, match="it is the record of another call"):
        decode_record(made(codec()), other, codec())


def test_a_record_of_another_codec_is_unreadable() -> None:
    class Other(Msgpack):
        name = "msgpack of the tests"

    with pytest.raises(Unreadable, match="it is of the codec 'msgpack of the tests', and the store's is 'msgpack'"):
        decode_record(made(Other()), IDENTITY, codec())


# --- what can't be stored


def test_values_and_versions_are_told_apart_in_messages() -> None:
    with pytest.raises(NotStorable, match=r"^result\['x'\]|^result\[\"x\"\] is of builtins\.type"):
        encode_record(REPORT._replace(value={"x": int}), IDENTITY, codec())
    with pytest.raises(NotStorable, match=r"^version\[1\] is of builtins\.type"):
        encode_record(REPORT._replace(version=(1, int)), IDENTITY, codec())
    with pytest.raises(NotStorable, match=r"^version\[1\] is of builtins\.type"):
        version_digest((1, int), codec())
    with pytest.raises(TooLarge, match=r"^result takes "):
        encode_record(REPORT._replace(value="a" * 1000), IDENTITY, codec(max_record_bytes=100))


class Text:
    """A codec of a user's, which raises what comes."""

    name = "text"

    def encode(self, value: Any, bound: bytes) -> bytes:
        return bytes(value.encode())

    def decode(self, data: bytes, bound: bytes) -> object:
        return data.decode()


def test_a_codec_of_a_user_raises_what_is_expected_of_codecs() -> None:
    data = encode_record(REPORT._replace(value="tea"), IDENTITY, Text())
    assert decode_record(data, IDENTITY, Text()).value == "tea"
    with pytest.raises(NotStorable, match=r"^result can't be encoded by 'text': UnicodeEncodeError: "):
        encode_record(REPORT._replace(value="\ud800"), IDENTITY, Text())
    with pytest.raises(NotStorable, match=r"^version can't be encoded by 'text': AttributeError: "):
        encode_record(REPORT._replace(value="tea", version=int), IDENTITY, Text())
    with pytest.raises(Unreadable, match=r"^it can't be decoded by 'text': UnicodeDecodeError: "):
        decode_record(seal_record(data[21 : -len("tea")], b"\xff"), IDENTITY, Text())


# --- digests of versions


@given(hashable, hashable)
def test_versions_that_differ_have_different_digests(one: Any, other: Any) -> None:
    assert same(one, other) == (version_digest(one, codec()) == version_digest(other, codec()))


def test_a_digest_is_of_the_version_whatever_the_codec() -> None:
    for version in (1, None, ("v", 7), frozenset({1, 2}), "\ud800"):
        digests = {version_digest(version, using) for using in (codec(), Pickle(KEY), Pickle(KEY * 2))}
        assert len(digests) == 1
        assert all(len(digest) == 16 for digest in digests)


def test_what_the_codec_makes_of_a_version_is_no_version_of_bytes() -> None:
    using = codec()
    version = Point(1, 2)
    assert version_digest(version, using) != version_digest(using.encode(version), using)
    for each in (version, using.encode(version)):
        assert same(
            decode_record(encode_record(REPORT._replace(version=each), IDENTITY, using), IDENTITY, using).version, each
        )


def test_the_bytes_of_a_record_stay_what_they_are() -> None:
    # The format: whoever changes it gives it a new number, and this a new example.
    assert made(Msgpack()).hex() == (
        "766c72750183f2d29bdc9ef6dda688745bd72d7e893a00000000000000000de0b6b3a76400006262626262626262626262626262"
        "62620000000000000000000000e8d4a5100000000000000000000de0b6b3a7640001000000000000000000000000000000000000"
        "0000000000000000000000000000404e00000000000000000000000000030000003100000007000000090000000473686f700000"
        "00126170702e7265706f7274732e7265706f727400000008336632613963303192a56e6f7274686d73677061636bc17293a17607"
        "c70020c17281a4726f7773919401a3746561cb4004000000000000c70020"
    )
    assert decode_record(made(Msgpack()), IDENTITY, Msgpack()) == REPORT
