"""What callables take, told from their code where that is enough: ``inspect`` is slow to import."""

from __future__ import annotations

import sys
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, MethodWrapperType, WrapperDescriptorType

from ._core import CachedMethod, Counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

_VARARGS, _VARKEYWORDS = 0x04, 0x08
COROUTINE = "coroutine function"
_GENERATOR, _COROUTINE, _ITERABLE_COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x100, 0x200


class Shape:
    """The parameters of a callable."""

    __slots__ = (
        "_defaults",
        "_named_defaults",
        "keywords",
        "needed",
        "positional",
        "unnamed",
        "var_keyword",
        "var_positional",
    )

    def __init__(
        self,
        *,
        positional: tuple[str, ...],
        defaults: tuple[object, ...],
        unnamed: int,
        keywords: tuple[str, ...],
        named_defaults: Mapping[str, object],
        var_positional: bool,
        var_keyword: bool,
    ) -> None:
        """Take the positional parameters, defaults of the last, how many have no name, and the keyword-only ones."""
        self.positional = positional
        self.needed = max(0, len(positional) - len(defaults))
        self.unnamed = unnamed
        self.keywords = keywords
        self._defaults = defaults[max(0, len(defaults) - len(positional)) :]
        self._named_defaults = named_defaults
        self.var_positional = var_positional
        self.var_keyword = var_keyword

    def told(self) -> tuple[tuple[str, ...], tuple[object, ...], int, tuple[str, ...], dict[str, object], bool, bool]:
        """Return all of that, as a cached function takes it."""
        return (
            self.positional,
            self._defaults,
            self.unnamed,
            self.keywords,
            {name: self._named_defaults[name] for name in self.keywords if name in self._named_defaults},
            self.var_positional,
            self.var_keyword,
        )

    @property
    def required(self) -> frozenset[str]:
        """The keyword-only parameters that need a value."""
        return frozenset(self.keywords).difference(self._named_defaults)

    @property
    def names(self) -> frozenset[str]:
        """All parameters that can be named."""
        return frozenset(self.positional[self.unnamed :] + self.keywords)

    @property
    def takes_nothing(self) -> bool:
        """Whether there is no parameter at all."""
        return not (self.takes_names or self.var_positional or self.var_keyword)

    @property
    def takes_names(self) -> bool:
        """Whether a parameter has a name of its own."""
        return bool(self.positional or self.keywords)

    def takes(self, count: int) -> bool:
        """Whether it can be called with so many positional arguments."""
        return self.accepts(count, {})

    def accepts(self, count: int, keywords: Mapping[str, object]) -> bool:
        """Return whether it takes a call of so many positional arguments, and of these keywords."""
        if count > len(self.positional) and not self.var_positional:
            return False
        if count < min(self.unnamed, self.needed):
            return False
        names = set(keywords)
        twice = not names.isdisjoint(self.positional[self.unnamed : count])
        unknown = not (self.var_keyword or names <= self.names)
        missing = not names.issuperset([*self.positional[count : self.needed], *self.required])
        return not (twice or unknown or missing)

    def after_one(self) -> Shape:
        """Return what it takes behind the first positional argument."""
        return Shape(
            positional=self.positional[1:],
            defaults=self._defaults,
            unnamed=max(0, self.unnamed - 1),
            keywords=self.keywords,
            named_defaults=self._named_defaults,
            var_positional=self.var_positional,
            var_keyword=self.var_keyword,
        )

    def never_fits(self, caller: Shape) -> str | None:
        """Say why no call that ``caller`` accepts could be passed on, if so."""
        if self.needed > len(caller.positional) + len(caller.names - set(caller.positional)) and not (
            caller.var_positional or caller.var_keyword
        ):
            return f"it needs {self.needed} arguments, of which no call has more than {len(caller.names)}"
        if caller.needed > len(self.positional) + len(self.names - set(self.positional)) and not (
            self.var_positional or self.var_keyword
        ):
            return f"it takes at most {len(self.positional)} arguments, and every call has at least {caller.needed}"
        missing = self.required - caller.names
        if missing and not caller.var_keyword:
            return f"it needs the keyword {min(missing)!r}, which no call has"
        surplus = caller.required - self.names
        if surplus and not self.var_keyword:
            return f"it does not take the keyword {min(surplus)!r}, which every call has"
        return None

    def leaves_out(self, caller: Shape, *, by_name: bool) -> str | None:
        """Say which argument of a call that is bound to ``caller`` it does not take, by its place or by its name."""
        surplus = () if self.var_positional else caller.positional[len(self.positional) :]
        for name in (*surplus, *caller.keywords):
            named = by_name or name not in surplus
            if not (named and (self.var_keyword or name in self.names)):
                return f"every call has {name!r}, given or by default, and it does not take that"
        return None

    def unhashable_default(self) -> tuple[str, object] | None:
        """Return a parameter whose default has no hash, and that default."""
        if not (self._defaults or self._named_defaults):
            return None
        for name, default in self._all_defaults():
            try:
                hash(default)
            except TypeError:  # noqa: PERF203 - each may fail
                return name, default
        return None

    def lacks(self, caller: Shape) -> str | None:
        """Say which parameter a call that ``caller`` accepts may leave out, though it is needed here."""
        own_defaults = dict(self._all_defaults())
        for name, default, own in self._left_out(caller):
            if own not in own_defaults:
                return f"a call may leave out {name!r}, which then is {default!r}, but {own!r} has no default here"
        return None

    def differs(self, caller: Shape) -> str | None:
        """Say which parameter means something else here where a call leaves it out."""
        own_defaults = dict(self._all_defaults())
        for name, default, own in self._left_out(caller):
            if own in own_defaults and _differ(own_defaults[own], default):
                return f"a call that leaves out {name!r} means {default!r}, but {own!r} is {own_defaults[own]!r} here"
        return None

    def _left_out(self, caller: Shape) -> Iterator[tuple[str, object, str]]:
        """Yield what a call may leave out, what it means then, and the parameter here that would have been given it."""
        for name, default in caller._all_defaults():
            place = caller.positional.index(name) if name in caller.positional else len(self.positional)
            if place < len(self.positional):
                yield name, default, self.positional[place]  # Whatever it is called.
            elif name in self.names:
                yield name, default, name

    def _all_defaults(self) -> list[tuple[str, object]]:
        return [*zip(self.positional[self.needed :], self._defaults, strict=True), *self._named_defaults.items()]


