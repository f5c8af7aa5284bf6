"""The import statements of a Python package, as edges between its files.

Statements inside of functions count: they are needed at run time. What stands below `if TYPE_CHECKING:` does not, and
neither do stubs (`.pyi`): types are no dependency at run time. A stub stands for the compiled module that it describes.

A name that an `__init__` hands on counts as an import of the file that the `__init__` has it from. Modules that are
imported by a name in a string are not seen.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from import_graph import Import

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Statement = ast.Import | ast.ImportFrom


def imports_of_python(root: Path, package: str) -> list[Import]:
    """All imports between the files of the package in the folder `package`, a path below `root`."""
    read = _Package(root, package)
    found = {found for file in read.trees if not file.endswith(".pyi") for found in read.imports(file)}
    return sorted(found)


class _Package:
    def __init__(self, root: Path, package: str) -> None:
        self.trees = {
            path.relative_to(root).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
            for path in sorted((root / package).rglob("*.py*"))
            if path.suffix in (".py", ".pyi")
        }
        above = package.rpartition("/")[0]
        self.modules = {_module(file.removeprefix(above).lstrip("/")): file for file in self.trees}

    def imports(self, file: str) -> Iterator[Import]:
        """What one file imports of the package, but for what is for types only."""
        for statement in _statements(self.trees[file], types_too=False):
            for module, name, text in self._parts(file, statement):
                target = self._target(module, name)
                if target not in (None, file):
                    yield Import(file, statement.lineno, target, text)

    def _parts(self, file: str, statement: Statement) -> Iterator[tuple[str, str, str]]:
        """What a statement names: the module, the name that is taken from it, and how that is written."""
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield alias.name, "", f"import {alias.name}"
            return
        module = statement.module or ""
        if statement.level:
            here = next(known for known, known_file in self.modules.items() if known_file == file).split(".")
            # The package of a file is one above it, and an `__init__` is its package itself.
            up = statement.level - file.endswith("/__init__.py")
            module = ".".join([*here[: len(here) - up], *filter(None, [module])])
        for alias in statement.names:
            yield module, alias.name, f"from {'.' * statement.level}{statement.module or ''} import {alias.name}"

    def _target(self, module: str, name: str, seen: tuple[str, ...] = ()) -> str | None:
        """The file that defines `name` of `module`; None if it is none of the package."""
        if f"{module}.{name}" in self.modules:
            return self.modules[f"{module}.{name}"]
        file = self.modules.get(module)
        if file is None or not file.endswith("/__init__.py") or file in seen:
            return file
        for statement in _statements(self.trees[file], types_too=True):
            for origin, taken, _ in self._parts(file, statement):
                if taken == name:
                    return self._target(origin, taken, (*seen, file)) or file
        return file


def _module(file: str) -> str:
    return file.rpartition(".")[0].removesuffix("/__init__").replace("/", ".")


def _statements(tree: ast.AST, *, types_too: bool) -> Iterator[Statement]:
    if isinstance(tree, (ast.Import, ast.ImportFrom)):
        yield tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(tree, ast.If) and _is_for_types(tree.test) and child in tree.body and not types_too:
            continue
        yield from _statements(child, types_too=types_too)


def _is_for_types(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )
