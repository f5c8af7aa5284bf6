"""The check of widths finds lines that are too long, in code, comments and documents; the tree has none."""

from __future__ import annotations

import pytest

import check_widths

LIMITS = {"*.rs": 30, "docs/*": 40, "*.md": 20}
LINE = "// four words of a comment, é"  # 29 columns


def found(path: str, text: str, limit: int | None = None) -> list[str]:
    """What is said of one file, where those of src/ have a limit of their own or not."""
    return check_widths.check({path: text}, LIMITS, {"src/*": limit} if limit else {})


def test_this_tree_has_no_line_that_is_too_long(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_widths.main() == 0, capsys.readouterr().err


def test_one_column_more_is_too_much() -> None:
    assert found("src/a.rs", f"x\n{LINE}x\n") == []
    assert found("src/a.rs", f"x\n{LINE}xx\n") == ["src/a.rs:2 has 31 columns; 30 is the limit"]


def test_the_first_pattern_that_fits_counts() -> None:
    assert found("docs/a.md", "some words " * 3) == []
    assert found("a.md", "some words " * 3) == ["a.md:1 has 33 columns; 20 is the limit"]
    assert found("a.txt", "some words " * 9) == []


@pytest.mark.parametrize(
    "line", ["| a row | of a table | as it is |", "[link]: https://example.org/x", "- `word_of_a_name.rs`"]
)
def test_what_can_not_be_broken_passes(line: str) -> None:
    assert len(line) > LIMITS["*.md"]
    assert found("a.md", line) == []


@pytest.mark.parametrize(
    "line", ["a | b | c | d | e | f | g", "see https://example.org/xyz there", "abcdefghij klmnopqrstu"]
)
def test_what_can_be_broken_does_not(line: str) -> None:
    assert len(found("a.md", line)) == 1


def test_what_was_written_before_the_rule_has_its_own_limit() -> None:
    assert found("src/a.rs", f"{LINE}xxx", limit=32) == []
    assert found("src/a.rs", f"{LINE}xxxx", limit=32) == ["src/a.rs:1 has 33 columns; 30 is the limit"]
    assert found("src/a.rs", LINE, limit=32) == ["no line needs the 32 columns of `src/*` any more: take it out"]
    assert found("other/a.rs", f"{LINE}xxx", limit=32)[0] == "other/a.rs:1 has 32 columns; 30 is the limit"
