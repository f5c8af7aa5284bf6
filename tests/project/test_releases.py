"""The version number stands once, in Cargo.toml, and the changelog has the shape that CONTRIBUTING.md asks for."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from tests import ROOT

CARGO = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]

FOLDERS = ["benches", "docs", "examples", "python", "scripts", "src", "tests"]
# What was released or measured under a number keeps it; other packages, and the examples here, may have the same.
RECORDS = [
    Path(__file__).relative_to(ROOT).as_posix(),
    "CHANGELOG.md",
    "Cargo.lock",
    "constraints.txt",
    "docs/benchmarks",
    "docs/performance-numbers.md",
]


def number() -> str:
    """What Cargo.toml says of this package."""
    found = re.search(r'^\[package\]\n(?:[^\[].*\n)*?version = "([^"]+)"$', CARGO, re.MULTILINE)
    assert found is not None
    return found[1]


def places(text: str, wanted: str) -> list[int]:
    """The lines of a text in which a version number stands by itself."""
    alone = re.compile(rf"(?<![\w.]){re.escape(wanted)}(?!\.?\w)")
    return [line for line, content in enumerate(text.splitlines(), 1) if alone.search(content)]


def complaints(changelog: str, current: str) -> list[str]:
    """What is wrong with the headings of a changelog, newest first."""
    found: list[str] = []
    sections = re.split(r"^## (.*)\n", changelog, flags=re.MULTILINE)[1:]
    names, bodies = sections[::2], sections[1::2]
    if names[:1] != ["Unreleased"]:
        found.append("the first section must be `## Unreleased`")
    releases = [name for name in names if name != "Unreleased"]
    found += [f"`## {name}` must be a number and a day" for name in releases if not re.fullmatch(RELEASE, name)]
    if releases and releases[0].partition(" ")[0] != current:
        found.append(f"the last release is {releases[0]}, and Cargo.toml says {current}")
    for name, body in zip(names, bodies, strict=True):
        kinds = re.findall(r"^### (.*)$", body, re.MULTILINE)
        if kinds != [kind for kind in KINDS if kind in kinds]:
            found.append(f"below `## {name}` stands {kinds}; it must be some of {KINDS}, each once, in this order")
    return found


RELEASE = r"\d+\.\d+\.\d+(?:[-+.]\w+)* - \d{4}-\d\d-\d\d"


def test_the_number_stands_in_one_file() -> None:
    paths = [path for path in ROOT.iterdir() if path.is_file()]
    paths += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    found: dict[str, list[int]] = {}
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in (".pyc", ".so", ".pyd") or any(f"{name}/".startswith(f"{record}/") for record in RECORDS):
            continue
        lines = places(path.read_text(encoding="utf-8", errors="replace"), number())
        if lines:
            found[name] = lines
    assert list(found) == ["Cargo.toml"], found
    assert len(found["Cargo.toml"]) == 1


def test_the_installed_package_has_it_from_there() -> None:
    assert version("versioned-lru-cache") == number()


def test_the_changelog_has_its_shape() -> None:
    assert complaints(CHANGELOG, number()) == []


def test_a_number_is_found_by_itself() -> None:
    assert places('version = "1.2.3"\n11.2.3 1.2.30 1.2.3.4 v1.2.3\n1.2.3, (1.2.3).\n', "1.2.3") == [1, 3]


@pytest.mark.parametrize(
    ("changelog", "complaint"),
    [
        ("# Changelog\n\n## 1.2.3 - 2027-01-31\n", "the first section must be `## Unreleased`"),
        ("## Unreleased\n## 1.2.3\n", "`## 1.2.3` must be a number and a day"),
        ("## Unreleased\n## 1.2.2 - 2027-01-31\n", "the last release is 1.2.2 - 2027-01-31, and Cargo.toml says 1.2.3"),
        ("## Unreleased\n### Fixed\n### Added\n", "below `## Unreleased` stands ['Fixed', 'Added']; it must be"),
        ("## Unreleased\n### New\n", "below `## Unreleased` stands ['New']; it must be"),
        ("## Unreleased\n### Fixed\n- x\n### Fixed\n", "below `## Unreleased` stands ['Fixed', 'Fixed']; it must be"),
    ],
)
def test_a_changelog_out_of_shape_is_noticed(changelog: str, complaint: str) -> None:
    assert [found[: len(complaint)] for found in complaints(changelog, "1.2.3")] == [complaint]


def test_a_changelog_of_several_releases_passes() -> None:
    releases = "## Unreleased\n## 1.2.3 - 2027-01-31\n### Added\n### Security\n## 1.2.2 - 2027-01-01\n### Removed\n"
    assert complaints(releases, "1.2.3") == []
