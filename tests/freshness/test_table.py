"""`table.txt`: what one call does for each combination of entry, version, session, source and options."""

from __future__ import annotations

import operator
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.stores.memory_store import Shared
from tests.stores.tiers import TierStore
from tests.support.sources import KINDS, Source, run
from versioned_lru_cache import (
    IMMUTABLE,
    NOT_MODIFIED,
    Explanation,
    Lag,
    NotStored,
    Refresh,
    Versioned,
    current_session,
    session,
    versioned_lru_cache,
)
from versioned_lru_cache.testing import MockClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE = Path(__file__).with_name("table.txt")
COLUMNS = ("entry", "version", "session", "source")

OPTIONS: dict[str, dict[str, Any]] = {
    "-": {},
    "versioned": {},
    "ttl": {"ttl": 10},
    "verify": {"on_expiry": "verify"},
    "revalidate": {"revalidate": True},
    "error": {"stale_if_error": 20, "retry_after": 2, "errors": OSError},
    "behind": {"stale_while_revalidate": 5},
    "retries": {"lag": Lag(retries=2, delay=0.1)},
    "order": {"lag": Lag(order=operator.ge)},
    "store": {"name": "read", "revision": "1"},
    "constant": {"constant": "v1"},
    "immutable-constant": {"constant": IMMUTABLE},
}
# When the call comes, if not at 3.
TIMES = {
    "expired": 10,
    "known-expired": 10,
    "immutable-expired": 10,
    "late": 15,
    "overdue": 30,
    "failed": 6,
    "failed-before": 7,
    "failed-expired": 13,
    "failed-over": 25,
}
FAILURES = {"failed": [5], "failed-before": [5], "failed-expired": [5, 12], "failed-over": [5, 24]}


@versioned_lru_cache("constant")
def another() -> None: ...


SESSIONS: dict[str, Callable[[Any], Any]] = {
    "none": lambda _: nullcontext(),
    "plain": lambda _: session(),
    "other": lambda _: session(refresh=Refresh.only(another)),
    "all": lambda _: session(refresh=Refresh.all()),
    "this": lambda f: session(refresh=Refresh.only(f)),
    "hard": lambda _: session(refresh=Refresh.all(hard=True)),
    "offline": lambda _: session(offline=True),
}


@dataclass
class Line:
    """A line of the file."""

    number: int
    options: str
    cells: tuple[tuple[str, ...], ...]
    expected: tuple[str, ...]
    note: str

    def __str__(self) -> str:
        return f"{self.number} {self.options}"

    def combinations(self) -> Iterator[tuple[str, ...]]:
        """All that it speaks for."""
        return product(*self.cells)


@dataclass
class Section:
    """A set of options, and the values of the columns."""

    options: str
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)


@cache
def sections() -> list[Section]:
    """What stands in the file."""
    found: list[Section] = []
    words: dict[str, tuple[str, ...]] = {}
    for number, text in enumerate(FILE.read_text(encoding="utf-8").splitlines(), start=1):
        if not text or text.startswith("#"):
            continue
        if text.startswith("["):
            found.append(Section(text.strip("[]")))
        elif "|" in text:
            cells = [cell.strip() for cell in text.split("|")]
            note = cells.pop() if cells[-1].startswith("?") else ""
            section = found[-1]
            chosen = []
            for column, cell in zip(COLUMNS, cells, strict=False):
                known = section.values[column]
                values = known if cell == "*" else tuple(v for word in cell.split() for v in words.get(word, (word,)))
                assert set(values) <= set(known), f"line {number}: {cell} is not in {known}"
                chosen.append(values)
            expected = tuple(cells[len(COLUMNS) :])
            assert expected == ("cannot",) or len(expected) == 7, f"line {number}: {expected}"
            section.lines.append(Line(number, section.options, tuple(chosen), expected, note))
        else:
            name, *values = text.split()
            if name == "let":
                words[values[0]] = tuple(values[1:])
            else:
                found[-1].values[name] = tuple(values)
    return found


LINES = [line for each in sections() for line in each.lines if line.expected != ("cannot",)]


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.options)
def test_every_combination_stands_in_one_line(section: Section) -> None:
    lines: dict[tuple[str, ...], list[int]] = {}
    for line in section.lines:
        for combination in line.combinations():
            lines.setdefault(combination, []).append(line.number)
    every = set(product(*(section.values[column] for column in COLUMNS)))
    assert every - lines.keys() == set()
    assert {where: numbers for where, numbers in lines.items() if len(numbers) > 1} == {}


def test_what_cannot_be_is_only_what_it_should() -> None:
    """A session that knows an entry where there is no session, and a previous result where none is."""
    for section in sections():
        for line in section.lines:
            if line.expected == ("cannot",):
                for entry, _, in_session, source in line.combinations():
                    assert (source == "previous" and (entry == "none" or in_session == "hard")) or in_session == "none"
                    assert source == "previous" or entry.startswith(("known", "newer"))


