"""The two decorators."""

from __future__ import annotations

import sys
from weakref import ref

from . import _options as options
from ._callables import CONSTANT_INSTEAD, check_answers, check_kind
from ._core import CachedFunction, Gets, Scope, VersionFunction
from ._option_names import names_checked
from ._process import remember
from ._signatures import Shape, handed, identity, mark_coroutine, shape
from ._texts import checked_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from datetime import timedelta
    from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar

    from ._lag import Lag
    from .stores import AsyncStore, Store

    P = ParamSpec("P")
    R = TypeVar("R")
    _Known: TypeAlias = tuple[tuple[ref[Any], ...], Scope | None]

# By what tells a version function from others: weak references to what it depends on, and its scope. No lock guards it,
# since an exception between two lines could leave that held, and a fork does.
_scopes: dict[tuple[object, ...], _Known] = {}
_NO_SCOPE: _Known = ((), None)


@names_checked()
def versioned_lru_cache(
    version: Callable[..., Hashable] | Hashable,
    *,
    version_args: tuple[()] | Callable[..., tuple[Any, ...]] | None = None,
    session: object = None,
    maxsize: int | None = 128,
    max_weight: int | None = None,
    weigh: Callable[[Any], int] | None = None,
    typed: bool = False,
    key: Callable[..., Hashable] | None = None,
    ttl: float | timedelta | Callable[..., float | timedelta | None] | None = None,
    on_expiry: Literal["recompute", "verify"] = "recompute",
    revalidate: Callable[..., Any] | None = None,
    stale_if_error: float | timedelta | None = None,
    retry_after: float | timedelta = 1.0,
    errors: type[BaseException] | tuple[type[BaseException], ...] = Exception,
    stale_while_revalidate: float | timedelta | None = None,
    lag: Lag | None = None,
    cache_if: Callable[[Any], object] | None = None,
    wait: float | timedelta | None = None,
    copy: Callable[[Any], Any] | None = None,
    store: Store | AsyncStore | None = None,
    name: str | None = None,
    revision: str | None = None,
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]:
    """Cache a function's results, each under the version of the data that it was made from.

    Args:
        version: A cheap function whose answer tells whether the data has changed, asked once per session, or a
            constant. Versions are hashable and compared with ``==``. A bare number is written ``version=1``.
        version_args: What the version function gets. ``None``: the call's arguments, or nothing if it takes no
            parameter. ``()``: nothing. A callable is given the call's arguments and returns a tuple of what the
            version function gets.
        session: Where the session lies: a mapping or namespace with ``get`` and ``setdefault`` (a dict, ``flask.g``),
            a ContextVar that holds one, or a callable that returns one or ``None``. ``None`` is the ambient
            :class:`session`. Where there is no session every call is one of its own, and asks.
        maxsize: At most so many results are stored; ``None`` is unbounded, 0 or less stores nothing. Calls at the same
            time share one run of the function even then, unless ``wait=0``.
        max_weight: All stored results together weigh at most so much, beside ``maxsize`` or, with ``maxsize=None``, in
            its place. A result that weighs more by itself is not stored. Needs ``weigh``.
        weigh: A callable that is given a result and returns its weight, an int of 0 or more: ``len``, say.
        typed: Whether arguments of different types are different, as in functools.
        key: A callable that makes one hashable key of the call's arguments. On a method it is given the instance too,
            and stands for it: instances of one key share results.
        ttl: A bound on a result's age, in seconds or as a timedelta. Age counts from the start of the computation. A
            callable tells it of each result: it is given that and the call's arguments, and returns seconds, a
            timedelta, or ``None`` for no bound. A result that lives 0 seconds or less is returned and not stored.
        on_expiry: What happens at the end of the ttl where the version is unchanged: ``"recompute"``, or ``"verify"``:
            the age begins anew when the version is asked, as after a 304 (RFC 9111, 4.3.4).
        revalidate: Takes the function's place whenever there is an old result. It is called with that, a
            :class:`Versioned`, and the call's arguments, and returns a new result, or ``NOT_MODIFIED`` (the old value
            is of the version that was asked), or the old :class:`Versioned` itself (it is still of its old version).
        stale_if_error: How many seconds past freshness an old result answers for a source that fails (RFC 5861, 4);
            ``math.inf`` is for ever.
        retry_after: How many seconds a failing source is left alone before it is asked again, while an old result
            answers for it.
        errors: Which exceptions of the version function, the function or ``revalidate`` count as failures of the
            source.
        stale_while_revalidate: How many seconds past freshness an old result answers while a new one is made behind
            (RFC 5861, 3), in a context of its own: :func:`set_refresh_context`.
        lag: How to treat a source that announces a version before it shows it: :class:`Lag`. A function may return
            :class:`Versioned` to say which version its result is of, and how long it lives.
        cache_if: A callable that is given a result; only what it finds true is stored.
        wait: How many seconds to wait for another call that computes the same, before computing too, without storing
            the result. 0 never waits; ``None`` waits as long as it takes.
        copy: A callable that makes what each caller is handed, such as ``copy.copy`` or ``copy.deepcopy``: who changes
            that changes nothing for others. What is stored stays as it was made.
        store: A store that several processes share, below the memory of this one: :class:`stores.LocalStore`, say. What
            memory can answer touches nothing else. A coroutine function may have one whose methods are awaited.
        name: The function's name in a session, in messages and in a store; by default its qualified name.
        revision: Tells results of an older code apart in a store; by default a digest of the function's code, but not
            of what that calls.

    Returns:
        A decorator for functions, coroutine functions and methods.

    Raises:
        TypeError: An option is of a wrong type, or the function can't be cached.
        ValueError: An option's value is not allowed.

    Example:
        >>> from versioned_lru_cache import versioned_lru_cache
        >>> stock = {"tea": 3}
        >>> @versioned_lru_cache(lambda: tuple(stock.items()))
        ... def total() -> int:
        ...     return sum(stock.values())
        >>> total(), total(), total.cache_info().misses
        (3, 3, 1)
        >>> stock["milk"] = 4
        >>> total(), total.cache_info().misses
        (7, 2)
    """
    given: options.Given = {
        "version_args": version_args,
        "session": session,
        "maxsize": maxsize,
        "max_weight": max_weight,
        "weigh": weigh,
        "typed": typed,
        "key": key,
        "ttl": ttl,
        "on_expiry": on_expiry,
        "revalidate": revalidate,
        "stale_if_error": stale_if_error,
        "retry_after": retry_after,
        "errors": errors,
        "stale_while_revalidate": stale_while_revalidate,
        "lag": lag,
        "cache_if": cache_if,
        "wait": wait,
        "copy": copy,
        "store": store,
        "name": name,
        "revision": revision,
    }
    return _decorator(version, given, _LABELS)


