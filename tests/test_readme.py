"""The README is right: its Python blocks run, and the commands it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# A block stands for itself unless this comment, on the line above it, says that it goes on with the one before.
CONTINUES = "<!-- continues the block above -->\n"
BLOCK = re.compile(rf"^({re.escape(CONTINUES)})?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def chains() -> list[tuple[int, str]]:
    """Return the source of each block, with those that continue it, at the line numbers it has in the README."""
    found: list[tuple[int, str]] = []
    for block in BLOCK.finditer(README):
        lines_before = README.count("\n", 0, block.start(2))
        if block[1]:
            first_line, source = found.pop()
            source += "\n" * (lines_before - source.count("\n")) + block[2]
        else:
            first_line, source = lines_before + 1, "\n" * lines_before + block[2]
        found.append((first_line, source))
    return found


@pytest.mark.parametrize("source", [pytest.param(source, id=f"line {line}") for line, source in chains()])
def test_a_block_of_the_readme_runs(source: str) -> None:
    exec(compile(source, ROOT / "README.md", "exec"), {"__name__": "readme"})


def test_no_python_block_of_the_readme_is_left_out() -> None:
    blocks = len(BLOCK.findall(README))
    assert blocks == README.count("```python")
    assert blocks == len(chains()) + README.count(CONTINUES)
    assert chains()


def test_the_commands_of_the_readme_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", README.replace("\n", " ")))
    assert {"demo", "test"} <= named <= targets