class Combination:
    """One combination, its entry made and its call to come."""

    def __init__(self, source: Source, options: str, combination: tuple[str, ...]) -> None:
        self.source, self.options = source, options.split()
        self.entry, self.version, self.session, self.gives = combination
        given: dict[str, Any] = {}
        for name in self.options:
            given.update(OPTIONS[name])
        # What is stored was made by another process, of which this one has nothing in memory.
        self.shared, is_shared = Shared(), "store" in self.options
        self.f = source.cached(**given, store=TierStore(self.shared) if is_shared else None)
        self.maker = source.cached(**given, store=TierStore(self.shared)) if is_shared else self.f
        self.start = source.clock.now
        self.old: Any = Versioned("old", "v1") if "order" in self.options else "old"

    async def at(self, seconds: float) -> None:
        """Lets the time come, counted from the beginning."""
        self.source.clock.advance(max(0, round(self.start + seconds - self.source.clock.now, 9)))

    async def made(self) -> None:
        """Brings about the entry, as far as this is not up to the session of the call."""
        source, f, entry = self.source, self.maker, self.entry
        source.gives = self.old
        if entry in ("none", "newer", "newer-lagging"):
            return
        if entry.startswith("immutable"):
            source.version = IMMUTABLE
        elif entry.endswith("lagging"):
            source.version, source.gives = "v2", Versioned("old", "v1")
        await source.call(f, 1)
        if not entry.startswith("known"):
            source.version, source.gives = "v1", self.old
        for failure in FAILURES.get(entry, ()):
            await self.at(failure)
            source.version = source.gives = OSError("down before")
            assert await source.call(f, 1) == "old"
            source.version, source.gives = "v1", self.old
            await source.settled()

    async def known(self) -> None:
        """What the session of the call does before, at its beginning."""
        source, f = self.source, self.f
        if self.entry.startswith("known"):
            assert await source.call(f, 1) == "old"
        elif self.entry.startswith("newer"):
            if self.session != "offline":
                await source.call(f, 2)
            source.version = "v2"
            if self.entry == "newer-lagging":
                source.version, source.gives = "v3", Versioned("old", "v2")
            with session():
                assert await source.call(f, 1) == "old"
        source.version, source.gives = "v1", self.old

    def turns(self) -> None:
        """From now on version and source are what the columns say."""
        down, bug = OSError("down"), ZeroDivisionError("bug")
        versions = {"immutable": IMMUTABLE, "down": down, "bug": bug}
        self.source.version = versions.get(self.version, self.version)
        fixed = {
            "new": "new",
            "seen": Versioned("new", "v3"),
            "forever": Versioned("new", IMMUTABLE),
            "not-modified": NOT_MODIFIED,
            "previous": lambda previous: previous,
            "never": Versioned("new", "v1"),
            "late": self.late,
            "taken-back": self.taken_back,
            "agreed": Versioned("new", "v2"),
            "above": Versioned("new", "v3"),
            "at": Versioned("new", "v1"),
            "below": Versioned("new", "v0"),
            "down": OSError("source down"),
            "bug": ZeroDivisionError("source bug"),
        }
        self.source.gives = fixed[self.gives]

    def late(self) -> Any:
        """The first run sees what was there before, the others what is announced."""
        return Versioned("new", "v1" if self.source.front["ran"] == 1 else self.source.version)

    def taken_back(self) -> Any:
        """Sees what was there before, and nothing else is announced any more."""
        self.source.version = "v1"
        return Versioned("new", "v1")

    async def answer(self) -> str:
        """Makes the call. What it returned or raised, in the words of the file."""
        source, f = self.source, self.f
        before, handle = f.cache_stats().stale, current_session()
        stale_before = handle.stale if handle is not None else 0
        try:
            value = await source.call(f, 1)
        except NotStored:
            return "NotStored"
        except Exception as error:
            return "raises" if source.raised and error is source.raised[-1] else type(error).__name__
        stale = f.cache_stats().stale - before
        if handle is not None:
            assert handle.stale - stale_before == stale
        assert stale == 0 or (stale == 1 and value == "old"), (value, stale)
        return "stale" if stale else str(value)

    async def stored(self) -> str:
        """What is stored, in the words of the file."""
        there = self.f.cache_peek(1)
        if there is not None:
            version = "immutable" if there.version is IMMUTABLE else there.version
            return f"{there.value} {version}"
        self.shared.records.clear()  # Whose records an offline session would load.
        with session(offline=True):
            try:
                return f"{await self.source.call(self.f, 1)} expired"
            except NotStored:
                return "-"

    async def happened(self, expected: tuple[str, ...]) -> tuple[str, ...]:
        """All columns of what happened, where the file says what is to be waited for."""
        source, f = self.source, self.f
        await self.made()
        if not self.entry.startswith(("known", "newer")):
            await self.at(TIMES.get(self.entry, 3))
        with SESSIONS[self.session](f):
            await self.known()
            await self.at(TIMES.get(self.entry, 3))
            self.turns()
            await source.settled() if "behind" in self.options else None
            source.front, source.behind = Counter(), Counter()
            source.raised.clear()
            before = f.cache_stats()
            told = f.cache_explain(1)
            assert (source.front, source.behind, f.cache_stats()) == (Counter(), Counter(), before)
            answer = await self.answer()
            after = f.cache_stats()
        front = dict(source.front)
        self.check_explanation(told, answer, front)
        hits, misses, revalidated = (
            getattr(after, name) - getattr(before, name) for name in ("hits", "misses", "revalidated")
        )
        behind = "-"
        if "behind" in self.options:
            behind = await self.ran_behind(expected[4], expected[5], before)
        if behind != "-":
            misses = revalidated = 0  # what runs behind may have been counted by now, or not
        counted = " and ".join(
            f"{name}" if count == 1 else f"{count} times {name}"
            for name, count in (("hit", hits), ("miss", misses), ("revalidated", revalidated))
            if count
        )
        stored = await self.stored()
        asked, ran, checked = (str(front.get(name, 0)) for name in ("asked", "ran", "revalidated"))
        return (answer, asked, ran, checked, behind, stored, counted)

    def check_explanation(self, told: Explanation, answer: str, front: dict[str, int]) -> None:
        """What was told just before is what the call did."""
        ran = front.get("ran", 0) + front.get("revalidated", 0)
        asked, stands_in = front.get("asked", 0), answer == "stale"
        assert not told.collapsed
        if told.detail == "asks":
            assert (told.hit, told.fwd) == (False, None)
            assert asked, f"{told}, but it asked nothing"
        elif told.hit:
            assert (asked, ran) == (0, 0), f"{told}, but it asked {asked} times and ran {ran} times"
            assert stands_in == (told.detail in ("stale-if-error", "stale-while-revalidate")), f"{told}: {answer}"
        elif told.detail == "offline":
            assert answer == "NotStored" or ("store" in self.options and answer == "old"), f"{told}: {answer}"
            assert (asked, ran) == (0, 0)
        else:
            assert told.fwd in ("miss", "stale", "request"), told
            loaded = "store" in self.options and answer in ("old", "stale")  # Nothing is told of a store.
            assert ran or loaded or self.version in ("down", "bug"), f"{told}, but it ran nothing"

    async def ran_behind(self, expected: str, stored: str, before: Any) -> str:
        """What ran behind. Waits for what is to come, and for nothing else."""
        source, f = self.source, self.f
        what = {"ran": "ran", "checked": "revalidated", "-": ""}[expected]
        if what:
            await source.until(lambda: source.behind[what])
            if isinstance(source.gives, Exception):
                await source.until(lambda: f.cache_stats().refresh_errors == before.refresh_errors + 1)
            else:
                shown = stored.replace("asked", self.version).replace("constant", "v1")
                await source.until(lambda: f.cache_peek(1) == tuple(shown.split()))
        await source.settled()
        if not source.behind:
            return "-"
        asks = 0 if "constant" in self.options else 1
        assert source.behind == Counter({"asked": asks, what or "ran": 1}), source.behind
        return expected if what else "ran"


