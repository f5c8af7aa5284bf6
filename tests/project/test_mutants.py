"""Each mutant matches the tree as it is and names tests that exist; what is no mutant is refused with the reason."""

from __future__ import annotations

import argparse
import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

import mutants
from mutant_format import Mutant, Unusable
from tests import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PATHS = sorted((ROOT / "tests" / "mutants").iterdir())

HEADER = "promise: 3 never stale\nbreaks: a bound\ntest: tests/test_a.py::test_b\n"
EDIT = "in: a.py\nfind:\none\nput:\n1\n"


@cache
def functions(file: str) -> frozenset[str]:
    """The functions of a test file as its node ids name them, `Class::function` if they are in a class."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    return frozenset(
        [node.name for node in body if isinstance(node, kinds)]
        + [f"{outer.name}::{node.name}" for outer in classes for node in outer.body if isinstance(node, kinds)]
    )


@cache
def rust() -> str:
    """All of what `cargo test` compiles."""
    files = [*(ROOT / "src").rglob("*.rs"), *(ROOT / "tests").rglob("*.rs")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def made(folder: Path, text: str) -> Mutant:
    """A mutant of a tree in `folder` that has one file, `a.py`."""
    (folder / "a.py").write_text("one\ntwo\n\ntwo\n    one more\n", encoding="utf-8")
    path = folder / "m.mutant"
    path.write_text(text, encoding="utf-8")
    return Mutant.read(path)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_it_matches_the_tree_once_and_changes_it(path: Path) -> None:
    assert path.suffix == ".mutant"
    assert Mutant.read(path).mutated(ROOT)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_what_must_notice_exists(path: Path) -> None:
    for test in Mutant.read(path).tests:
        if test.kind != "test":
            assert re.search(rf"\bfn {test.name.split('::')[-1]}\b", rust()), test.name
        elif test.name.startswith("tests/"):
            file, _, name = test.name.partition("::")
            assert (ROOT / file).is_file(), test.name
            assert not name or name.partition("[")[0] in functions(file), test.name


def test_edits_are_made_in_their_order(tmp_path: Path) -> None:
    mutant = made(tmp_path, f"{HEADER}\n{EDIT}in: a.py\nfind:\n1\ntwo\nput:\n1\n2\n3\n")
    assert mutant.mutated(tmp_path) == {"a.py": "1\n2\n3\n\ntwo\n    one more\n"}
    assert (tmp_path / "a.py").read_text(encoding="utf-8").startswith("one\n"), "nothing is written"


def test_an_empty_put_removes(tmp_path: Path) -> None:
    mutant = made(tmp_path, f"{HEADER}in: a.py\nfind:\ntwo\n\nput:\n")
    assert mutant.mutated(tmp_path) == {"a.py": "one\ntwo\n    one more\n"}


def test_line_ends_stay_as_they_are(tmp_path: Path) -> None:
    mutant = made(tmp_path, f"{HEADER}{EDIT}")
    (tmp_path / "a.py").write_bytes(b"one\nother\r\nno end")
    assert mutant.mutated(tmp_path) == {"a.py": "1\nother\r\nno end"}


def test_the_header_is_read(tmp_path: Path) -> None:
    mutant = made(tmp_path, f"{HEADER}loom: a::b\nhang: yes\n\n{EDIT}")
    assert (mutant.promise, mutant.hangs) == ("3 never stale", True)
    assert [(test.kind, test.name) for test in mutant.tests] == [("test", "tests/test_a.py::test_b"), ("loom", "a::b")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"{HEADER}tests: a\n{EDIT}", "line 4 is no line of a header: 'tests: a'"),
        (f"{HEADER}and more prose\n{EDIT}", "line 4 is no line of a header: 'and more prose'"),
        (f"{HEADER}cargo:\n{EDIT}", "line 4: `cargo:` says nothing"),
        (f"{HEADER}hang: no\n{EDIT}", "line 4: `hang:` is `yes` or left out, not `no`"),
        (f"{HEADER}breaks: another\n{EDIT}", "line 4: a second `breaks:`"),
        (f"breaks: a bound\n{EDIT}", "the header lacks `promise:` and `test:`, `cargo:` or `loom:`"),
        (f"promise: 3\nloom: a\n{EDIT}", "the header lacks `breaks:`"),
        (HEADER, "no edit: `in:`, `find:` and `put:` are missing"),
        (f"{HEADER}find:\none\nput:\n1\n", "line 4 is no line of a header: 'find:'"),
        (f"{HEADER}in:\nfind:\none\nput:\n1\n", "edit 1: `in:` names no file"),
        (f"{HEADER}{EDIT}in: a.py\nfind:\none\n", "edit 2 needs one line `put:` and has 0"),
        (f"{HEADER}{EDIT}find:\ntwo\nput:\n2\n", "edit 1 needs one line `find:` and has 2"),
        (f"{HEADER}in: a.py\nput:\n1\nfind:\none\n", "edit 1: `find:` must stand right below `in:`"),
        (f"{HEADER}in: a.py\n\nfind:\none\nput:\n", "edit 1: `find:` must stand right below `in:`"),
        (f"{HEADER}in: a.py\nfind:\n\nput:\n1\n", "edit 1: nothing below `find:`"),
        (f"{HEADER}in: a.py\nfind:\none\nput:\none\n", "edit 1 changes nothing"),
    ],
)
def test_what_is_no_mutant_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(Unusable) as refused:
        made(tmp_path, text)
    assert str(refused.value) == f"m.mutant: {complaint}"


@pytest.mark.parametrize(
    ("edits", "complaint"),
    [
        (f"{EDIT}in: a.py\nfind:\none\nput:\n", "edit 2 must match once in a.py, and matches 0 times:\none"),
        ("in: a.py\nfind:\none m\nput:\n", "edit 1 must match once in a.py, and matches 0 times:\none m"),
        ("in: a.py\nfind:\ntwo\nput:\n", "edit 1 must match once in a.py, and matches 2 times (lines 2, 4):\ntwo"),
        (f"{EDIT}in: a.py\nfind:\n1\nput:\none\n", "all its edits of a.py change nothing in the end"),
        ("in: ../a.py\nfind:\none\nput:\n", "`in:` names a file outside of the tree: ../a.py"),
        ("in: /a.py\nfind:\none\nput:\n", "`in:` names a file outside of the tree: /a.py"),
        ("in: out/a.py\nfind:\none\nput:\n", "`in:` names a file outside of the tree: out/a.py"),
        ("in: ./a.py\nfind:\none\nput:\n", "`in:` names no file of the tree: ./a.py"),
        ("in: b.py\nfind:\none\nput:\n", "`in:` names no file of the tree: b.py"),
    ],
)
def test_what_does_not_fit_the_tree_is_refused(tmp_path: Path, edits: str, complaint: str) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    outside.mkdir()
    (outside / "a.py").write_text("one\n", encoding="utf-8")
    (tree / "out").symlink_to(outside, target_is_directory=True)
    mutant = made(tree, f"{HEADER}{edits}")
    with pytest.raises(Unusable) as refused:
        mutant.mutated(tree)
    assert str(refused.value) == complaint


def test_the_shares_are_all_of_them_and_none_twice() -> None:
    shares = [mutants.chosen([], (number, 3)) for number in range(3)]
    assert sorted(path for share in shares for path in share) == PATHS
    assert mutants.chosen(["promise_02"], (0, 1)) == [path for path in PATHS if "promise_02" in path.name]


@pytest.mark.parametrize("text", ["3/3", "1", "-1/3", "a/b", "/"])
def test_what_is_no_share_is_told(text: str) -> None:
    assert mutants.share("2/3") == (2, 3)
    with pytest.raises(argparse.ArgumentTypeError, match="no share; write K/N"):
        mutants.share(text)