def _differ(one: object, other: object) -> bool:
    """Return whether two defaults are surely not the same."""
    try:
        return one is not other and bool(one != other)
    except Exception:  # Such as of arrays, which have no one answer.
        return False


_NOTHING = Shape(
    positional=(),
    defaults=(),
    unnamed=0,
    keywords=(),
    named_defaults={},
    var_positional=False,
    var_keyword=False,
)


def shape(function: Callable[..., object]) -> Shape | None:
    """Return the parameters of a callable, or ``None`` where it does not tell."""
    if isinstance(function, Counter):
        return _NOTHING
    plain, bound = (function.__func__, 1) if isinstance(function, MethodType) else (function, 0)
    if not isinstance(plain, FunctionType) or "__wrapped__" in plain.__dict__ or "__signature__" in plain.__dict__:
        return _inspected(function)
    code = plain.__code__
    count, keywords, flags = code.co_argcount, code.co_kwonlyargcount, code.co_flags
    if count < bound:
        return _inspected(function)
    if not (count or keywords or flags & (_VARARGS | _VARKEYWORDS)):
        return _NOTHING
    variables = code.co_varnames
    named = variables[count : count + keywords]
    return Shape(
        positional=variables[bound:count],
        defaults=plain.__defaults__ or (),
        unnamed=max(0, code.co_posonlyargcount - bound),
        keywords=named,
        named_defaults=plain.__kwdefaults__ or {},
        var_positional=bool(flags & _VARARGS),
        var_keyword=bool(flags & _VARKEYWORDS),
    )


class ByName:
    """Hands a bound call to a callable that has fewer places: the others by their names."""

    __slots__ = ("__qualname__", "count", "function", "names")

    def __init__(self, function: Callable[..., object], count: int, names: tuple[str, ...]) -> None:
        self.function, self.count, self.names = function, count, names
        self.__qualname__ = getattr(function, "__qualname__", repr(function))

    def __call__(self, /, *args: object, **keywords: object) -> object:
        """Call the callable."""
        named = dict(zip(self.names, args[self.count :], strict=False))
        return self.function(*args[: self.count], *args[self.count + len(named) :], **named, **keywords)


def handed(function: Callable[..., Any], caller: Shape | None, takes: Shape | None = None) -> Callable[..., Any]:
    """Return what takes the calls that are bound to ``caller``: the callable, or that with names for the last ones."""
    takes = takes or shape(function)
    if takes is None or caller is None or takes.var_positional or len(takes.positional) >= len(caller.positional):
        return function
    count = len(takes.positional)
    return ByName(function, count, caller.positional[count:])


class Fit:
    """Refuses arguments that a callable does not take.

    Those that it takes are told without ``inspect``: a fork while that is imported would leave a child at its lock.
    """

    __slots__ = ("bind", "function", "known")

    def __init__(self, function: Callable[..., object], known: Shape) -> None:
        self.function, self.known = function, known
        self.bind: Callable[..., object] | None = None

    def refuse(self, /, *args: object, **keywords: object) -> None:
        """Raise a ``TypeError`` in the words of ``inspect``, unless they are taken."""
        if not self.known.accepts(len(args), keywords):
            if self.bind is None:
                import inspect

                self.bind = inspect.signature(self.function).bind
            self.bind(*args, **keywords)


