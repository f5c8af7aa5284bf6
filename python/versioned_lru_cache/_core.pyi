# Of a result of any type nobody knows that it is no coroutine, so that a method for those overlaps with the general.
# mypy: disable-error-code="overload-overlap"

from collections.abc import Callable, Coroutine, Generator, Hashable, Iterator, Mapping, Sequence
from datetime import timedelta
from inspect import Signature
from types import TracebackType
from typing import (
    Any,
    Concatenate,
    Final,
    Generic,
    Literal,
    NoReturn,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    final,
    overload,
    type_check_only,
)

from typing_extensions import Self, disjoint_base

from ._awaited_tier import AwaitedTier
from ._delivered import Delivered
from ._explanation import Explanation
from ._plain_tier import PlainTier
from ._refresh import Refresh, Where
from ._results import CacheInfo, CacheStats, Versioned
from .stores._codec import Codec

_P = ParamSpec("_P")
_Rest = ParamSpec("_Rest")
_S = TypeVar("_S")
_T = TypeVar("_T")
_C = TypeVar("_C", bound=type)
_R = TypeVar("_R")
_R_co = TypeVar("_R_co", covariant=True)
_Step: TypeAlias = Literal["ask", "wait", "load", "acquire", "compute", "save", "validate", "sleep", "done", "uncached"]

__all__ = [
    "FAST_PATHS",
    "IMMUTABLE",
    "NOT_MODIFIED",
    "SESSION_NAME",
    "Behind",
    "CacheKey",
    "CachedCoroutine",
    "CachedFunction",
    "CachedMethod",
    "Call",
    "Counter",
    "Flight",
    "Gets",
    "LagTerms",
    "Mark",
    "NamesOfCall",
    "Options",
    "Scope",
    "Session",
    "SessionBlocks",
    "SharedAnswers",
    "VersionFunction",
    "Wait",
    "__version__",
    "advance_clock",
    "age_of",
    "ask_together",
    "bump_names",
    "check_binding",
    "clock_now",
    "current_version",
    "file_state",
    "header_of",
    "is_validating",
    "limit_names",
    "mock_clock",
    "moment",
    "open_record",
    "pack_header",
    "peek_session",
    "record_address",
    "result_in_record",
    "seal_record",
    "stable_key",
    "stable_key_of",
    "switch_off",
    "switch_on",
    "unmock_clock",
]

__version__: Final[str]  # that of the Rust crate, the one place where it stands
SESSION_NAME: Final[str]
FAST_PATHS: Final[bool]  # whether hits take a shorter way than other calls, as in all wheels but one of the tests
IMMUTABLE: Final[Mark]
"""The version of what never changes."""
NOT_MODIFIED: Final[Mark]
"""What ``revalidate`` answers when the old value is of the version that was asked."""

def advance_clock(nanoseconds: int) -> None: ...
def ask_together(scopes: list[Scope], /) -> SharedAnswers | None:
    """Begins to ask several version functions at once, within one of them.

    Args:
        scopes: Those of the version functions, none of which takes arguments; of the asking one first.

    Returns:
        What takes the answers; ``None`` outside of what is asked or computed for a session.
    """

def bump_names(names: tuple[str, ...], /) -> None:
    """Bump names, all at once."""

def check_binding(binding: object, /) -> None: ...
def clock_now() -> int: ...
def file_state(path: str, /) -> tuple[int, int, int, int, int] | None:
    """What the file system tells of a file.

    Returns:
        When its content last changed, when its status did, both in nanoseconds, its size in bytes, its
        number and that of its device. ``None`` where ``os.stat`` has more to say, for one that it is not
        there.
    """

def current_version() -> Any:
    """The version of the data for which the running function's body runs.

    A function that can read its data as of a version reads it so: what it makes is then of that version,
    though the data changes meanwhile.

    Returns:
        What the version function answered, or the constant version.

    Raises:
        LookupError: No cached function's body is running: its version function is, or none.

    Example:
        >>> from versioned_lru_cache import current_version, versioned_lru_cache
        >>> texts = {1: "old", 2: "new"}
        >>> @versioned_lru_cache(lambda: max(texts))
        ... def text() -> str:
        ...     return texts[current_version()]
        >>> text()
        'new'
    """

def switch_off() -> object:
    """Switch the cache off in this context. Returns the token by which it is on again."""

def switch_on(token: object, /) -> None:
    """Take back what the token is for."""

