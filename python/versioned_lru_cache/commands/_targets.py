"""What a command is about: a cached function by `MODULE:FUNCTION`, and a local store that is there."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import cast

from .. import CachedFunction
from .._stored import known_as
from .._words import a_type
from ..stores import LocalStore
from ._problems import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def store_at(path: str, *, read_only: bool) -> LocalStore:
    """Return the store of a folder. A folder without one is wrong usage: to look must not make it."""
    if not any(Path(path).glob("format-*")):
        raise WrongUsage(f"{path} is no local store; name the folder that was given to LocalStore")
    return LocalStore(path, namespace="-", read_only=read_only)


def function_at(target: str) -> CachedFunction[..., Any]:
    """Return the cached function that a text names, imported from the current folder or from what is installed."""
    module, colon, names = target.partition(":")
    if not (module and colon and names):
        raise WrongUsage(f"{target!r} is not allowed; it must be MODULE:FUNCTION, such as shop.reports:report")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = import_module(module)
    except ImportError as error:
        raise WrongUsage(f"{target}: {module} can't be imported: {type(error).__name__}: {error}") from error
    try:
        found = attrgetter(names)(found)
    except AttributeError as error:
        raise WrongUsage(f"{target}: {error}") from error
    if not isinstance(found, CachedFunction):
        raise WrongUsage(f"{target} is no cached function but {a_type(found)}; decorate it")
    return cast("CachedFunction[..., Any]", found)


def local_store_of(function: CachedFunction[..., Any], target: str) -> LocalStore:
    """Return the store of a function."""
    store = function.cache_parameters()["store"]
    if not isinstance(store, LocalStore):
        raise WrongUsage(f"{target} has store={store!r}; it must have a LocalStore")
    return store


def identity_of(function: CachedFunction[..., Any]) -> tuple[str, str]:
    """Return the name and the revision under which a store has a function's records."""
    wrapped: Any = function.__wrapped__
    given = function.cache_parameters()
    found_as = str(getattr(wrapped, "__module__", None) or "?"), str(wrapped.__qualname__)
    return known_as(given["store"], wrapped, found_as, given["name"], given["revision"])
