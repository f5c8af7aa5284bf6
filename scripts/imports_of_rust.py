"""The paths of a Rust crate, as edges between its files.

Read are `use` items and the paths in expressions, types and macros that begin with `crate`, `super`, `self` or the name
of a module that is declared in the same file. Methods are not seen: an `impl` block in another file is found by the
type, not by a path.

A path leads to the file that defines what it names: a `use` in the module on the way is followed. So `mod.rs` and
`lib.rs` do not import what they only re-export, but what they use of it in their own code. What is `#[cfg(test)]` is
left out, with the files that are declared so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from import_graph import Import

if TYPE_CHECKING:
    from pathlib import Path

Segments = tuple[str, ...]  # of a path

_TOKEN = re.compile(
    r"""
      (?P<skip>\s+ | //[^\n]* | /\*)
    | (?P<raw>b?c?r(?P<hashes>\#*)")
    | (?P<string>[bc]?"(?:\\.|[^"\\])*")
    | (?P<char>b?'(?:\\.[^']*|[^\\'])')
    | (?P<lifetime>'\w+)
    | (?P<word>(?:r\#)?\w+)
    | (?P<mark>::|\.\.=?|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ITEMS = {"pub", "fn", "mod", "use", "struct", "impl", "const", "static", "unsafe", "type", "trait", "enum", "let"}
_ITEMS |= {"extern", "async", "macro_rules", "union"}
_OPEN, _CLOSE = {"(": ")", "[": "]", "{": "}"}, {")", "]", "}"}


class Unread(Exception):
    """Something in the sources that this reader does not understand."""


class Token(NamedTuple):
    """A word or a mark, and its line. A string or a character is an empty word: no path leads through it."""

    text: str
    line: int


@dataclass
class Module:
    """A module: the file it stands in, what `use` binds in it, and the paths that it names."""

    path: Segments
    file: str
    folder: str  # where the files of its children lie
    children: dict[str, Segments] = field(default_factory=dict)
    uses: dict[str, Segments] = field(default_factory=dict)
    named: list[tuple[Segments, int]] = field(default_factory=list)
    words: dict[str, int] = field(default_factory=dict)  # with the line where each stands first
    handed_on: set[str] = field(default_factory=set)  # bound by a `pub use`


def imports_of_rust(root: Path, crate: str) -> list[Import]:
    """All imports between the files of the crate whose `lib.rs` is in the folder `crate`, a path below `root`."""
    read = _Crate(root, crate)
    return sorted({found for module in read.modules.values() for found in read.imports(module)})


def tokens(text: str) -> list[Token]:
    """The words and marks of a source text, without comments."""
    found: list[Token] = []
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None, "some mark always matches"
        end = match.end()
        if match["raw"] is not None:
            end = text.index(f'"{match["hashes"]}', end) + 1 + len(match["hashes"])
        elif match["skip"] == "/*":
            end = _end_of_comment(text, at)
        if match["word"] or match["mark"]:
            found.append(Token(match[0].removeprefix("r#"), line))
        elif match["raw"] is not None or match["string"] or match["char"]:
            found.append(Token("", line))
        line += text.count("\n", at, end)
        at = end
    return found


def _end_of_comment(text: str, at: int) -> int:
    depth = 0
    for mark in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return at + mark.end()
    raise Unread("a comment has no end")


class _Crate:
    def __init__(self, root: Path, crate: str) -> None:
        self.root = root
        self.modules: dict[Segments, Module] = {}
        self.test_files: set[str] = set()
        self._read(Module((), f"{crate}/lib.rs", crate))
        known = {module.file for module in self.modules.values()} | self.test_files
        of_tests = tuple(f"{file.removesuffix('/mod.rs').removesuffix('.rs')}/" for file in self.test_files)
        for path in sorted((root / crate).rglob("*.rs")):
            file = path.relative_to(root).as_posix()
            if file not in known and not file.startswith(of_tests):
                raise Unread(f"{file} is declared by no `mod`")

    def _read(self, module: Module) -> None:
        text = (self.root / module.file).read_text(encoding="utf-8")
        self.modules[module.path] = module
        try:
            reader = _Reader(self.modules, module, tokens(text))
            reader.read()
        except Unread as error:
            raise Unread(f"{module.file}: {error}") from None
        for parent, name, is_test in reader.declared:
            self._declare(parent, name, is_test=is_test)

    def _declare(self, parent: Module, name: str, *, is_test: bool) -> None:
        """Reads the file of a `mod name;`."""
        places = [f"{parent.folder}/{name}.rs", f"{parent.folder}/{name}/mod.rs"]
        file = next((place for place in places if (self.root / place).is_file()), None)
        if file is None:
            raise Unread(f"{parent.file}: `mod {name};` has no file {' or '.join(places)}")
        if is_test:
            self.test_files.add(file)
            return
        path = (*parent.path, name)
        parent.children[name] = path
        self._read(Module(path, file, f"{parent.folder}/{name}"))

    def imports(self, module: Module) -> list[Import]:
        """What one module imports."""
        used = [(module.uses[name], module.words[name], name) for name in module.handed_on & module.words.keys()]
        named = [(path, line, "::".join(path)) for path, line in module.named]
        found = [(self._target(module, path), line, text) for path, line, text in (*named, *used)]
        return [
            Import(module.file, line, target, text) for target, line, text in found if target not in (None, module.file)
        ]

    def _target(self, module: Module, path: Segments) -> str | None:
        is_glob = path[-1] == "*"
        found = self._resolved(module, path[:-1] if is_glob else path)
        if not isinstance(found, Module):
            return found
        if is_glob:
            raise Unread(f"{module.file}: `{'::'.join(path)}` does not say what it imports")
        return found.file

    def _resolved(
        self, module: Module, path: Segments, seen: frozenset[tuple[Segments, str]] = frozenset()
    ) -> Module | str | None:
        """The module that a path names, or the file that defines what it names; None if that is not of the crate."""
        here = module
        for at, segment in enumerate(path):
            if segment == "crate":
                here = self.modules[()]
            elif segment == "super":
                here = self.modules[here.path[:-1]]
            elif segment in here.children:
                here = self.modules[here.children[segment]]
            elif segment != "self":
                step = (here.path, segment)
                found = None
                if segment in here.uses and step not in seen:
                    found = self._resolved(here, (*here.uses[segment], *path[at + 1 :]), seen | {step})
                # What is bound to nothing of the crate is an item of this module; a first word may be anything.
                return found if found is not None or at == 0 else here.file
        return here


class _Reader:
    """Walks through the tokens of one file and fills its module, and those that stand in it inline."""

    def __init__(self, modules: dict[Segments, Module], module: Module, found: list[Token]) -> None:
        self.modules = modules
        self.declared: list[tuple[Module, str, bool]] = []  # by `mod name;`, and whether for tests only
        self.inner: list[Module | None] = []  # for each open brace the module that it opened, if it did
        self.outermost = module
        self.found = found
        self.at = 0

    @property
    def module(self) -> Module:
        """The innermost module around."""
        return next((module for module in reversed(self.inner) if module), self.outermost)

    def peek(self, ahead: int = 0) -> str:
        """The text of a token further on, "" behind the end."""
        place = self.at + ahead
        return self.found[place].text if 0 <= place < len(self.found) else ""

    def read(self) -> None:
        """Reads all of the file."""
        is_test = False
        is_public = False
        while self.at < len(self.found):
            word = self.peek()
            if word == "#" and self.peek(1 + (self.peek(1) == "!")) == "[":
                is_test |= self._attribute()
                continue
            if is_test and not self._is_declaration():
                self._skip_item()
                is_test = is_public = False
                continue
            if word == "pub":
                is_public = True
                self.at += 1
                if self.peek() == "(" and self.peek(1) in ("crate", "super", "self", "in"):
                    self._skip_group()
                continue
            if word == "mod" and self.peek(2) in (";", "{"):
                self._mod(is_test=is_test)
            elif word == "use" and self.peek(-1) in ("", ";", "}", "{", "]", ")", "pub"):
                self._use(is_public=is_public)
            else:
                self._other()
            is_test = is_public = False

    def _is_declaration(self) -> bool:
        return self.peek() == "mod" and self.peek(2) == ";"

    def _attribute(self) -> bool:
        """Passes over an attribute; tells whether it is `cfg(test)`, or `cfg(all(test, ..))`."""
        start = self.at
        while self.peek() != "[":
            self.at += 1
        self._skip_group()
        text = "".join(token.text for token in self.found[start : self.at])
        if text.startswith("#[path="):
            raise Unread(f"line {self.found[start].line}: an attribute `path`, which is not followed")
        return text.startswith(("#[cfg(test)", "#[cfg(all(test,"))

    def _skip_group(self) -> None:
        """From an opening bracket to behind the closing one."""
        depth = 0
        while self.at < len(self.found):
            depth += (self.peek() in _OPEN) - (self.peek() in _CLOSE)
            self.at += 1
            if depth == 0:
                return
        raise Unread("a bracket is not closed")

    def _skip_item(self) -> None:
        """An item up to its `;` or its block; anything else, as a field or an arm, up to its comma."""
        is_item = self.peek() in _ITEMS
        while self.at < len(self.found) and self.peek() not in _CLOSE:
            word = self.peek()
            if word in _OPEN:
                self._skip_group()
                if word == "{" and is_item:
                    return
                continue
            self.at += 1
            if word == ";" or (word == "," and not is_item):
                return

    def _mod(self, *, is_test: bool) -> None:
        name, opens = self.peek(1), self.peek(2) == "{"
        self.at += 3
        if not opens:
            self.declared.append((self.module, name, is_test))
            return
        outer = self.module
        # Two modules of one name stand under different conditions: what both name counts.
        path = outer.children.setdefault(name, (*outer.path, name))
        inline = Module(path, outer.file, f"{outer.folder}/{name}")
        self.inner.append(self.modules.setdefault(path, inline))

    def _use(self, *, is_public: bool) -> None:
        self.at += 1
        module = self.module
        # Only what stands at the top of a folder is there to hand on.
        hands_on = is_public and module.file.endswith(("/mod.rs", "/lib.rs"))
        for path, name, line in self._tree(()):
            if path[0] == "":
                continue  # `::other_crate`
            module.uses[name] = path
            if hands_on and name != "*":
                module.handed_on.add(name)
            else:
                module.named.append((path, line))
        self.at += 1  # the `;`

    def _tree(self, before: Segments) -> list[tuple[Segments, str, int]]:
        """The paths of a `use` from here on, each with the name it binds and its line."""
        path, line = list(before), self.found[self.at].line
        if self.peek() == "::" and not before:
            path.append("")
            self.at += 1
        while True:
            if self.peek() == "{":
                found: list[tuple[Segments, str, int]] = []
                self.at += 1
                while self.peek() != "}":
                    found += self._tree(tuple(path))
                    self.at += self.peek() == ","
                self.at += 1
                return found
            path.append(self.peek())
            self.at += 1
            if self.peek() != "::":
                break
            self.at += 1
        if path[-1] == "self" and len(path) > 1:
            path.pop()
        name = path[-1]
        if self.peek() == "as":
            name = self.peek(1)
            self.at += 2
        return [(tuple(path), name, line)]

    def _other(self) -> None:
        """A brace, a path, or a word."""
        word, line = self.peek(), self.found[self.at].line
        if word == "{":
            self.inner.append(None)
        elif word == "}" and self.inner:
            self.inner.pop()
        elif word and (word[0].isalpha() or word[0] == "_") and self.peek(-1) not in (".", "::"):
            module = self.module
            path = [word]
            while self.peek(1) == "::" and self.peek(2).isidentifier():
                path.append(self.peek(2))
                self.at += 2
            module.words.setdefault(word, line)
            if len(path) > 1:
                module.named.append((tuple(path), line))
        self.at += 1