def is_validating() -> bool:
    """Whether the running version function is asked once more, for a computation that has read its answer.

    Returns:
        ``False`` in any other code.

    Example:
        >>> from versioned_lru_cache.testing import is_validating
        >>> is_validating()
        False
    """

def limit_names(max_names: int, /) -> None:
    """Remember so many bumped names one by one."""

def mock_clock(at: int) -> None: ...
def peek_session(binding: object) -> Session | None: ...
def moment(boot: bytes, /) -> tuple[int, bytes, int]:
    """The present moment of a process in this boot, or of a test's clock."""

def age_of(began: tuple[int, bytes, int], now: tuple[int, bytes, int], /) -> int | None:
    """How many nanoseconds before another a moment was; ``None`` is unknown."""

def record_address(group: bytes, revision: bytes, key: bytes, /) -> bytes:
    """The address of a call's record."""

def pack_header(
    identity: bytes,
    codec: bytes,
    version: bytes,
    began: tuple[int, bytes, int],
    verified: tuple[int, bytes, int],
    ttl: float | None,
    order: int | None,
    immutable: bool,
    lags: bool,
    by_codec: bool,
    /,
) -> bytes:
    """The header of a record, packed."""

def seal_record(header: bytes, value: bytes, /) -> bytes:
    """A record of a packed header and an encoded value."""

def header_of(
    data: bytes, /
) -> tuple[
    tuple[bytes, bytes, bytes],
    tuple[int, bytes, int],
    tuple[int, bytes, int],
    tuple[float | None, int | None, bool, bool],
    bool,
    int,
]:
    """What a record's header says, in the order of `pack_header`, and where the value begins.

    Raises:
        ValueError: These bytes are no record.
    """

def open_record(
    data: bytes, function: bytes, key: bytes, codec: str, boot: bytes, /
) -> tuple[Any, int, bytes, bytes, int | None, int | None, bool]:
    """What a call needs of its record, once all but the value was checked.

    Args:
        data: The record.
        function: The identity of all calls of the function: what comes before the key.
        key: The call's canonical key.
        codec: The name of the store's codec.
        boot: Which boot this process runs in.

    Returns:
        The version, how it is there (0 as itself, 1 packed, 2 as the codec made it), what a signature covers
        beside the value, the encoded value, the age and the own lifetime in nanoseconds, whether it is
        immutable.

    Raises:
        ValueError: These bytes are no record, or one of another call or codec.
    """

def result_in_record(
    data: bytes, function: bytes, key: bytes, codec: Codec, boot: bytes, /
) -> tuple[Any, Any, int | None, int | None] | None:
    """What a call is answered with out of its record, if its version is `None`, a truth value or a number.

    Args:
        data: The record.
        function: The identity of all calls of the function: what comes before the key.
        key: The call's canonical key.
        codec: The store's.
        boot: Which boot this process runs in.

    Returns:
        The value, the version (or `IMMUTABLE`), the age and the own lifetime in nanoseconds; ``None`` if the
        version is of another kind.

    Raises:
        ValueError: These bytes are no record, or one of another call or codec.
        Exception: What the codec has raised.
    """

def stable_key(args: tuple[Any, ...], kwargs: dict[str, Any], typed: bool, ordered: bool, /) -> bytes:
    """The canonical key of arguments as they are passed.

    Args:
        args: The positional ones.
        kwargs: Those that have names.
        typed: Whether arguments of different types are different.
        ordered: Whether the order of the names counts.

    Returns:
        Bytes that are equal where the arguments are, in any process.

    Raises:
        TypeError: An argument has no canonical key.
    """

def stable_key_of(function: CachedFunction[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], /) -> bytes:
    """The canonical key of a call: of its bound arguments, or of what ``key=`` makes of them.

    Args:
        function: A cached function; a method's arguments begin with the instance.
        args: The positional arguments.
        kwargs: Those that have names.

    Returns:
        Bytes that are equal where the keys are, in any process.

    Raises:
        TypeError: An argument has no canonical key.
    """

def unmock_clock() -> None: ...

