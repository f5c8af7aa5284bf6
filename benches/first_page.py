"""The page of performance that is read first: two pictures, five sentences and one table, on one screen.

It has nothing but what a user chooses by. All numbers, and how they were measured, are on the page of numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from no_session import SHAPES
from page_text import markdown, picture
from picture_of_hits import SHAPES as PICTURED
from picture_of_hits import VARIANTS
from table import short
from working_requests import OURS, REQUESTS, WORK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drawing import Drawing
    from results import Numbers, Run

PAGE, HITS_PICTURE, REQUESTS_PICTURE = "performance.md", "performance-hits.svg", "performance-requests.svg"
NUMBERS_PAGE = "performance-numbers.md"
NOTHING = "-"
ONE_CALL = "cached calls: 1"
# Section and row of each line, and what ours is called there. The others know no sessions.
LINES = {
    "hit, f(int)": ("hit", "f(int)", OURS),
    "hit, f(a, k=v)": ("hit", "f(a, k=v)", OURS),
    "hit, no session, constant": ("constant version, no session", "f(int)", "ours"),
    "hit, no session, asked": ("asked version, no session", "version function", "ours"),
    "miss that evicts": ("miss", "maxsize 1,000", OURS),
    "bytes of an entry": ("memory", "an entry", "ours, version in a session"),
}


def times(numbers: Numbers | None) -> str:
    """A ratio as text."""
    return short(numbers.ratio.median, 2) if numbers and numbers.ratio else NOTHING


def ratios(run: Run) -> Iterable[str]:
    """The table: ours and the other libraries, line by line."""
    table = [["ratio to functools", "ours", *list(VARIANTS)[1:]]]
    for name, (section, row, ours) in LINES.items():
        variants = [ours, *list(VARIANTS.values())[1:]]
        table.append([name, *(times(run.find(section, row, variant)) for variant in variants)])
    return markdown(table)


def span(found: Iterable[Numbers | None]) -> str:
    """The least and the largest of some ratios."""
    measured = sorted(each.ratio.median for each in found if each and each.ratio)
    return f"{short(measured[0], 2)} to {short(measured[-1], 2)}" if measured else NOTHING


def dearer(what: str, found: dict[str, Numbers | None]) -> str:
    """What takes longer than with functools, with the figures of each way; nothing where none does."""
    known = {way: each.ratio.median for way, each in found.items() if each and each.ratio}
    figures = [f"{short(ratio, 2)} times {way}" for way, ratio in known.items() if ratio > 1]
    return f"{what} ({', '.join(figures)})" if figures else ""


def slower(run: Run) -> str:
    """The sentence about what takes longer than with functools."""
    asked, miss = "asked version, no session", "maxsize 1,000"
    misses = {
        "as long": run.find("miss", miss, OURS),
        "with a constant version": run.find("miss", miss, "ours, constant version"),
    }
    outside = {
        "beyond the version function": run.find(asked, "version function", "ours"),
        "with a `counter`": run.find(asked, "counter", "ours"),
        "with `file` beyond an `os.stat`": run.find(asked, "file", "ours"),
    }
    parts = [dearer("a miss", misses), dearer("a call in no session that has to ask for the version", outside)]
    named = [part for part in parts if part]
    return f"Slower than with functools: {' and '.join(named)}." if named else "Nothing here is slower."


def milliseconds(run: Run, variant: str) -> str:
    """The time of a request whose page makes one call."""
    numbers = run.find("request with work", ONE_CALL, variant)
    return f"{short(numbers.own.median, 2)} ms" if numbers else NOTHING


def sentences(run: Run) -> Iterable[str]:
    """Five, each with its figures."""
    hits = span(run.find("hit", shape, OURS) for shape in PICTURED)
    constant = span(run.find("constant version, no session", shape, "ours") for shape in SHAPES)
    yield f"In a session, a Flask request here, a hit takes {hits} times as long as one of `functools.lru_cache`."
    yield (
        f"A page that calls a function of {WORK // 1_000_000} ms takes {milliseconds(run, OURS)} in place of "
        f"{milliseconds(run, 'no cache')} where the data changes before one request in {REQUESTS}, and never shows old "
        "data, as functools does until somebody clears it."
    )
    yield f"In no session a hit takes {constant} times as long as with functools if the version is constant."
    yield slower(run)
    yield f"These are figures of {run.name}; [all numbers, and how they were measured]({NUMBERS_PAGE})."


def first_page(run: Run, hits: Drawing, requests: Drawing) -> Iterable[str]:
    """All of it."""
    yield "# Performance"
    yield ""
    yield " ".join(sentences(run))
    yield ""
    yield from picture(HITS_PICTURE, hits.title)
    yield from picture(REQUESTS_PICTURE, requests.title)
    yield from ratios(run)