def fit(function: Callable[..., object]) -> Callable[..., None] | None:
    """Return what raises a ``TypeError`` for arguments that a callable does not take; ``None`` where it does not tell.

    It is a bound method, of which CPython looks at the answer: a function's may be none and no exception either, where
    there is no memory for its frame.
    """
    known = shape(function)
    return None if known is None else Fit(function, known).refuse


def _inspected(function: Callable[..., object]) -> Shape | None:
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    kind = inspect.Parameter
    positional = [p for p in parameters if p.kind in (kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD)]
    named = [p for p in parameters if p.kind is kind.KEYWORD_ONLY]
    return Shape(
        positional=tuple(p.name for p in positional),
        defaults=tuple(p.default for p in positional if p.default is not kind.empty),
        unnamed=sum(p.kind is kind.POSITIONAL_ONLY for p in positional),
        keywords=tuple(p.name for p in named),
        named_defaults={p.name: p.default for p in named if p.default is not kind.empty},
        var_positional=any(p.kind is kind.VAR_POSITIONAL for p in parameters),
        var_keyword=any(p.kind is kind.VAR_KEYWORD for p in parameters),
    )


def kind(function: object) -> str | None:
    """Name the kind of a function whose call returns no plain result: a coroutine, a generator."""
    if function is None or isinstance(function, Counter):
        return None
    if not isinstance(function, FunctionType):
        function = _innermost(function)
    if not isinstance(function, FunctionType):
        return _inspected_kind(function)
    # A mark of `inspect.markcoroutinefunction` is an attribute, and compares only with what `inspect` itself knows.
    inspect = sys.modules.get("inspect") if function.__dict__ else None
    flags = function.__code__.co_flags
    if flags & (_COROUTINE | _ITERABLE_COROUTINE) or (inspect is not None and inspect.iscoroutinefunction(function)):
        return COROUTINE
    if flags & _ASYNC_GENERATOR:
        return "async generator function"
    return "generator function" if flags & _GENERATOR else None


def _inspected_kind(function: object) -> str | None:
    """Name the kind of what is no plain function."""
    import inspect

    if inspect.iscoroutinefunction(function):
        return COROUTINE
    if inspect.isasyncgenfunction(function):
        return "async generator function"
    if inspect.isgeneratorfunction(function):
        return "generator function"
    if isinstance(function, type):
        return None
    # An object may be called by such a function; one that is written in C ends the search.
    call = getattr(type(function), "__call__", None)  # noqa: B004 - what is called, not whether
    return None if isinstance(call, WrapperDescriptorType) else kind(call)


def _innermost(function: object) -> object:
    from functools import partial

    while True:
        wrapper: Any = function
        if isinstance(function, (MethodType, staticmethod, classmethod)):
            function = wrapper.__func__
        elif isinstance(function, partial):
            function = wrapper.func
        else:
            return function


def is_awaitable(answer: object) -> bool:
    """Return whether an answer has to be awaited. A coroutine is closed: nobody will await it."""
    if not hasattr(type(answer), "__await__"):
        return False
    close: Any = getattr(answer, "close", None)
    if close is not None:
        close()
    return True


def identity(function: Callable[..., object]) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """Return what tells a callable from others, though ``obj.method`` is new each time, and what that depends on."""
    if isinstance(function, (MethodType, CachedMethod)):
        method: Any = function  # pyright: ignore[reportUnknownVariableType]
        return (id(method.__self__), id(method.__func__)), (method.__self__, method.__func__)
    if isinstance(function, (BuiltinMethodType, MethodWrapperType)) and function.__self__ is not None:
        return (id(function.__self__), function.__name__), (function.__self__,)
    return (id(function),), (function,)


def mark_coroutine(cached: Any, function: Any) -> None:
    """Let ``inspect`` see that a cached function is a coroutine function."""
    import inspect
    from functools import partial

    mark = getattr(inspect, "markcoroutinefunction", None)
    if mark is not None:
        mark(cached)
        return
    # Before Python 3.12 inspect believes what has the attributes of a function.
    plain = function
    while not isinstance(getattr(plain, "__code__", None), CodeType):
        if isinstance(plain, partial):
            plain = plain.func
        else:
            plain = getattr(plain, "__func__", None) or getattr(plain, "__wrapped__", None) or type(plain).__call__
    for name in ("__name__", "__code__", "__defaults__", "__kwdefaults__", "__annotations__"):
        cached.__dict__.setdefault(name, getattr(plain, name))
