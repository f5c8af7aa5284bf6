"""The pages of performance, their pictures and the list of targets are made from the numbers, and agree with them."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT

sys.path.append(str(ROOT / "benches"))

import report
from drawing import apart, width_of
from results import Numbers, Run, pooled
from table import short
from targets import all_targets, hit_targets, other_targets

if TYPE_CHECKING:
    from pathlib import Path

DOCS = ROOT / "docs"
COMMITTED = report.read(DOCS / "benchmarks")
FIRST, NUMBERS, TARGETS = "performance.md", "performance-numbers.md", "benchmarks/targets.md"
PICTURES = ("performance-hits.svg", "performance-requests.svg")
SVG = "{http://www.w3.org/2000/svg}"


def scaled(data: dict[str, Any], factor: float, variant: str) -> dict[str, Any]:
    """The numbers of a run with those of one variant multiplied."""
    changed: dict[str, Any] = json.loads(json.dumps(data))
    for row in changed["rows"]:
        for name, sample in row["samples"].items():
            if name.startswith(variant):
                for quartiles in (sample, sample["ratio"] or {}):
                    quartiles.update({key: quartiles[key] * factor for key in ("low", "median", "high") if quartiles})
    return changed


def made(folder: Path, *runs: dict[str, Any], by_hand: str = "", name: str = TARGETS) -> str:
    """A page that is made from some runs, below `folder`."""
    (folder / "benchmarks").mkdir(exist_ok=True)
    for number, run in enumerate(runs):
        (folder / "benchmarks" / f"{number}.json").write_text(json.dumps(run), encoding="utf-8")
    if by_hand:
        (folder / NUMBERS).write_text(by_hand, encoding="utf-8")
    assert report.main(["--docs", str(folder)]) == 0
    return (folder / name).read_text(encoding="utf-8")


def test_the_committed_pages_are_made_from_the_committed_numbers(tmp_path: Path) -> None:
    by_hand = (DOCS / NUMBERS).read_text(encoding="utf-8")
    made(tmp_path, *(json.loads(run.as_json()) for run in COMMITTED), by_hand=by_hand)
    for name in (FIRST, NUMBERS, TARGETS, *PICTURES):
        assert (tmp_path / name).read_text(encoding="utf-8") == (DOCS / name).read_text(encoding="utf-8"), name


def test_what_is_written_by_hand_is_kept(tmp_path: Path) -> None:
    data = json.loads(COMMITTED[0].as_json())
    page = made(tmp_path, data, name=NUMBERS)
    own = page.replace("## Where the time goes", "## Where the time goes\n\nMostly in the loop.")
    assert made(tmp_path, data, by_hand=own, name=NUMBERS) == own != page


def test_a_page_without_the_line_above_what_is_written_by_hand_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="has no line that says where"):
        made(tmp_path, json.loads(COMMITTED[0].as_json()), by_hand="# Mine\n")
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == [NUMBERS]
    assert (tmp_path / NUMBERS).read_text(encoding="utf-8") == "# Mine\n"


# --- the first page


def sentences(page: str) -> list[str]:
    """Those of the first paragraph."""
    paragraph = page.split("\n\n")[1].replace("\n", " ")
    return re.split(r"(?<=\.) (?=[A-Z])", paragraph)


def test_the_first_page_is_two_pictures_five_sentences_and_a_table() -> None:
    page = (DOCS / FIRST).read_text(encoding="utf-8")
    assert len(sentences(page)) == 5
    assert re.findall(r"\]\(([\w-]+\.\w+)\)", page) == [NUMBERS, *PICTURES]
    assert len(re.findall(r"^\|---", page, re.MULTILINE)) == 1
    assert re.findall(r"^#.*", page, re.MULTILINE) == ["# Performance"]
    assert "**" not in page  # what is not as asked is in the list of targets
    assert len(page.splitlines()) < 40


@pytest.mark.parametrize("name", PICTURES)
def test_the_words_for_a_picture_are_its_title_and_have_its_numbers(name: str) -> None:
    title = ElementTree.parse(DOCS / name).getroot().findtext(f"{SVG}title")
    page = " ".join((DOCS / FIRST).read_text(encoding="utf-8").split())
    assert f"![{title}]({name})" in page
    section, row, variant, decimals = {
        "performance-hits.svg": ("hit", "f()", "ours, Flask g", 0),
        "performance-requests.svg": ("request with work", "cached calls: 10", "ours, Flask g", 2),
    }[name]
    numbers = COMMITTED[0].find(section, row, variant)
    assert numbers
    assert title
    assert f"versioned_lru_cache {numbers.own.median:,.{decimals}f} " in title
    shown = [text.text or "" for text in ElementTree.parse(DOCS / name).iter(f"{SVG}text")]
    assert f"{numbers.own.median:,.{decimals}f}" in shown


def test_the_table_has_the_ratios_of_the_newest_interpreter() -> None:
    page = (DOCS / FIRST).read_text(encoding="utf-8")
    (line,) = (line for line in page.splitlines() if line.startswith("| hit, f(int) |"))
    variants = ("ours, Flask g", "functools", "cachebox", "cachetools", "moka-py")
    found = [COMMITTED[0].find("hit", "f(int)", variant) for variant in variants]
    assert line.split(" | ")[1:] == [
        *(short(each.ratio.median, 2) for each in found[:-1] if each and each.ratio),
        f"{short(found[-1].ratio.median, 2)} |" if found[-1] and found[-1].ratio else "",
    ]


def test_what_is_slower_is_said_with_its_figure_and_nothing_else_is(tmp_path: Path) -> None:
    data = json.loads(COMMITTED[0].as_json())
    slow = scaled(data, 0.001, "ours")
    for row in slow["rows"]:
        if row["section"] == "miss":
            row["samples"]["ours, Flask g"]["ratio"]["median"] = 8.5
    told = sentences(made(tmp_path, slow, name=FIRST))[3]
    assert told == "Slower than with functools: a miss (8.50 times as long)."
    for row in slow["rows"]:
        if row["section"] == "asked version, no session" and row["row"] == "counter":
            row["samples"]["ours"]["ratio"]["median"] = 2.25
    assert sentences(made(tmp_path, slow, name=FIRST))[3].endswith(
        "a miss (8.50 times as long) and a call in no session that has to ask for the version "
        "(2.25 times with a `counter`)."
    )


# --- the targets


def test_without_numbers_that_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main(["--docs", str(tmp_path)]) == 2
    assert "There are no numbers" in capsys.readouterr().err


@pytest.mark.parametrize(("factor", "bold"), [(0.01, False), (100, True)])
def test_more_than_asked_is_bold_and_counted(tmp_path: Path, factor: float, bold: bool) -> None:
    data = scaled(json.loads(COMMITTED[0].as_json()), factor, "ours, Flask g")
    page = made(tmp_path, data)
    (line,) = (
        line for line in page.splitlines() if line.startswith("| f(int) | 0") or line.startswith("| f(int) | 1.")
    )
    in_flask = line.split(" | ")[3]
    assert in_flask.startswith("**") == bold
    run = Run.from_data(data)
    answers = [target.met(run) for target in all_targets(run)]
    assert f"{answers.count(True)} of {len(answers)} met" in page
    assert hit_targets(run)["f(int)"]["Flask g"].met(run) is not bold


def test_every_target_of_a_full_run_is_measured() -> None:
    for run in COMMITTED:
        assert [target.name for target in all_targets(run) if target.met(run) is None] == []


def test_a_dict_is_allowed_a_little_more_where_the_interpreter_counts() -> None:
    asked = hit_targets(COMMITTED[0])
    assert asked["f(int)"]["dict"].asked == round(asked["f(int)"]["Flask g"].asked + 0.1, 2)
    assert asked["f(None)"]["dict"].asked == asked["f(None)"]["Flask g"].asked == 0.75


def test_an_interpreter_with_a_profile_has_targets_of_its_own() -> None:
    data = json.loads(COMMITTED[0].as_json())
    asked = [
        hit_targets(Run({**data["about"], "interpreter": name}, []))["f(int)"]["Flask g"].asked
        for name in ("CPython 3.11.7 (no PGO), GCC 12.2.0", "CPython 3.11.2 (PGO), GCC 12.2.0")
    ]
    assert asked == [0.70, 1.0]


def test_where_a_profile_allows_for_more_both_figures_are_shown(tmp_path: Path) -> None:
    data = json.loads(COMMITTED[0].as_json())
    guided = {**data, "about": {**data["about"], "interpreter": "CPython 3.11.2 (PGO), GCC 12.2.0"}}
    lines = made(tmp_path, data, guided).splitlines()
    assert any(line.startswith("| counter, no session | 1.50 [2.00] |") for line in lines)
    assert any(line.startswith("| decorating | 20.0 µs |") for line in lines)


def test_what_takes_too_long_on_the_thread_that_ends_a_session_is_told_in_ms(tmp_path: Path) -> None:
    data = json.loads(COMMITTED[0].as_json())
    for row in data["rows"]:
        if (row["section"], row["row"]) == ("ending a session", "100,000 entries"):
            row["samples"]["a version each"]["median"] = 25e6
    name = "ending a session of 100,000 entries, a version each, on its thread"
    (target,) = (target for target in other_targets(Run.from_data(data)) if target.name == name)
    assert target.met(Run.from_data(data)) is False
    assert f"| {name} | 1.00 ms | **25.00 ms** |" in made(tmp_path, data).splitlines()


def test_without_a_gil_threads_are_asked_to_scale_at_least_as_functools(tmp_path: Path) -> None:
    data = json.loads(COMMITTED[0].as_json())
    alone = made(tmp_path, data)
    assert "two threads to one" not in alone
    quartiles = {"low": 0.9, "median": 0.9, "high": 0.9}
    numbers = {"rounds": 1, **quartiles, "ratio": {**quartiles, "median": 1.2}}
    slower = {**numbers, "ratio": quartiles}
    told = {"section": "scaling", "unit": "times", "method": "", "base": "functools"}
    free = {
        "about": {**data["about"], "interpreter": "CPython 3.14.5 (no PGO, free-threaded), Clang 21"},
        "rows": [
            {**told, "row": "disjoint keys", "samples": {"ours, ContextVar": numbers}},
            {**told, "row": "one hot key", "samples": {"ours, ContextVar": slower}},
            {**told, "row": "disjoint keys, a session each", "samples": {"ours, ContextVar": numbers}},
            {**told, "row": "one hot key, a session each", "samples": {"ours, ContextVar": slower}},
        ],
    }
    lines = made(tmp_path, data, free).splitlines()
    assert "- CPython 3.14.5 (no PGO, free-threaded): 2 of 4 met" in lines
    assert "| disjoint keys, two threads to one, to functools' | at least 1.00 |  | 1.20 |" in lines
    assert "| one hot key, two threads to one, to functools' | at least 1.00 |  | **0.90** |" in lines


# --- the pictures


@pytest.mark.parametrize(("library", "pictures"), [("cachebox", PICTURES), ("moka-py", PICTURES[:1])])
def test_a_library_that_was_not_installed_is_in_no_picture(
    tmp_path: Path, library: str, pictures: tuple[str, ...]
) -> None:
    data = json.loads(COMMITTED[0].as_json())
    for row in data["rows"]:
        row["samples"] = {name: sample for name, sample in row["samples"].items() if not name.startswith(library)}
    made(tmp_path, data)
    for picture in pictures:
        text = (tmp_path / picture).read_text(encoding="utf-8")
        assert "functools" in text
        assert library not in text
        assert library in (DOCS / picture).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_told_in_words_and_stays_within_its_frame(name: str) -> None:
    picture = ElementTree.parse(DOCS / name).getroot()
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    assert picture.attrib["role"] == "img"
    assert {picture.find(f"{SVG}{part}").text is not None for part in ("title", "desc")} == {True}  # type: ignore[union-attr]
    for text in picture.iter(f"{SVG}text"):
        long = width_of(text.text or "", int(text.attrib["font-size"]))
        left = float(text.attrib["x"]) - {"start": 0, "middle": long / 2, "end": long}[text.attrib["text-anchor"]]
        assert left >= 0
        assert left + long <= width + 12  # `width_of` is a little too much
        assert 0 < float(text.attrib["y"]) < height


def test_labels_that_would_touch_are_moved_apart() -> None:
    places = apart([100, 101, 102, 300], [20, 20, 20, 20], 0, 400)
    assert all(second - first >= 19.9 for first, second in pairwise(places))
    assert places[3] == 300
    assert sum(places[:3]) / 3 == pytest.approx(101, abs=0.1)
    assert apart([2, 3], [20, 20], 0, 400)[0] >= 10


def test_processes_are_pooled_round_by_round() -> None:
    told = {"section": "hit", "row": "f()", "unit": "ns", "method": "", "base": "functools"}
    parts = [
        [{**told, "values": {"functools": [10.0, 20.0], "ours": [5.0, 20.0]}}],
        [{**told, "values": {"functools": [40.0], "ours": [80.0]}}],
    ]
    (result,) = pooled(parts)
    assert result.samples["ours"] == Numbers.of([5.0, 20.0, 80.0], [10.0, 20.0, 40.0])
    ours = result.samples["ours"]
    assert (ours.rounds, ours.own.median) == (3, 20.0)
    assert ours.ratio
    assert (ours.ratio.low, ours.ratio.median, ours.ratio.high) == (0.75, 1.0, 1.5)
