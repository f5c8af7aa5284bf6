"""What an editor shows of the package is what `help()` shows: complete, the same, and true."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import versioned_lru_cache
from tests import ROOT
from tests.support.redis_server import RedisServer
from versioned_lru_cache import CachedFunction, CachedMethod, CacheKey, Session, _core, _results, stores, versions
from versioned_lru_cache._core import CachedCoroutine, Counter, Mark, NamesOfCall, SessionBlocks, VersionFunction

if TYPE_CHECKING:
    from collections.abc import Iterator

STUB = Path(versioned_lru_cache.__file__).with_name("_core.pyi")
COMMON = "_CacheMethods"  # what the two classes of the cache have in common
COMPLETE = {"CacheKey": CacheKey, "CachedFunction": CachedFunction, "CachedMethod": CachedMethod, "Session": Session}
SHOWN = {
    **COMPLETE,
    "CachedCoroutine": CachedCoroutine,
    "Counter": Counter,
    "Mark": Mark,
    "NamesOfCall": NamesOfCall,
    "SessionBlocks": SessionBlocks,
    "VersionFunction": VersionFunction,
}
PACKAGES = ["versioned_lru_cache", "versioned_lru_cache.stores", "versioned_lru_cache.versions"]
MODULES = sorted([*PACKAGES, "versioned_lru_cache.exceptions", "versioned_lru_cache.testing"])
NOT_RUN = {"versioned_lru_cache.versions.sql": "sqlalchemy"}  # what the example needs beside the package


# --- the stub


def stubbed(source: str) -> Iterator[tuple[str, ast.AST, tuple[object, ...]]]:
    """Yield the classes, functions, methods and properties of a stub, each with what it is at runtime."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node, (getattr(_core, node.name),)
        if not isinstance(node, ast.ClassDef):
            continue
        owners: tuple[Any, ...] = (CachedFunction, CachedMethod) if node.name == COMMON else ()
        if hasattr(_core, node.name):
            owners = (getattr(_core, node.name),)
            yield node.name, node, owners
        for inner in node.body:
            if isinstance(inner, ast.FunctionDef) and owners:
                yield f"{node.name}.{inner.name}", inner, tuple(getattr(owner, inner.name) for owner in owners)


ALL = list(stubbed(STUB.read_text(encoding="utf-8")))
PUBLIC = [
    each
    for each in ALL
    if each[0].partition(".")[0] in {*SHOWN, COMMON, "is_validating"} and not each[0].partition(".")[2].startswith("_")
]


def names(things: Any) -> list[Any]:
    """Give each a name of its own, since a method with overloads is there several times."""
    return [pytest.param(*each[1:], id=f"{each[0]} {number}") for number, each in enumerate(things)]


@pytest.mark.parametrize(("node", "found"), names(each for each in ALL if ast.get_docstring(each[1])))
def test_the_stub_has_the_docstrings_of_the_module(node: Any, found: tuple[object, ...]) -> None:
    for each in found:
        assert ast.get_docstring(node) == inspect.getdoc(each)


@pytest.mark.parametrize(("node", "found"), names(PUBLIC))
def test_the_stub_has_a_docstring_of_what_is_public(node: Any, found: tuple[object, ...]) -> None:
    if any(inspect.getdoc(each) for each in found):
        assert ast.get_docstring(node)
    else:
        assert node.name in ("cr_await", "cr_running"), "which inspect describes"


def test_the_stub_says_of_constants_what_the_reference_says() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    body = ast.parse(STUB.read_text(encoding="utf-8")).body
    for name in ("IMMUTABLE", "NOT_MODIFIED"):
        (place,) = [
            at for at, node in enumerate(body) if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name
        ]
        said: Any = body[place + 1]
        assert f".. autodata:: {name}\n   :no-value:\n\n   {said.value.value}\n" in reference


def test_methods_of_the_cache_are_in_the_stub_once() -> None:
    methods = {name.partition(".")[2] for name, *_ in ALL if name.startswith(COMMON)}
    for owner in (CachedFunction, CachedMethod):
        assert {name for name in vars(owner) if not name.startswith("_")} == methods
    assert methods >= {"cache_clear", "cache_explain", "cache_put", "where"}


def test_both_classes_have_the_same_methods_with_the_same_docstrings() -> None:
    both = [{n: v.__doc__ for n, v in vars(each).items() if n[0] != "_"} for each in (CachedFunction, CachedMethod)]
    assert both[0] == both[1]


# --- the docstrings