@final
class CacheKey:
    """An opaque, hashable name of one call: what ``cache_key`` returns.

    Example:
        >>> {square.cache_key(3), square.cache_key(3)} == {square.cache_key(3)}
        True
    """
    @property
    def args(self) -> tuple[Any, ...]:
        """The positional arguments, bound to the function's parameters; of a method the instance first.

        Example:
            >>> square.cache_key(number=3).args
            (3,)
        """

    @property
    def kwargs(self) -> dict[str, Any]:
        """The arguments that are passed by name.

        Example:
            >>> square.cache_key(number=3).kwargs
            {}
        """

    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Session(Mapping[str, Mapping[str, Any]]):
    """The span in which answers must not change.

    A mapping ``{module: {function: version}}`` of the versions it goes by; where a version depends on
    arguments, ``{module: {function: {digest of the arguments: version}}}``.

    Example:
        >>> from versioned_lru_cache import session
        >>> with session() as own:
        ...     square(3)
        ...     own["__main__"]
        9
        {'square': 0}
    """
    def __init__(self) -> None: ...
    def renew(self) -> None:
        """Forget what was observed and what was read: everything is asked again.

        For a request that writes, and then reads what it wrote.

        Example:
            >>> from versioned_lru_cache import session
            >>> with session() as own:
            ...     square(3)
            ...     own.renew()
            ...     len(own)
            9
            0
        """
    @property
    def stale(self) -> int:
        """How many calls in this session were answered with a value that was not fresh.

        Example:
            >>> from versioned_lru_cache import Session
            >>> Session().stale
            0
        """
    def cache_status(self) -> str:
        """What the session's latest calls did, oldest first, as a ``Cache-Status`` value (RFC 9211).

        Calls that were answered at once, from what the session surely knew, are left out; at most 100 are
        remembered.

        Returns:
            The value of the header, which is empty where there was no such call.

        Example:
            >>> from versioned_lru_cache import session
            >>> with session() as own:
            ...     square(3)
            ...     "fwd=miss; stored" in own.cache_status()
            9
            True
        """
    def __bool__(self) -> Literal[True]: ...
    def __copy__(self) -> Session: ...
    def __deepcopy__(self, _memo: Any, /) -> Session: ...
    def get(self, module: str, default: Any = None, /) -> Any:
        """The versions of a module's functions, or a default.

        Args:
            module: The name of the module.
            default: The answer where nothing was asked of that module's functions.

        Returns:
            A dict of the versions by the functions' names, or the default.

        Example:
            >>> from versioned_lru_cache import Session
            >>> Session().get("reports", {})
            {}
        """
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def __contains__(self, module: object, /) -> bool: ...
    def __getitem__(self, module: str, /) -> Mapping[str, Any]: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

@disjoint_base
class SessionBlocks:
    """The blocks of one ``session(...)`` object.

    Several threads and tasks may be in blocks of one at a time, each in a session of its own.
    """
    def __new__(cls, mapping: object, refresh: Refresh | None, offline: bool) -> Self: ...
    def __enter__(self) -> Session:
        """Begin the session."""
    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """End the session. Where it is not the active one, what is active stays so."""
    def __aenter__(self) -> Ready[Session]:
        """Begin the session."""
    def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> Ready[None]:
        """End the session."""

@type_check_only
@final
class Ready(Generic[_T]):
    def __await__(self) -> Generator[Any, Any, _T]: ...

@final
class Mark:
    """A value that stands for something."""
    def __copy__(self) -> Mark: ...
    def __deepcopy__(self, _memo: Any, /) -> Mark: ...

@disjoint_base
class VersionFunction:
    """A version function that shows what it asks.

    Args:
        shown: What that is.
        ask: Is called in its place.
        about: What ``ask`` gets in place of all arguments, if not ``None``.
        like: Takes what the version function takes; ``None`` is for nothing.
        local: Whether its answers mean nothing to another process.
    """
    def __new__(
        cls,
        shown: str,
        ask: Callable[..., object],
        *,
        about: object = None,
        like: Callable[..., object] | None = None,
        local: bool = False,
    ) -> Self: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    @property
    def local(self) -> bool:
        """Whether its answers mean nothing to another process."""
    @property
    def scope(self) -> Scope:
        """What its answers have in common, wherever it is used."""
    @property
    def __signature__(self) -> Signature:
        """What it takes. By this the decorators see whether it is to be asked once per session or per arguments."""

