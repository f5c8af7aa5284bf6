"""What a command is about: a cached function by `MODULE:FUNCTION`, and a local store that is there."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import cast

from .. import CachedFunction
from .._core import stable_key_of
from .._stored import known_as
from .._words import a_type
from ..stores import LocalStore
from ..stores._folder import BUCKET
from ..stores._identity import Identity
from ._calls import hashable
from ._decorated_again import decorated_again
from ._problems import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._calls import CallArguments

_NO_BOUND = 2**62  # The folder's own is in the program that has it.


def store_at(path: str, *, read_only: bool) -> LocalStore:
    """Return the store of a folder. A folder without one is wrong usage: to look must not make it."""
    if not any(Path(path, BUCKET).glob("records-*.sqlite3")):
        raise WrongUsage(f"{path} is no local store; name the folder that was given to LocalStore")
    return LocalStore(path, namespace="-", max_bytes=_NO_BOUND, read_only=read_only)


def function_at(target: str) -> CachedFunction[..., Any]:
    """Return the cached function that a text names, imported from the current folder or from what is installed."""
    module, colon, names = target.partition(":")
    if not (module and colon and names):
        raise WrongUsage(f"{target!r} is not allowed; it must be MODULE:FUNCTION, such as shop.reports:report")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        with redirect_stdout(sys.stderr):  # What it prints is no part of a command's JSON.
            found: Any = import_module(module)
    except (Exception, SystemExit) as error:  # whatever the module's own code raises
        raise WrongUsage(f"{target}: {module} can't be imported: {type(error).__name__}: {error}") from error
    try:
        found = attrgetter(names)(found)
    except AttributeError as error:
        raise WrongUsage(f"{target}: {error}") from error
    if not isinstance(found, CachedFunction):
        raise WrongUsage(f"{target} is no cached function but {a_type(found)}; decorate it")
    return cast("CachedFunction[..., Any]", found)


def stored_function_at(
    target: str, namespace: str | None, path: str | None
) -> tuple[CachedFunction[..., Any], LocalStore]:
    """Return the cached function that a text names, and its store.

    One without a store is decorated again, with one at the path in the namespace, if that is given.
    """
    function = function_at(target)
    store = function.cache_parameters()["store"]
    if isinstance(store, LocalStore):
        if namespace not in (None, store.namespace):
            raise WrongUsage(f"--namespace {namespace}: {target} has a store of the namespace {store.namespace!r}")
        return function, store
    if store is not None:
        raise WrongUsage(f"{target} has store={store!r}; it must have a LocalStore, or none")
    if namespace is None or path is None:
        raise WrongUsage(f"{target} has no store; say with --namespace and --store where its results are")
    try:
        store = LocalStore(path, namespace=namespace, max_bytes=_NO_BOUND)
        return decorated_again(function, function.__wrapped__, store=store), store
    except (TypeError, ValueError) as error:  # A function that no other process would know, say.
        raise WrongUsage(f"{target}: {error}") from error


def identity_of(function: CachedFunction[..., Any]) -> tuple[str, str]:
    """Return the name and the revision under which a store has a function's records."""
    wrapped: Any = function.__wrapped__
    given = function.cache_parameters()
    found_as = str(getattr(wrapped, "__module__", None) or "?"), str(wrapped.__qualname__)
    return known_as(given["store"], wrapped, found_as, given["name"], given["revision"])


def passed(function: CachedFunction[..., Any], call: CallArguments) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments that a function is given. Lists are tuples there, unless ``key=`` makes a key of them."""
    args, kwargs = call
    if function.cache_parameters()["key"] is not None:
        return tuple(args), kwargs
    return hashable(args), {name: hashable(value) for name, value in kwargs.items()}


def address_of(function: CachedFunction[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Return where the store of a function has the record of a call."""
    name, revision = identity_of(function)
    namespace = function.cache_parameters()["store"].namespace
    return Identity(namespace, name, revision, stable_key_of(function, args, kwargs)).address
