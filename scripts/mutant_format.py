"""The files of tests/mutants: what a mutant is meant to break, which test must notice, and the edits that break it.

    promise: 3 never stale
    breaks: (prose for the reader)
    test: tests/promises/test_03_never_stale.py          a pytest node id, or an expression for `-k`
    cargo: store::tests::evicts_the_oldest               a filter for `cargo test`
    loom: models::three_callers_of_one_key               the same, of tests/schedules, which needs `--cfg loom`
    hang: yes                                            only where a time-out is the expected failure

    in: src/engine/store.rs
    find:
            if entry.tag == tag {
    put:
            if entry.tag != tag {

(without the indentation of this page). At least one `test:`, `cargo:` or `loom:` is needed; they may repeat. One or
more edits follow, each of an `in:`, a `find:` and a `put:`. The lines below `find:` must stand in the file exactly
once, as whole lines, and those below `put:` come in their place; an empty `put:` removes. All lines count as they
are, blank ones too. Edits are made in their order, each in what the ones before it left.

An edit that matches once is found wherever its lines move to, so a mutant lasts until the code that it breaks is
written anew. One that matches nowhere, or twice, would prove nothing: that is an error here, never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ONCE = ("promise", "breaks", "hang")
TESTS = ("test", "cargo", "loom")


class Unusable(Exception):
    """The mutant, or the tree itself, cannot be judged."""


@dataclass(frozen=True)
class Test:
    """One thing to run: a pytest selection, or a filter of `cargo test`, or one of the tests under loom."""

    kind: str
    name: str


@dataclass(frozen=True)
class Edit:
    """Lines of one file, and those that come in their place."""

    number: int
    file: str
    find: tuple[str, ...]
    put: tuple[str, ...]

    def applied(self, text: str) -> str:
        """The text with the edit made."""
        lines = text.split("\n")
        width = len(self.find)
        places = [at for at in range(len(lines) - width + 1) if tuple(lines[at : at + width]) == self.find]
        if len(places) != 1:
            where = f" (lines {', '.join(str(at + 1) for at in places)})" if places else ""
            lost = "\n".join(self.find)
            times = f"{len(places)} times{where}"
            raise Unusable(f"edit {self.number} must match once in {self.file}, and matches {times}:\n{lost}")
        lines[places[0] : places[0] + width] = self.put
        return "\n".join(lines)


@dataclass(frozen=True)
class Mutant:
    """What one file says: the promise, the tests that must notice, and the edits."""

    path: Path
    promise: str
    tests: tuple[Test, ...]
    hangs: bool
    edits: tuple[Edit, ...]

    @classmethod
    def read(cls, path: Path) -> Mutant:
        """Reads a file of tests/mutants; what does not belong there is an error."""
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        end = next((at for at, line in enumerate(lines) if line.startswith("in:")), len(lines))
        try:
            fields = _header(lines[:end])
            edits = _edits(lines[end:])
        except Unusable as error:
            raise Unusable(f"{path.name}: {error}") from None
        tests = tuple(Test(key, value) for key, value in fields if key in TESTS)
        return cls(path, dict(fields)["promise"], tests, ("hang", "yes") in fields, edits)

    def mutated(self, tree: Path) -> dict[str, str]:
        """The new text of each file that the mutant changes, by its path in the tree; nothing is written."""
        originals = {edit.file: read_text(_inside(tree, edit.file)) for edit in self.edits}
        texts = dict(originals)
        for edit in self.edits:
            texts[edit.file] = edit.applied(texts[edit.file])
        unchanged = [file for file in texts if texts[file] == originals[file]]
        if unchanged:
            raise Unusable(f"all its edits of {unchanged[0]} change nothing in the end")
        return texts


def read_text(path: Path) -> str:
    """A file's text with its line ends as they are."""
    return path.read_bytes().decode("utf-8")


def write_text(path: Path, text: str) -> None:
    """Writes a file so that `read_text` gives the same again."""
    path.write_bytes(text.encode("utf-8"))


def _header(lines: list[str]) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        key, colon, value = line.partition(":")
        value = value.strip()
        if not colon or key not in (*ONCE, *TESTS):
            raise Unusable(f"line {number} is no line of a header: {line!r}")
        if not value:
            raise Unusable(f"line {number}: `{key}:` says nothing")
        if key == "hang" and value != "yes":
            raise Unusable(f"line {number}: `hang:` is `yes` or left out, not `{value}`")
        if key in ONCE and any(key == other for other, _ in fields):
            raise Unusable(f"line {number}: a second `{key}:`")
        fields.append((key, value))
    keys = {key for key, _ in fields}
    missing = [f"`{key}:`" for key in ("promise", "breaks") if key not in keys]
    if keys.isdisjoint(TESTS):
        missing.append("`test:`, `cargo:` or `loom:`")
    if missing:
        raise Unusable(f"the header lacks {' and '.join(missing)}")
    return fields


def _edits(lines: list[str]) -> tuple[Edit, ...]:
    if not lines:
        raise Unusable("no edit: `in:`, `find:` and `put:` are missing")
    starts = [at for at, line in enumerate(lines) if line.startswith("in:")]
    return tuple(
        _edit(number, lines[start:end])
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(lines)], strict=True), 1)
    )


def _edit(number: int, lines: list[str]) -> Edit:
    file = lines[0].removeprefix("in:").strip()
    if not file:
        raise Unusable(f"edit {number}: `in:` names no file")
    for key in ("find:", "put:"):
        if lines.count(key) != 1:
            raise Unusable(f"edit {number} needs one line `{key}` and has {lines.count(key)}")
    middle = lines.index("put:")
    if lines[1] != "find:":
        raise Unusable(f"edit {number}: `find:` must stand right below `in:`")
    find, put = tuple(lines[2:middle]), tuple(lines[middle + 1 :])
    if not any(line.strip() for line in find):
        raise Unusable(f"edit {number}: nothing below `find:`")
    if find == put:
        raise Unusable(f"edit {number} changes nothing")
    return Edit(number, file, find, put)


def _inside(tree: Path, file: str) -> Path:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or not (tree / path).resolve().is_relative_to(tree.resolve()):
        raise Unusable(f"`in:` names a file outside of the tree: {file}")
    if str(path) != file or not (tree / path).is_file():
        raise Unusable(f"`in:` names no file of the tree: {file}")
    return tree / path