@final
class NamesOfCall(Generic[_P]):
    """A version function about names: what ``versions.counter`` and ``versions.tags`` make of a callable.

    Args:
        shown: How it was made.
        make: Takes a call's arguments, and returns a name, or several.
        checked: Returns as a tuple of names what ``make`` answered, if that is nothing plain.
        several: Whether ``make`` may answer with several.
    """
    def __new__(
        cls,
        shown: str,
        make: Callable[_P, object],
        checked: Callable[[object], tuple[str, ...]],
        several: bool,
        /,
    ) -> NamesOfCall[_P]: ...
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> tuple[tuple[str, ...], int]: ...
    def bump(self, *args: _P.args, **kwargs: _P.kwargs) -> tuple[tuple[str, ...], int]:
        """Say that the data of a call has changed.

        Args:
            args: The arguments of the call.
            kwargs: Those that have names.

        Returns:
            The new version of such a call.

        Example:
            >>> of_member = counter(lambda number: f"member:{number}")
            >>> before = of_member(7)
            >>> of_member.bump(7) == of_member(7) != before
            True
        """
    @property
    def __signature__(self) -> Signature:
        """What it takes. By this the decorators see whether it is to be asked once per session or per arguments."""

@final
class Counter:
    """A version function that counts bumps: what ``versions.counter`` and ``versions.tags`` make of names.

    Example:
        >>> before = changes()
        >>> changes.bump() == changes() > before
        True
    """
    def __new__(cls, shown: str, names: tuple[str, ...], /) -> Counter: ...
    def __call__(self, *args: NoReturn, **kwargs: NoReturn) -> int: ...
    def bump(self) -> int:
        """Say that the data has changed.

        Returns:
            The new version.

        Example:
            >>> square(3), changes.bump() == changes(), square(3), square.cache_info().misses
            (9, True, 9, 2)
        """

@final
class Behind:
    name: Final[str]
    def failed(self) -> None: ...
    def run(self) -> None: ...
    def call(self) -> Call: ...
    def end(self) -> None: ...

@final
class SharedAnswers:
    """The version functions of a session that have no answer there yet, as they are about to be asked."""
    @property
    def places(self) -> list[int]:
        """Their places among the scopes that were given."""
    @property
    def known(self) -> object | None:
        """What the first of the scopes was answered within the same question, if it was."""
    def give(self, versions: list[Any], /) -> None:
        """Gives the session what was answered: a version for each of the places.

        One that the session has got meanwhile stays.
        """

@final
class Scope:
    def __new__(cls) -> Scope: ...

@final
class Gets:
    NOTHING: Final[Gets]
    FIRST: Final[Gets]
    ARGUMENTS: Final[Gets]
    KEY: Final[Gets]
    def __int__(self) -> int: ...

@final
class LagTerms:
    def __new__(
        cls, *, retries: int, delay: int, settle: int | None, order: Callable[[Any, Any], object] | None
    ) -> LagTerms: ...

# Spans of time are in nanoseconds.
@final
class Options:
    def __new__(
        cls,
        *,
        session: object,
        maxsize: int | None,
        max_weight: int | None = None,
        weigh: Callable[[Any], int] | None = None,
        typed: bool,
        key: Callable[..., Hashable] | None,
        ttl: int | None,
        own_ttl: Callable[..., float | timedelta | None] | None = None,
        verifies: bool,
        revalidate: Callable[..., Any] | None,
        awaits_revalidate: bool,
        stale_if_error: int | None,
        retry_after: int,
        errors: tuple[type[BaseException], ...],
        stale_while_revalidate: int | None,
        lag: LagTerms | None,
        cache_if: Callable[[Any], object] | None,
        wait: int | None,
    ) -> Options: ...

