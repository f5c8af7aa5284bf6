"""The names of the decorators' options: who writes one that there is not is told the one that was meant.

Only a function that takes any name can tell. So one stands in front of each decorator. Editors, type checkers and
``inspect`` go on to see the decorator's own signature.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeVar

    D = TypeVar("D", bound=Callable[..., Any])

# What other caches, and this package's other decorator, call them.
_ELSEWHERE = {
    "version": "generate_version_func version_func version_function",
    "session": "proxy_to_session_context_object",
    "maxsize": "cache_max_size max_size max_entries size capacity threshold",
    "ttl": "time_to_live_seconds time_to_live timeout expire expires expiration expiration_time max_age",
    "key": "make_cache_key make_key key_func key_maker key_builder",
    "cache_if": "condition response_filter should_cache_fn",
    "name": "module_name",
}
_OURS = {name: ours for ours, names in _ELSEWHERE.items() for name in names.split()}


def names_checked(labels: Mapping[str, str] | None = None, more: Iterable[str] = ()) -> Callable[[D], D]:
    """Return what lets a decorator refuse options that it does not have, and a bare number in its version's place.

    Args:
        labels: What this decorator calls options that have another name there.
        more: The options that it takes beside those of its signature.
    """
    own = labels or {}

    def check(decorator: D) -> D:
        function: Any = decorator
        code = function.__code__
        known = frozenset((*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], *more))
        takes_version = code.co_argcount == 1

        def checked(*args: Any, **given: Any) -> Any:
            if takes_version and args:
                _check_places(function.__name__, *args)
            if not known.issuperset(given):
                unknown = next(name for name in given if name not in known)
                raise TypeError(
                    f"{function.__name__}: {unknown}={given[unknown]!r} is no option; {_remedy(unknown, own, known)}"
                )
            return decorator(*args, **given)

        for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__", "__kwdefaults__"):
            setattr(checked, name, getattr(function, name))
        stands_in: Any = checked
        stands_in.__wrapped__ = function
        same: D = stands_in
        return same

    return check


def _check_places(decorator: str, version: object, *options: object) -> None:
    """Refuse a bare number where the version stands, and options behind it."""
    if type(version) in (int, float, bool):
        size = "" if type(version) is not int else f", or maxsize={version!r} beside a version for so many results"
        raise TypeError(
            f"{decorator}({version!r}): a bare number does not say what it is for; write version={version!r} "
            f"for a constant version{size}"
        )
    if options:
        raise TypeError(
            f"{decorator}: {options[0]!r} stands behind the version, where nothing is taken; write options by "
            "their names, such as maxsize=128"
        )


def _remedy(unknown: str, own: Mapping[str, str], known: frozenset[str]) -> str:
    """Say which name was meant, or all that there are."""
    ours = _OURS.get(unknown.lower(), unknown)
    ours = own.get(ours, ours)
    if ours in known:
        return f"here it is called {ours}"
    from difflib import get_close_matches

    near = get_close_matches(unknown.lower(), sorted(known), 1)
    return f"the nearest is {near[0]}" if near else f"these are: {', '.join(sorted(known))}"