def differing(expected: tuple[str, ...], happened: tuple[str, ...], version: str) -> dict[str, tuple[str, str]]:
    """The columns in which what happened is not what stands in the file."""
    names = ("answer", "asked", "ran", "checked", "behind", "stored", "counted")
    found = {}
    for name, wanted, seen in zip(names, expected, happened, strict=True):
        word = wanted.replace("asked", version)
        if word != seen and not (name == "counted" and wanted == "-"):
            found[name] = (word, seen)
    return found


@pytest.mark.thread_unsafe(reason="one clock for the whole process")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_line(line: Line, kind: str) -> None:
    wrong: list[str] = []

    async def each(clock: MockClock) -> None:
        for combination in line.combinations():
            made = Combination(Source(clock, **KINDS[kind]), line.options, combination)
            happened = await made.happened(line.expected)
            differs = differing(line.expected, happened, made.version)
            if differs:
                told = ", ".join(f"{name}: {seen}, not {wanted}" for name, (wanted, seen) in differs.items())
                wrong.append(f"{' | '.join(combination)}: {told}")

    with MockClock() as clock:
        run(Source(clock, **KINDS[kind]), lambda: each(clock))
    assert not wrong, f"[{line.options}] line {line.number} {line.note}\n" + "\n".join(wrong)