# What the original project's decorator calls the options that have other names there.
NAMES_OF_ORIGINAL = {
    "version": "generate_version_func",
    "session": "proxy_to_session_context_object",
    "maxsize": "cache_max_size",
    "ttl": "time_to_live_seconds",
}
_DEFAULTS: Any = versioned_lru_cache.__kwdefaults__
MORE_THAN_VERSION = frozenset(_DEFAULTS)
# What messages call the options of either decorator.
_LABELS = {name: name for name in ("version", *_DEFAULTS)}
_OWN_LABELS = {**_LABELS, **NAMES_OF_ORIGINAL}


@names_checked(NAMES_OF_ORIGINAL, MORE_THAN_VERSION - NAMES_OF_ORIGINAL.keys())
def versioned_lru_cache_with_ttl(
    *,
    proxy_to_session_context_object: object,
    generate_version_func: Callable[..., Hashable],
    module_name: str,
    cache_max_size: int | None = 1,
    time_to_live_seconds: float | timedelta | Callable[..., float | timedelta | None] | None = 3600,
    no_history_events_default_version: Hashable = "-1",
    **more: Any,
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]:
    """Cache a function's results by version and age: the decorator of the original project, on this engine.

    Args:
        proxy_to_session_context_object: As ``session`` of :func:`versioned_lru_cache`; ``flask.g``, or a dict.
        generate_version_func: As ``version`` there, but a function of ``*args, **kwargs`` or of nothing is asked once
            per session for all calls, with the first call's arguments. One that names parameters is asked per
            arguments.
        module_name: The name under which the session shows the function's versions: ``{module_name: {function:
            version}}``.
        cache_max_size: As ``maxsize`` there.
        time_to_live_seconds: As ``ttl`` there, in seconds.
        no_history_events_default_version: The version when ``generate_version_func`` answers something falsy.
        more: The other options of :func:`versioned_lru_cache`, from ``version_args`` to ``name``.

    Returns:
        A decorator for functions, coroutine functions and methods.

    Raises:
        TypeError: An option is of a wrong type or unknown, or the function can't be cached.
        ValueError: An option's value is not allowed.

    Example:
        >>> from versioned_lru_cache import versioned_lru_cache_with_ttl
        >>> request = {}
        >>> @versioned_lru_cache_with_ttl(
        ...     proxy_to_session_context_object=request,
        ...     generate_version_func=lambda *args, **kwargs: "1",
        ...     module_name="reports",
        ... )
        ... def report(region: str) -> str:
        ...     return f"sales of {region}"
        >>> report("north")
        'sales of north'
        >>> request["lru_cache_versions"]["reports"]
        {'report': '1'}
    """
    if not callable(generate_version_func):
        raise TypeError(
            f"generate_version_func={generate_version_func!r} is not callable; it must be a version function"
        )
    checked_text(module_name, "module_name")
    options.check_constant(no_history_events_default_version, "no_history_events_default_version")
    given: options.Given = _DEFAULTS | {
        "session": proxy_to_session_context_object,
        "maxsize": cache_max_size,
        "ttl": time_to_live_seconds,
        **more,
    }
    return _decorator(
        generate_version_func, given, _OWN_LABELS, module=module_name, default=no_history_events_default_version
    )


