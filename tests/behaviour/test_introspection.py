"""A cached function looks like the function it stands for, to whoever looks: inspect, help, copy, pickle, doctest."""

from __future__ import annotations

import copy
import doctest
import functools
import gc
import inspect
import pickle
import pydoc
import re
import sys
import types
import typing
import weakref
from typing import Any, Protocol, runtime_checkable

import pytest

from versioned_lru_cache import CachedFunction, CachedMethod, versioned_lru_cache

cached = versioned_lru_cache(lambda: 1)


@cached
def plain(a: int, /, b: str = "x", *more: int, c: float = 0.5, **named: bool) -> list[int]:
    """Make a list.

    >>> plain(1)
    [1]
    """
    return [a]


class Shop:
    """Methods of every kind."""

    def __init__(self, name: str = "shop") -> None:
        self.name = name

    @cached
    def price(self, item: str, day: int = 0) -> list[str]:
        """Tell what an item costs.

        >>> Shop("a").price("tea")
        ['a', 'tea']
        """
        return [self.name, item]

    @classmethod
    @cached
    def named(cls, name: str) -> list[str]:
        """Make it by name."""
        return [cls.__name__, name]

    @staticmethod
    @cached
    def total(prices: tuple[int, ...]) -> list[int]:
        """Add up.

        >>> Shop.total((1, 2))
        [3]
        """
        return [sum(prices)]

    @cached
    @staticmethod
    def count(prices: tuple[int, ...]) -> list[int]:
        """Count."""
        return [len(prices)]

    @property
    @cached
    def label(self) -> list[str]:
        """Its label.

        >>> Shop("a").label
        ['a']
        """
        return [self.name]

    @cached
    def __call__(self, item: str) -> list[str]:
        """Call it."""
        return [item]


class Stall(Shop):
    """Inherits all."""


shop = Shop()


SIGNATURES = [
    (plain, "(a: 'int', /, b: 'str' = 'x', *more: 'int', c: 'float' = 0.5, **named: 'bool') -> 'list[int]'"),
    (Shop.price, "(self, item: 'str', day: 'int' = 0) -> 'list[str]'"),
    (shop.price, "(item: 'str', day: 'int' = 0) -> 'list[str]'"),
    (Stall().price, "(item: 'str', day: 'int' = 0) -> 'list[str]'"),
    (Shop.named, "(name: 'str') -> 'list[str]'"),
    (shop.named, "(name: 'str') -> 'list[str]'"),
    (Shop.total, "(prices: 'tuple[int, ...]') -> 'list[int]'"),
    (shop.total, "(prices: 'tuple[int, ...]') -> 'list[int]'"),
    (shop.count, "(prices: 'tuple[int, ...]') -> 'list[int]'"),
    (shop, "(item: 'str') -> 'list[str]'"),
]


@pytest.mark.parametrize(("function", "expected"), SIGNATURES)
def test_signature(function: Any, expected: str) -> None:
    assert str(inspect.signature(function)) == expected


def test_the_signature_binds_what_a_call_takes() -> None:
    assert inspect.signature(shop.price).bind("tea").arguments == {"item": "tea"}
    with pytest.raises(TypeError):
        inspect.signature(shop.price).bind(shop, "tea", 1)
    assert inspect.signature(plain).bind(1, c=2.0).kwargs == {"c": 2.0}


@pytest.mark.parametrize("function", [plain, Shop.price, shop.price, Shop.named, Shop.total, shop.count])
def test_source_file_and_documentation(function: Any) -> None:
    written = inspect.unwrap(function)
    assert isinstance(written, types.FunctionType)
    assert inspect.getdoc(function) == inspect.getdoc(written)
    assert inspect.getdoc(function)
    assert inspect.getsource(function) == inspect.getsource(written)
    assert inspect.getsource(function).lstrip().startswith(("@cached", "@classmethod", "@staticmethod"))
    assert inspect.getfile(written) == __file__
    assert inspect.getsourcefile(written) == __file__
    assert inspect.getmodule(function) is sys.modules[__name__]
    assert inspect.get_annotations(function) == inspect.get_annotations(written) != {}
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        assert getattr(function, name) == getattr(written, name)


def test_unwrap_leads_to_the_function_as_it_was_written() -> None:
    assert inspect.unwrap(Shop.price) is inspect.unwrap(shop.price) is Shop.price.__wrapped__
    assert shop.price.__wrapped__(shop, "tea") == ["shop", "tea"], "as in functools it is not bound"


def test_annotations() -> None:
    assert typing.get_type_hints(plain) == typing.get_type_hints(plain.__wrapped__)
    assert typing.get_type_hints(shop.price) == {"item": str, "day": int, "return": list[str]}
    assert typing.get_type_hints(Shop.price) == typing.get_type_hints(shop.price)