def public() -> Iterator[tuple[str, Any]]:
    """Yield all that users call, with the methods and properties of classes."""
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            own = getattr(module, name)
            if not callable(own):
                continue
            yield f"{module_name}.{name}", own
            for inner in vars(own) if inspect.isclass(own) else ():
                # Attributes are told of by the class.
                found = getattr(own, inner)
                is_data = inspect.ismemberdescriptor(found) or isinstance(found, str)
                if not inner.startswith("_") and not is_data and inner not in getattr(own, "_fields", ()):
                    yield f"{module_name}.{name}.{inner}", found
    yield "versioned_lru_cache.versions.Counter.bump", Counter.bump
    yield "versioned_lru_cache.versions.NamesOfCall.bump", NamesOfCall.bump


# What every mapping has, and what only the Rust side calls.
LEFT_OUT = {
    f"versioned_lru_cache.{name}" for name in ("Session.keys", "Session.values", "Session.items", "Refresh.chooses")
}
# Protocols are nothing that is called, and their methods are told of by who has them; others are pytest's.
LEFT_OUT_IN = re.compile(r".*\.(stores\.(Async)?Store(\.|$)|testing\.(FaultyStore|(Async)?StoreContract)\.)")
CALLED = {name: own for name, own in public() if name not in LEFT_OUT and not LEFT_OUT_IN.match(name)}


def parameters(own: object) -> list[str]:
    own_errors = (versioned_lru_cache.NotStored, versioned_lru_cache.VersionUnknown)
    errors = (*own_errors, stores.CodecError, stores.Unreadable)
    made_by_the_library = (CachedFunction, CacheKey, *errors)
    if not callable(own) or own in made_by_the_library:
        return []
    found = inspect.signature(own).parameters
    return [name for name in found if name not in ("self", "cls")]


@pytest.mark.parametrize("name", CALLED)
def test_a_docstring_says_what_it_is_and_takes(name: str) -> None:
    own = CALLED[name]
    text = inspect.getdoc(own) or ""
    summary, _, more = text.partition("\n")
    assert summary.endswith((".", ":")), summary
    assert not more or more.startswith("\n"), "an empty line is missing below the summary"
    for parameter in parameters(own):
        assert re.search(rf"^    {parameter}: .", text, re.MULTILINE), f"{name} does not say what {parameter} is"


@pytest.mark.parametrize("own", [_results.CacheInfo, _results.CacheStats, _results.Versioned])
def test_editors_and_help_show_the_same_of_results(own: Any) -> None:
    classes = [each for each in ast.walk(ast.parse(inspect.getsource(_results))) if isinstance(each, ast.ClassDef)]
    (seen,) = [ast.get_docstring(each) for each in classes if each.name == own.__name__]
    assert seen == inspect.getdoc(own)


# --- examples


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """The address of a server, which the examples of Redis stores call `url`."""
    server = RedisServer()
    yield server.url
    server.end()


EXAMPLES = {**CALLED, **{name: importlib.import_module(name) for name in PACKAGES}}
BEFORE = inspect.getdoc(CachedFunction) or ""  # It makes the function that the examples of methods call.


@pytest.mark.thread_unsafe(reason="one clock, and one context of refreshes, for the whole process")
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_true(name: str, request: pytest.FixtureRequest) -> None:
    if name in NOT_RUN:
        pytest.importorskip(NOT_RUN[name])
    text = inspect.getdoc(EXAMPLES[name]) or ""
    assert ">>>" in text, f"{name} has no example"
    assert "::" not in text, f"{name} has code that nobody runs"
    module = importlib.import_module(next(each for each in reversed(MODULES) if name.startswith(each)))
    known: dict[str, Any] = {"__name__": "__main__", **{public: getattr(module, public) for public in module.__all__}}
    if "(url" in text:
        known["url"] = request.getfixturevalue("redis_url")
    if name.startswith("versioned_lru_cache.C") or "Session" in name or "Counter" in name:
        assert run(BEFORE, known) == []
        changes = known["changes"] = versions.counter("changes of an example")
        known["square"] = versioned_lru_cache.versioned_lru_cache(changes)(known["square"].__wrapped__)
    assert run(text, known) == []


def run(text: str, known: dict[str, Any]) -> list[str]:
    """Run the examples of a docstring and return what was wrong."""
    told: list[str] = []
    examples = doctest.DocTestParser().get_doctest(text, known, "example", None, None)
    doctest.DocTestRunner(verbose=False).run(examples, out=told.append, clear_globs=False)
    known.update(examples.globs)
    return told