_FORGOTTEN = (
    ". Was @versioned_lru_cache written above the function? Write @versioned_lru_cache(version), with a version "
    "function or a constant such as None"
)
_OTHERWISE = ", or say with version_args= what it gets: () for nothing, or a callable that returns a tuple"
_MISSING = object()


def _decorator(
    version: Callable[..., Hashable] | Hashable,
    given: options.Given,
    labels: Mapping[str, str],
    *,
    module: str | None = None,
    default: Hashable = None,
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]:
    """Check the options of either decorator. The original's gives a ``module`` and its own ``labels`` for them."""
    ask = version if callable(version) else None
    if ask is None:
        options.check_constant(version, "version")
    elif module is None:
        check_answers(ask, "version", CONSTANT_INSTEAD)
    elif getattr(ask, "__name__", None) != "<lambda>":  # One that says None means the default.
        check_answers(ask, labels["version"], "")
    checked = options.checked(given, labels)
    name = options.checked_name(given["name"], "name")
    revision = options.checked_name(given["revision"], "revision")
    store = given["store"]
    if store is not None:
        from ._stored import check_process, check_store

        check_store(store, "store")
        check_process(version, labels["version"])
    elif revision is not None:
        raise ValueError(
            f"revision={revision!r}: only a store keeps results of other code; give store=, or leave it out"
        )
    version_args, key, revalidate = given["version_args"], given["key"], given["revalidate"]
    if ask is None and version_args is not None:
        raise TypeError(f"version_args={version_args!r}: a constant version gets no arguments; leave version_args out")
    options.check_effects(given, labels, _DEFAULTS["retry_after"], constant=ask is None)
    parameters = None if ask is None or callable(version_args) else shape(ask)
    if version_args == () and parameters is not None and not parameters.takes(0):
        raise TypeError(
            f"version_args=() gives nothing to {ask!r}, which needs arguments; let it take none, or leave version_args "
            "out"
        )
    gets = _gets(parameters, version_args, has_key=key is not None, original=module is not None)
    copies = options.checked_copy(given["copy"], "copy")
    all_given: dict[str, Any] = {"maxsize": given["maxsize"], "typed": given["typed"], "version": version, **given}
    if module is not None:
        all_given |= {"module_name": module, "no_history_events_default_version": default}

    def decorate(*functions: Callable[P, R], **more: object) -> CachedFunction[P, R]:
        hint = "" if module else _FORGOTTEN
        if len(functions) != 1 or more:
            given_words = [*map(repr, functions), *(f"{word}={value!r}" for word, value in more.items())]
            shown = ", ".join(given_words) or "nothing"
            raise TypeError(f"versioned_lru_cache: the decorator takes the function to cache, not {shown}{hint}")
        function = functions[0]
        if isinstance(function, staticmethod):  # In a class body, below the cache's decorator: works as above it.
            return staticmethod(decorate(function.__func__))  # type: ignore[return-value]
        awaits = options.checked_function(function, hint)
        label = labels["version"]
        awaits_version = options.awaits_version(function, ask, label, awaits=awaits)
        if not awaits:
            check_kind(revalidate, "revalidate")
        signature, full_name = shape(function), _name(function)
        if key is None:
            options.check_defaults(signature, full_name)
        if revalidate is not None:
            options.check_revalidate_fits(revalidate, signature, full_name)
        if gets is Gets.ARGUMENTS or gets is Gets.KEY:
            options.check_takes_calls(ask, label, signature, full_name, remedy=_OTHERWISE)
        options.check_ttl_fits(given["ttl"], labels["ttl"], signature, full_name)
        options.check_takes_calls(key, "key", signature, full_name, by_name=False)
        options.check_takes_calls(version_args, "version_args", signature, full_name)
        home, tier = str(getattr(function, "__module__", None) or "?"), None
        if store is not None:
            from ._stored import tier_of

            tier = tier_of(store, function, (home, full_name), name, revision, awaits=awaits)
        own_name = full_name if module is None else str(getattr(function, "__name__", None) or full_name)
        cached: CachedFunction[P, R] = CachedFunction(
            function,
            checked,
            ask=ask if ask is None or gets is Gets.NOTHING or callable(gets) else handed(ask, signature, parameters),
            gets=handed(gets, signature) if callable(gets) else gets,
            scope=None if ask is None else _scope(ask, default),
            default=default,
            constant=version,
            parameters=None if signature is None else signature.told(),
            ordered=signature is None or signature.var_keyword,
            awaits=awaits,
            awaits_version=awaits_version,
            copies=copies,
            tier=tier,
            given=all_given,
            module=module or home,
            name=name or own_name,
        )
        remember(cached)
        cached.__dict__.update(_attributes(function))
        _import_for_calls(awaits=awaits, behind=given["stale_while_revalidate"] is not None)
        if awaits:
            mark_coroutine(cached, function)
        return cached

    return decorate