# What functions and bound methods have in common; at runtime each of the two classes has it by itself.
@type_check_only
class _CacheMethods(Generic[_P, _R_co]):
    def cache_info(self) -> CacheInfo:
        """Hits, misses, maxsize and the number of stored results, as functools has them.

        Of a bound method these are its function's, for all instances.

        Returns:
            A ``CacheInfo``.

        Example:
            >>> square(3), square(3)
            (9, 9)
            >>> square.cache_info()
            CacheInfo(hits=1, misses=1, maxsize=128, currsize=1)
        """
    def cache_stats(self) -> CacheStats:
        """All that is counted, since the function was decorated or last cleared.

        Of a bound method this is its function's, for all instances.

        Returns:
            A ``CacheStats``, which says what each number is.

        Example:
            >>> square(3), square(3)
            (9, 9)
            >>> square.cache_stats().version_calls
            2
        """
    def cache_parameters(self) -> dict[str, Any]:
        """All options, ``maxsize`` and ``typed`` first, as functools has them.

        Returns:
            A new dict, by the names that :func:`versioned_lru_cache` has for them; ``version`` is among them.
            Of the original's decorator there are ``module_name`` and ``no_history_events_default_version``
            as well.

        Example:
            >>> parameters = square.cache_parameters()
            >>> parameters["maxsize"], parameters["typed"], parameters["ttl"]
            (128, False, None)
        """
    @overload
    def cache_clear(self: _CacheMethods[_P, Coroutine[Any, Any, _T]]) -> Delivered[None]:
        """Forget all results, in every session, and count from zero. What runs now will not be stored.

        Forget the results of this instance, and count on, if the method is bound:
        ``obj.method.cache_clear()``. What runs now for it will not be stored.

        What that of a coroutine function returns can be awaited: then a store whose methods are
        awaited has been told, too.

        Example:
            >>> square(3)
            9
            >>> square.cache_clear()
            >>> square.cache_contains(3)
            False
        """
    @overload
    def cache_clear(self) -> None:
        """Forget all results, in every session, and count from zero. What runs now will not be stored.

        Forget the results of this instance, and count on, if the method is bound:
        ``obj.method.cache_clear()``. What runs now for it will not be stored.

        What that of a coroutine function returns can be awaited: then a store whose methods are
        awaited has been told, too.

        Example:
            >>> square(3)
            9
            >>> square.cache_clear()
            >>> square.cache_contains(3)
            False
        """
    def cache_refresh(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co:
        """Make a result anew, under a version asked anew.

        Args:
            args: The positional arguments of the call.
            kwargs: Its keyword arguments.

        Returns:
            The new result; of a coroutine function, what to await for it.

        Raises:
            TypeError: The function can't be called with these arguments.

        Example:
            >>> square(3), square.cache_refresh(3)
            (9, 9)
            >>> square.cache_info().misses
            2
        """
    # show_args=True is no argument of the function, which ParamSpec can't express.
    def cache_explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """What a call with these arguments would do and why.

        Asks nothing, computes nothing and moves nothing.

        Args:
            args: The positional arguments of the call.
            kwargs: Its keyword arguments; and ``show_args=True`` shows the arguments in place of a digest.

        Returns:
            An ``Explanation``, whose ``str`` is a ``Cache-Status`` value (RFC 9211).

        Raises:
            TypeError: The function can't be called with these arguments.

        Example:
            >>> square.cache_explain(3).fwd
            'miss'
        """
    def cache_purge(self) -> int:
        """Forget what has ended and no stale policy may use any more.

        What has ended gives its room to new results by itself, so this is for memory that is to be free
        before. What sessions keep for themselves stays. Of a bound method: for all instances.

        Returns:
            How many results those were.

        Example:
            >>> square(3)
            9
            >>> square.cache_purge()  # it has no ttl
            0
        """

    def where(self, predicate: Callable[_P, object]) -> Where:
        """The calls whose arguments a predicate finds true, for ``Refresh.only``.

        Of a bound method: the calls on its instance, which the predicate is not given.

        Args:
            predicate: A callable that takes the arguments of a call, with the same defaults as the
                function, and tells whether to renew the result.

        Returns:
            A target of ``Refresh.only``.

        Raises:
            TypeError: The predicate is no callable, no plain function, or has other defaults.

        Example:
            >>> from versioned_lru_cache import Refresh, session
            >>> large = square.where(lambda number: number > 2)
            >>> square(1), square(3)
            (1, 9)
            >>> with session(refresh=Refresh.only(large)):
            ...     square(1), square(3)
            (1, 9)
            >>> square.cache_info().misses
            3
        """
    def cache_keys(self) -> list[CacheKey]:
        """A name of each call whose result is stored and has not ended, the most recently used first.

        Asks nothing and moves nothing. Of a bound method only those of its instance.

        Returns:
            A list of ``CacheKey``: ``args`` and ``kwargs`` are the call's arguments, bound to the function's
            parameters; with ``key=`` the only argument is what that has made.

        Example:
            >>> square(3), square(number=4)
            (9, 16)
            >>> [key.args for key in square.cache_keys()]
            [(4,), (3,)]
        """

    @overload
    def cache_invalidate_where(
        self: _CacheMethods[_P, Coroutine[Any, Any, _T]], predicate: Callable[..., object]
    ) -> Delivered[int]:
        """Forget the results of all calls that a predicate over their arguments finds true, in every session.

        Those that are being computed now will not be stored. The predicate is called with no lock held.

        What that of a coroutine function returns can be awaited: then a store whose methods are
        awaited has been told, too.

        Args:
            predicate: A callable that takes the function's arguments, bound to its parameters, and tells
                whether to forget their result. With ``key=`` it takes what that has made.

        Returns:
            How many results were stored of those.

        Raises:
            TypeError: The predicate is not callable or can't take the arguments.

        Example:
            >>> square(3), square(4)
            (9, 16)
            >>> square.cache_invalidate_where(lambda number: number > 3)
            1
            >>> square.cache_contains(3), square.cache_contains(4)
            (True, False)
        """
    @overload
    def cache_invalidate_where(self, predicate: Callable[..., object]) -> int:
        """Forget the results of all calls that a predicate over their arguments finds true, in every session.

        Those that are being computed now will not be stored. The predicate is called with no lock held.

        What that of a coroutine function returns can be awaited: then a store whose methods are
        awaited has been told, too.

        Args:
            predicate: A callable that takes the function's arguments, bound to its parameters, and tells
                whether to forget their result. With ``key=`` it takes what that has made.

        Returns:
            How many results were stored of those.

        Raises:
            TypeError: The predicate is not callable or can't take the arguments.

        Example:
            >>> square(3), square(4)
            (9, 16)
            >>> square.cache_invalidate_where(lambda number: number > 3)
            1
            >>> square.cache_contains(3), square.cache_contains(4)
            (True, False)
        """

    def cache_key(self, *args: _P.args, **kwargs: _P.kwargs) -> CacheKey:
        """A hashable name of the call with these arguments.

        Args:
            args: The positional arguments of the call.
            kwargs: Its keyword arguments.

        Returns:
            A ``CacheKey``, equal to that of the same call.

        Raises:
            TypeError: The function can't be called with these arguments, or one is unhashable.

        Example:
            >>> square.cache_key(3) == square.cache_key(3)
            True
        """
    def cache_contains(self, *args: _P.args, **kwargs: _P.kwargs) -> bool:
        """Whether a result is stored and not expired. Asks nothing and moves nothing.

        Args:
            args: The positional arguments of the call.
            kwargs: Its keyword arguments.

        Returns:
            Whether there is one, of whatever version.

        Raises:
            TypeError: The function can't be called with these arguments, or one is unhashable.

        Example:
            >>> square.cache_contains(3), square(3), square.cache_contains(3)
            (False, 9, True)
        """
    # What a coroutine function's results are is what awaiting gives.
    @overload
    def cache_peek(
        self: _CacheMethods[_P, Coroutine[Any, Any, _T]], *args: _P.args, **kwargs: _P.kwargs
    ) -> Versioned[_T] | None:
        """The stored result and its version, or ``None``. Asks nothing and moves nothing.

        Args:
            args: The positional arguments of the call.
            kwargs: Its keyword arguments.

        Returns:
            A ``Versioned``, or ``None`` where nothing is stored that has not expired.

        Raises:
            TypeError: The function can't be called with these arguments, or one is unhashable.

        Example:
            >>> square(3)
            9
            >>> square.cache_peek(3)
            Versioned(value=9, version=0)
        """
    @overload
    def cache_peek(self, *args: _P.args, **kwargs: _P.kwargs) -> Versioned[_R_co] | None:
        """The stored result and its version, or ``None``. Asks nothing and moves nothing.

        Args:
            args: The positional arguments of the call.
            kwargs: Its keyword arguments.

        Returns:
            A ``Versioned``, or ``None`` where nothing is stored that has not expired.

        Raises:
            TypeError: The function can't be called with these arguments, or one is unhashable.

        Example:
            >>> square(3)
            9
            >>> square.cache_peek(3)
            Versioned(value=9, version=0)
        """
    @overload
    def cache_invalidate(
        self: _CacheMethods[_P, Coroutine[Any, Any, _T]], *args: _P.args, **kwargs: _P.kwargs
    ) -> Delivered[bool]:
        """Forget the result for these arguments, in every session.

        If it is being computed now, that will not be stored.

        What that of a coroutine function returns can be awaited: then a store whose methods are
        awaited has been told, too.

        Args:
            args: The positional arguments of the call.
            kwargs: Its keyword arguments.

        Returns:
            Whether there was one.

        Raises:
            TypeError: The function can't be called with these arguments, or one is unhashable.

        Example:
            >>> square(3)
            9
            >>> square.cache_invalidate(number=3), square.cache_invalidate(3)
            (True, False)
        """
    @overload
    def cache_invalidate(self, *args: _P.args, **kwargs: _P.kwargs) -> bool:
        """Forget the result for these arguments, in every session.

        If it is being computed now, that will not be stored.

        What that of a coroutine function returns can be awaited: then a store whose methods are
        awaited has been told, too.

        Args:
            args: The positional arguments of the call.
            kwargs: Its keyword arguments.

        Returns:
            Whether there was one.

        Raises:
            TypeError: The function can't be called with these arguments, or one is unhashable.

        Example:
            >>> square(3)
            9
            >>> square.cache_invalidate(number=3), square.cache_invalidate(3)
            (True, False)
        """
    @overload
    def cache_put(
        self: _CacheMethods[_P, Coroutine[Any, Any, _T]],
        versioned: Versioned[_T],
        /,
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> Delivered[None]:
        """Store a result that was made elsewhere, as of now, under its version.

        What that of a coroutine function returns can be awaited: then a store whose methods are
        awaited has been told, too.

        Args:
            versioned: A ``Versioned``: the result, the version of the data that it was made from, and perhaps
                how long it lives. One that lives 0 seconds or less is not stored.
            args: The positional arguments of the call.
            kwargs: Its keyword arguments.

        Raises:
            TypeError: ``versioned`` is no ``Versioned``, its version or an argument is unhashable, or the
                function can't be called with these arguments.
            ValueError: The function's version is a constant, and another.

        Example:
            >>> from versioned_lru_cache import Versioned
            >>> square.cache_put(Versioned(9, changes()), 3)
            >>> square(3), square.cache_info().misses
            (9, 0)
        """
    @overload
    def cache_put(self, versioned: Versioned[_R_co], /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        """Store a result that was made elsewhere, as of now, under its version.

        What that of a coroutine function returns can be awaited: then a store whose methods are
        awaited has been told, too.

        Args:
            versioned: A ``Versioned``: the result, the version of the data that it was made from, and perhaps
                how long it lives. One that lives 0 seconds or less is not stored.
            args: The positional arguments of the call.
            kwargs: Its keyword arguments.

        Raises:
            TypeError: ``versioned`` is no ``Versioned``, its version or an argument is unhashable, or the
                function can't be called with these arguments.
            ValueError: The function's version is a constant, and another.

        Example:
            >>> from versioned_lru_cache import Versioned
            >>> square.cache_put(Versioned(9, changes()), 3)
            >>> square(3), square.cache_info().misses
            (9, 0)
        """

@final
class CachedFunction(_CacheMethods[_P, _R_co]):
    """A function whose results are cached. Made by the decorators.

    It is called as the function is, and has methods that look at the cache and change it.

    Example:
        >>> from versioned_lru_cache import versioned_lru_cache, versions
        >>> changes = versions.counter("changes")
        >>> @versioned_lru_cache(changes)
        ... def square(number: int) -> int:
        ...     return number * number
        >>> square(3), square(3)
        (9, 9)
        >>> square.cache_info()
        CacheInfo(hits=1, misses=1, maxsize=128, currsize=1)
    """

    __name__: str
    __qualname__: str
    def __new__(
        cls,
        wrapped: Callable[_P, _R_co],
        options: Options,
        *,
        ask: Callable[..., Hashable] | None,
        gets: Gets | Callable[..., tuple[Any, ...]],
        scope: Scope | None,
        default: Hashable,
        constant: Hashable,
        parameters: tuple[Sequence[str], Sequence[object], int, Sequence[str], dict[str, object], bool, bool] | None,
        ordered: bool,
        awaits: bool,
        awaits_version: bool,
        copies: Callable[[Any], Any] | None,
        tier: PlainTier | AwaitedTier | None = None,
        given: dict[str, Any],
        module: str,
        name: str,
    ) -> CachedFunction[_P, _R_co]: ...
    __wrapped__: Callable[_P, _R_co]
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...
    # Checkers pass over @classmethod and @staticmethod above an object that is no plain function, so the parameters
    # have to tell. A first one that takes any class is neither self nor cls: a static function.
    @overload
    def __get__(self: _TakesAnyClass, _instance: object, _owner: object = None, /) -> CachedFunction[_P, _R_co]: ...
    # One that takes the very class that is asked is a class method's.
    @overload
    def __get__(
        self: Callable[Concatenate[_C, _Rest], _R], _instance: object, _owner: _C, /
    ) -> _CachedClassMethod[_Rest, _R]: ...
    @overload
    def __get__(self, _instance: None, _owner: object, /) -> CachedFunction[_P, _R_co]: ...
    @overload
    def __get__(
        self: Callable[Concatenate[_S, _Rest], _R], _instance: _S, _owner: object = None, /
    ) -> CachedMethod[_Rest, _R]: ...
    # One that does not take the instance: a static function again.
    @overload
    def __get__(self, _instance: object, _owner: object = None, /) -> CachedFunction[_P, _R_co]: ...
    def __copy__(self) -> CachedFunction[_P, _R_co]: ...
    def __deepcopy__(self, _memo: Any, /) -> CachedFunction[_P, _R_co]: ...

@final
class CachedMethod(_CacheMethods[_P, _R_co]):
    """A cached method, bound to an instance: what ``obj.method`` is.

    Its methods of the cache take the instance along. All that it has not itself, such as ``__name__`` and
    ``__wrapped__``, is the function's.

    Args:
        function: A cached function.
        instance: What its calls get first; not ``None``.

    Example:
        >>> from versioned_lru_cache import versioned_lru_cache
        >>> class Shop:
        ...     @versioned_lru_cache(None)
        ...     def price(self, item: str) -> int:
        ...         return len(item)
        >>> shop = Shop()
        >>> shop.price("tea"), shop.price.cache_contains("tea"), Shop().price.cache_contains("tea")
        (3, True, False)
    """

    __name__: str
    __qualname__: str
    __wrapped__: Callable[..., _R_co]
    def __new__(
        cls, function: CachedFunction[Concatenate[_S, _P], _R_co], instance: _S, /
    ) -> CachedMethod[_P, _R_co]: ...
    @property
    def __self__(self) -> Any:
        """The instance."""
    @property
    def __func__(self) -> CachedFunction[..., _R_co]:
        """The cached function."""
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...
    def __get__(self, _instance: object, _owner: object = None, /) -> CachedMethod[_P, _R_co]: ...
    def __copy__(self) -> CachedMethod[_P, _R_co]: ...
    def __deepcopy__(self, _memo: Any, /) -> CachedMethod[_P, _R_co]: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

# What Python binds a class method to is a plain bound method, of which these are seen through to the function.
@final
@type_check_only
class _CachedClassMethod(_CacheMethods[Concatenate[type, _P], _R_co]):
    __name__: str
    __qualname__: str
    __self__: type
    __func__: CachedFunction[..., _R_co]
    __wrapped__: Callable[..., _R_co]
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...

@type_check_only
class _AnyClass: ...

@type_check_only
class _TakesAnyClass(Protocol):
    def __call__(self, first: type[_AnyClass], /, *args: Any, **kwargs: Any) -> object: ...

# What a call of a cached coroutine function returns; to its callers it is the coroutine of the function.
@final
class CachedCoroutine:
    """A call of a cached coroutine function. To be awaited once."""

    __name__: str
    __qualname__: str
    @property
    def cr_await(self) -> Any: ...
    @property
    def cr_running(self) -> bool: ...
    def send(self, value: Any, /) -> Any:
        """Go on with a value."""
    def throw(self, type: Any, value: Any = None, traceback: Any = None, /) -> Any:
        """Go on with an exception."""
    def close(self) -> None:
        """End it."""
    def __await__(self) -> CachedCoroutine: ...
    def __iter__(self) -> CachedCoroutine: ...
    def __next__(self) -> Any: ...

@final
class Call:
    name: Final[str]
    value: Final[Any]
    flight: Final[Any]
    def begin(self, event_loop: object) -> _Step: ...
    def resume(self, value: object, error: BaseException | None, /) -> _Step: ...
    def start(self) -> Any: ...
    def run(self) -> Any: ...
    def uncached(self, value: object) -> Any: ...
    @property
    def is_awaited(self) -> bool: ...
    def runs_in(self, task: object) -> None: ...
    def leave(self) -> None: ...
    def pause(self) -> float: ...
    def settle(self) -> _Step: ...
    def go(self) -> None: ...
    @property
    def is_left(self) -> bool: ...
    def join(self, event_loop: object) -> Wait | None: ...
    def waited(self, wait: Wait) -> None: ...

@final
class Flight:
    def join(self, event_loop: object) -> Wait | None: ...

@final
class Wait:
    @property
    def future(self) -> Any: ...
    @property
    def limit(self) -> float | None: ...
    def leave(self) -> None: ...
