"""What was asked of the speed and what was measured: a file beside the numbers, for those who work on the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from page_text import markdown
from table import short
from targets import (
    BY_BUILD,
    DICT_MORE,
    PLACES,
    SAME,
    Target,
    all_targets,
    hit_targets,
    other_targets,
    profile_guided,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from results import Run


def shown(number: float | None, target: Target) -> str:
    """What was measured, in bold where that is not what was asked."""
    if number is None:
        return "not measured"
    text = f"{number:,.2f}" if abs(number) < 100 else f"{number:,.0f}"
    with_unit = f"{text} {target.unit}".strip()
    return with_unit if target.is_met_by(number) else f"**{with_unit}**"


def hits_asked(run: Run) -> Iterable[str]:
    """The hits of one interpreter, asked and measured."""
    table = [["", "asked", *(f"{place}" for place in PLACES)]]
    for shape, by_place in hit_targets(run).items():
        asked = f"{by_place['ContextVar'].asked:.2f}"
        table.append([shape, asked, *(shown(target.measured(run), target) for target in by_place.values())])
    return markdown(table)


def asked(name: str, runs: Sequence[Run], targets: Sequence[dict[str, Target]]) -> str:
    """How much, in brackets of an interpreter that was built with a profile where that is another figure."""
    by_kind = {profile_guided(run): own[name] for run, own in zip(runs, targets, strict=True) if name in own}
    plain, *guided = [by_kind[kind] for kind in sorted(by_kind)]
    figures = [short(plain.asked, 2), *(f"[{short(each.asked, 2)}]" for each in guided if each.asked != plain.asked)]
    return f"{'at least ' if plain.at_least else ''}{' '.join(figures)} {plain.unit}".strip()


def others_asked(runs: Sequence[Run]) -> Iterable[str]:
    """Everything else that was asked, by interpreter."""
    table = [["", "asked", *(run.name for run in runs)]]
    targets = [{target.name: target for target in other_targets(run)} for run in runs]
    for name in dict.fromkeys(name for own in targets for name in own):
        cells = (
            shown(own[name].measured(run), own[name]) if name in own else ""
            for run, own in zip(runs, targets, strict=True)
        )
        table.append([name, asked(name, runs, targets), *cells])
    return markdown(table)


def tally(run: Run) -> str:
    """How many targets an interpreter meets."""
    answers = [target.met(run) for target in all_targets(run)]
    missing = answers.count(None)
    measured = f", {missing} not measured" if missing else ""
    return f"{run.name}: {answers.count(True)} of {len(answers)} met{measured}"


def targets_page(runs: Sequence[Run]) -> Iterable[str]:
    """All of it."""
    yield "# Asked and measured"
    yield ""
    yield (
        "`make bench` makes this file from the numbers beside it and from `benches/targets.py`. Asked is at most what "
        "the tables say, unless they say otherwise, in square brackets of an interpreter that was built with a "
        "profile; what is in bold is not met. Ratios are to `functools.lru_cache` unless a line says otherwise."
    )
    yield ""
    yield from (f"- {tally(run)}" for run in runs)
    for run in (run for run in runs if hit_targets(run)):
        yield ""
        yield f"## Hits on {run.name}"
        yield ""
        yield f"Ratios, by where the session is. In a dict the first {len(BY_BUILD)} may be {DICT_MORE:.2f} more."
        yield ""
        yield from hits_asked(run)
    yield ""
    yield "## Everything else"
    yield ""
    yield f"What may not grow at all is asked to be at most {SAME} times as much with many as with few, for noise."
    yield ""
    yield from others_asked(runs)