def test_it_is_a_routine_of_its_class() -> None:
    members = dict(inspect.getmembers(Shop, callable))
    assert members["price"] is Shop.price
    kinds = {each.name: each.kind for each in inspect.classify_class_attrs(Shop)}
    assert (kinds["named"], kinds["total"], kinds["label"]) == ("class method", "static method", "property")
    assert inspect.isroutine(Shop.price)
    assert inspect.ismethoddescriptor(Shop.price)
    assert not inspect.iscoroutinefunction(plain)


def help_text(thing: Any) -> str:
    return pydoc.plain(pydoc.render_doc(thing))


def squeezed(text: str) -> str:
    """Without what differs between versions of Python: how lines are broken, whether annotations are quoted."""
    return re.sub(r"[\s']", "", text)


HELP = [
    (plain, "plain(a: 'int', /, b: 'str' = 'x', *more: 'int'", "Make a list."),
    (Shop, "price(self, item: 'str', day: 'int' = 0)", "Tell what an item costs."),
    (Shop, "named(name: 'str')", "Make it by name."),
    (Shop, "total(prices: 'tuple[int, ...]')", "Add up."),
    (Shop, "label", "Its label."),
    (Shop.price, "price(self, item: 'str', day: 'int' = 0)", "Tell what an item costs."),
    (shop.price, "price(item: 'str', day: 'int' = 0)", "Tell what an item costs."),
    (CachedFunction, "cache_info", "Hits, misses, maxsize"),
    (CachedMethod, "cache_clear", "Forget the results of this instance"),
]


@pytest.mark.parametrize(("thing", "signature", "text"), HELP)
def test_help(thing: Any, signature: str, text: str) -> None:
    shown = help_text(thing)
    assert squeezed(signature) in squeezed(shown)
    assert text in shown


def test_help_of_the_module_lists_cached_functions() -> None:
    shown = help_text(sys.modules[__name__])
    functions = shown[shown.index("FUNCTIONS") : shown.index("DATA")]
    assert "plain(" in functions
    assert "Make a list." in functions


@pytest.mark.thread_unsafe(reason="a runner of doctest patches linecache for the whole process")
def test_doctest_finds_the_examples() -> None:
    found = doctest.DocTestFinder(exclude_empty=True).find(sys.modules[__name__])
    with_examples = {each.name.removeprefix(f"{__name__}.") for each in found if each.examples}
    assert with_examples == {"plain", "Shop.price", "Shop.total", "Shop.label"}
    runner = doctest.DocTestRunner(verbose=False)
    for each in found:
        runner.run(each)
    assert runner.summarize(verbose=False) == (0, len(with_examples))


# update_wrapper


def test_attributes_are_carried_and_hide_no_method_of_the_cache() -> None:
    def f() -> int:
        return 1

    marked: Any = f
    marked.mark = "mine"
    marked.cache_info = "not ours"
    marked.cache_clear = None
    g: Any = cached(f)
    assert g.mark == "mine"
    assert g.cache_info().misses == 0
    g.cache_clear()
    marked.later = 1
    assert not hasattr(g, "later")


def test_attributes_are_seen_through_a_bound_method() -> None:
    class Marked:
        @cached
        def m(self) -> int:
            return 1

        m.mark = "mine"  # type: ignore[attr-defined]

    bound: Any = Marked().m
    assert bound.mark == "mine"
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = bound.nothing_like_it
    with pytest.raises(AttributeError):
        bound.other = 1


def test_a_function_can_be_wrapped_as_any_other() -> None:
    @functools.wraps(plain)
    def around(*args: Any, **kwargs: Any) -> Any:
        return plain(*args, **kwargs)

    assert around.__name__ == "plain"
    assert inspect.unwrap(around) is plain.__wrapped__
    assert inspect.signature(around) == inspect.signature(plain)
    assert around(1) == [1]


# copies


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [plain, Shop.price, Shop.total, Shop.count])
def test_functions_are_copied_and_pickled_as_themselves(function: Any, protocol: int) -> None:
    assert copy.copy(function) is function
    assert copy.deepcopy(function) is function
    assert copy.deepcopy([function, function]) == [function, function]
    if protocol >= 4 or "." not in function.__qualname__:
        assert pickle.loads(pickle.dumps(function, protocol)) is function


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_bound_methods_are_pickled_with_their_instance(protocol: int) -> None:
    loaded = pickle.loads(pickle.dumps(Shop("pickled").price, protocol))
    assert isinstance(loaded, CachedMethod)
    assert loaded.__self__.name == "pickled"
    assert loaded.__func__ is Shop.price
    assert loaded("tea") == ["pickled", "tea"]


