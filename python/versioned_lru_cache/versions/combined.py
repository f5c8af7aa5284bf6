"""Several version functions as one."""

from __future__ import annotations

from .._callables import CONSTANT_INSTEAD, check_answers, is_of_process
from .._core import VersionFunction
from .._options import check_constant
from .._signatures import COROUTINE, identity, is_awaitable, kind, shape
from .._words import with_article
from ._version_function import PLAIN, known_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

    from .._signatures import Shape


def all_of(*versions: Callable[..., Any] | Hashable) -> Callable[..., Any]:
    """Return a version function whose version is the tuple of the versions of several.

    They are asked one after another, in the order given. A version seen again means the same data, but for what one
    of them can miss.

    Args:
        versions: Version functions, and constants such as the revision of a program. Those that take anything get
            what the combination gets: the arguments of the call.

    Returns:
        A version function. It takes nothing if none of them does, and is a coroutine function if one of them is.

    Raises:
        TypeError: There is no version function, one is a generator function, or a constant is unhashable.

    Example:
        >>> from versioned_lru_cache.versions import all_of, counter
        >>> all_of(counter("prices of the example"), "revision 2")()
        (0, 'revision 2')
    """
    parts: list[_Part] = []
    configuration: list[object] = ["all_of"]
    for position, version in enumerate(versions):
        label = f"versions[{position}]"
        if callable(version):
            parts.append(_Asked(version, label))
            configuration.append(identity(version)[0])
        else:
            check_constant(version, label)
            parts.append(_Part(version))
            configuration.append((type(version), version) if type(version) in PLAIN else id(version))
    if not any(isinstance(part, _Asked) for part in parts):
        raise TypeError(f"versions={versions!r} has no version function; all_of needs at least one")
    _check_defaults([part for part in parts if part.takes])
    return known_by(tuple(configuration), lambda: _combined(parts))


class _Part:
    """A constant."""

    names = takes = awaits = False
    needed = 0
    parameters: Shape | None = None

    def __init__(self, version: Any) -> None:
        self.version = version

    def answer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the version, or what is to be awaited for it."""
        return self.version


class _Asked(_Part):
    """A version function."""

    def __init__(self, version: Callable[..., Any], label: str) -> None:
        super().__init__(version)
        unfit = kind(version)
        if unfit is not None and unfit != COROUTINE:
            raise TypeError(
                f"{label}={version!r} is {with_article(unfit)}; it must be a function that returns its answer"
            )
        check_answers(version, label, CONSTANT_INSTEAD)
        parameters = shape(version)
        self.parameters = parameters
        self.needed = 0 if parameters is None else parameters.needed + len(parameters.required)
        self.takes = parameters is None or not parameters.takes_nothing
        self.names = parameters is not None and parameters.takes_names
        self.awaits = unfit == COROUTINE

    def answer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the version, or what is to be awaited for it."""
        answer = self.version(*args, **kwargs) if self.takes else self.version()
        if not self.awaits and is_awaitable(answer):  # It would be hashable, and new each time.
            raise TypeError(
                f"all_of: {self.version!r} answered with a coroutine that nobody awaits; let it be a coroutine "
                "function, or return a version"
            )
        return answer


class _AwaitedVersionFunction(VersionFunction):
    """One that is a coroutine function."""

    __slots__ = ()

    async def __call__(self, *args: Any, **kwargs: Any) -> Hashable:
        """Return the version."""
        answer: Any = super().__call__(*args, **kwargs)
        version: Hashable = await answer
        return version


def _check_defaults(parts: list[_Part]) -> None:
    """Refuse version functions that would answer for different things where a call leaves an argument out."""
    for one in parts:
        for other in parts:
            reason = one.parameters.differs(other.parameters) if one.parameters and other.parameters else None
            if reason:
                raise TypeError(
                    f"all_of: {one.version!r} has other defaults than {other.version!r}: {reason}; let all have the "
                    "same defaults"
                )


def _combined(parts: list[_Part]) -> VersionFunction:
    def ask(*args: Any, **kwargs: Any) -> Hashable:
        return tuple([part.answer(args, kwargs) for part in parts])

    async def ask_and_await(*args: Any, **kwargs: Any) -> Hashable:
        answers: list[Hashable] = []
        for part in parts:
            answer = part.answer(args, kwargs)
            answers.append(await answer if part.awaits else answer)
        return tuple(answers)

    # One with names of its own says more of what all get than one that takes anything; one that needs more, too.
    telling = sorted(parts, key=lambda part: (not part.names, -part.needed))
    like = next((part.version for part in telling if part.takes), None)
    shown = f"all_of({', '.join(repr(part.version) for part in parts)})"
    local = any(isinstance(part, _Asked) and is_of_process(part.version) for part in parts)
    if any(part.awaits for part in parts):
        return _AwaitedVersionFunction(shown, ask_and_await, like=like, local=local)
    return VersionFunction(shown, ask, like=like, local=local)
