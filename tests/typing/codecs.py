"""What checkers know of codecs. Both read this file, and `test_typing.py` runs its functions."""

from __future__ import annotations

from typing import NamedTuple

from tests.typing.asserting import assert_type
from versioned_lru_cache.stores import Codec, CodecError, Msgpack, NotStorable, Pickle, TooLarge, Unreadable


class Price(NamedTuple):
    amount: int


class Money:
    def __init__(self, amount: int) -> None:
        self.amount = amount


def amount_of(money: Money) -> int:
    return money.amount


class Text:
    """A codec of a user's."""

    name = "text"

    def encode(self, value: object, bound: bytes) -> bytes:
        if not isinstance(value, str):
            raise NotStorable("is no str")
        return value.encode()

    def decode(self, data: bytes, bound: bytes) -> object:
        return data.decode()


def all_three_are_codecs() -> None:
    codecs: list[Codec] = [Msgpack(), Pickle(b"a secret of the tests"), Text()]
    for codec in codecs:
        assert_type(codec.name, str)
        assert_type(codec.encode("tea", b""), bytes)
        assert_type(codec.decode(codec.encode("tea", b""), b""), object)


def functions_take_and_make_objects_of_the_class() -> None:
    codec = Msgpack(types=[Price], max_record_bytes=1000, compress_above=None)
    codec.register(Money, encode=amount_of, decode=Money)
    assert_type(codec.encode(Price(1)), bytes)


def errors_are_of_one_family() -> None:
    try:
        Msgpack(max_record_bytes=1).encode("tea")
    except TooLarge as error:
        assert_type(error.path, str)
        assert_type(error.problem, str)
        family: list[CodecError] = [error, NotStorable("is no str"), Unreadable("it ends too early")]
        type_errors: list[TypeError] = [error]
        assert family
        assert type_errors