def test_class_methods_are_pickled() -> None:
    assert pickle.loads(pickle.dumps(Stall.named)) == Stall.named
    assert pickle.loads(pickle.dumps(Stall.named))("x") == ["Stall", "x"]


def test_bound_methods_are_copied_as_plain_ones() -> None:
    own = Shop("own")
    assert copy.copy(own.price) == own.price
    deep = copy.deepcopy(own.price)
    assert deep.__func__ is Shop.price
    assert deep.__self__ is not own
    assert deep("tea") == ["own", "tea"]
    both = copy.deepcopy((own, own.price))
    assert both[1].__self__ is both[0]


def test_what_has_no_name_to_be_found_by_is_not_pickled() -> None:
    @cached
    def local() -> int:
        return 1

    for nameless in (local, cached(lambda: 1), plain.__wrapped__):
        with pytest.raises((pickle.PicklingError, AttributeError)):
            pickle.dumps(nameless)


# weak references


def test_functions_can_be_referred_to_weakly() -> None:
    def f() -> int:
        return 1

    g = cached(f)
    seen = weakref.ref(g)
    assert seen() is g
    by_function = weakref.WeakKeyDictionary({g: 1})
    assert by_function[g] == 1
    del g
    gc.collect()
    assert seen() is None
    assert not by_function


def test_a_bound_method_can_be_referred_to_weakly() -> None:
    own = Shop("own")
    died: list[Any] = []
    method = weakref.WeakMethod(own.price, died.append)
    bound = method()
    assert bound == own.price
    assert bound is not None
    assert bound("tea") == ["own", "tea"]
    del bound
    del own
    gc.collect()
    assert method() is None
    assert died == [method]


def test_a_plain_weak_reference_to_a_bound_method_dies_with_it() -> None:
    bound = shop.price
    seen = weakref.ref(bound)
    assert seen() is bound
    del bound
    assert seen() is None


def test_bound_methods_compare_as_plain_ones() -> None:
    other = Shop()
    assert shop.price == shop.price
    assert shop.price is not shop.price
    assert hash(shop.price) == hash(shop.price)
    assert shop.price != other.price
    assert shop.price != shop.__call__
    assert shop.price != Shop.price
    assert len({shop.price, shop.price, other.price}) == 2
    assert CachedMethod(Shop.price, shop) == shop.price


# repr


def test_repr_tells_function_size_and_hit_ratio() -> None:
    @versioned_lru_cache(None, maxsize=128)
    def counted(x: int) -> int:
        return x

    name = f"{__name__}.{counted.__qualname__}"
    assert repr(counted) == f"<cached {name}: 0 of 128 stored, no calls yet>"
    for x in [1, 2, 3, 1]:
        counted(x)
    assert repr(counted) == f"<cached {name}: 3 of 128 stored, hit ratio 0.25>"
    for _ in range(8):
        counted(1)
    assert repr(counted) == f"<cached {name}: 3 of 128 stored, hit ratio 0.75>"
    counted.cache_clear()
    assert repr(counted) == f"<cached {name}: 0 of 128 stored, no calls yet>"


def test_repr_of_a_function_without_bound() -> None:
    @versioned_lru_cache(None, maxsize=None, name="report")
    def counted() -> int:
        return 1

    counted()
    assert repr(counted) == f"<cached {__name__}.report: 1 stored, hit ratio 0.00>"


def test_repr_of_a_bound_method_names_method_and_instance() -> None:
    shown = repr(shop.price)
    assert f"{__name__}.Shop.price" in shown
    assert repr(shop) in shown


# types


@runtime_checkable
class Priced(Protocol):
    def price(self, item: str, day: int = 0) -> list[str]: ...


def test_instances_fulfil_a_protocol() -> None:
    assert isinstance(shop, Priced)
    assert issubclass(Stall, Priced)
    assert callable(shop.price)
    assert isinstance(Shop.price, CachedFunction)
    assert isinstance(shop.price, CachedMethod)
    assert Shop.price is Stall.price


def test_a_class_body_says_what_is_a_method() -> None:
    def area(self: Any) -> list[int]:
        return [1]

    function = cached(area)

    class Square:
        __hash__ = None  # type: ignore[assignment]
        inside = function

    assert Square().inside() == [1], "known by identity, so it needs no hash"

    class Field:
        __hash__ = None  # type: ignore[assignment]

    field: Any = Field
    field.later = cached(area)
    with pytest.raises(TypeError, match="hash"):
        field().later()