def _gets(
    parameters: Shape | None,
    version_args: tuple[()] | Callable[..., tuple[Any, ...]] | None,
    *,
    has_key: bool,
    original: bool,
) -> Gets | Callable[..., tuple[Any, ...]]:
    """Say what the version function gets, or what makes it of a call's arguments."""
    if callable(version_args):
        return version_args
    if version_args is not None or (parameters is not None and parameters.takes_nothing):
        return Gets.NOTHING
    if original and (parameters is None or not parameters.takes_names):
        return Gets.FIRST
    return Gets.KEY if has_key else Gets.ARGUMENTS


_NEEDED_BY_CALLS: tuple[str, ...] = ("threading", f"{__package__}._results", f"{__package__}.exceptions")


def _import_for_calls(*, awaits: bool, behind: bool) -> None:
    """Import what calls need: a fork in their midst would leave a child at the module's lock."""
    needed = _NEEDED_BY_CALLS
    if awaits or behind:
        needed = (*needed, f"{__package__}.{'_async' if awaits else '_behind'}")
    for name in needed:
        if name not in sys.modules:
            from importlib import import_module

            import_module(name)


def _attributes(function: object) -> dict[str, object]:
    """Return what the decorated function takes over: none of its own attributes may hide a method of the cache."""
    import functools

    found: dict[str, object] = getattr(function, "__dict__", {})
    taken = {name: value for name, value in found.items() if not hasattr(CachedFunction, name)}
    for name in functools.WRAPPER_ASSIGNMENTS:
        value = getattr(function, name, _MISSING)
        if value is not _MISSING:
            taken[name] = value
    taken["__wrapped__"] = function
    return taken


def _name(function: Callable[..., object]) -> str:
    return str(
        getattr(function, "__qualname__", None) or getattr(function, "__name__", None) or type(function).__name__
    )


def _scope(ask: Callable[..., Hashable], default: Hashable) -> Scope:
    """Return the one scope of a version function, so that all that use it, now or later, share its answers."""
    if isinstance(ask, VersionFunction) and default is None:
        return ask.scope
    told, owners = identity(ask)
    key = (*told, type(default), default)
    known = _scopes.get(key)
    if known is not None:
        scope = _scope_of(known, owners)
        if scope is not None:
            return scope
        _scopes.pop(key, None)  # Of something that lay there before and has died.
    scope = Scope()

    def forget(death: ref[Any], key: tuple[object, ...] = key) -> None:
        # Before what has died is freed, so nothing else has the key.
        if death in _scopes.get(key, _NO_SCOPE)[0]:
            _scopes.pop(key, None)

    try:
        new: _Known = tuple(ref(owner, forget) for owner in owners), scope
    except TypeError:  # No weak references to an owner: then the scope lives as long as a function that uses it.
        new = (ref(scope, forget),), None
    known = _scopes.setdefault(key, new)  # Another thread may have been faster.
    return scope if known is new else _scope_of(known, owners) or scope


def _scope_of(known: _Known, owners: tuple[object, ...]) -> Scope | None:
    alive, scope = known
    if scope is None:
        return alive[0]()
    return scope if all(own() is owner for own, owner in zip(alive, owners, strict=True)) else None
