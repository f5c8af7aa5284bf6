"""What comes with the package, and what on use."""

from __future__ import annotations

import os
import re
import sys
from modulefinder import ModuleFinder
from pathlib import Path

import pytest

import versioned_lru_cache
from tests import ROOT
from tests.programs import importing
from tests.support.child import run, run_code


@pytest.mark.child
def test_what_not_every_program_needs_is_not_imported_with_the_package() -> None:
    run_code(
        """
        import sys
        before = set(sys.modules)
        import versioned_lru_cache
        new = set(sys.modules) - before
        unused = {"asyncio", "collections", "contextvars", "dataclasses", "datetime", "enum", "functools", "inspect"}
        unused |= {"logging", "threading", "typing"}
        unused |= {f"versioned_lru_cache.{name}" for name in ("_async", "_behind", "_refresh", "_results", "_sessions")}
        assert not new & unused, new & unused
        """
    )


@pytest.mark.child
def test_names_that_come_on_use_can_be_told_before() -> None:
    run_code(
        """
        import versioned_lru_cache
        assert "Versioned" not in vars(versioned_lru_cache)
        assert set(versioned_lru_cache.__all__) <= set(dir(versioned_lru_cache))
        assert versioned_lru_cache.Versioned is versioned_lru_cache.Versioned
        assert "Versioned" in vars(versioned_lru_cache)
        """
    )


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'versioned_lru_cache' has no attribute 'unknown'"):
        getattr(versioned_lru_cache, "unknown")  # noqa: B009 - checkers know that there is none


# --- programs in one file, whose modules are found by a look at the sources

PACKAGE = Path(versioned_lru_cache.__file__).parent
BY_USERS = {f"versioned_lru_cache.{name}" for name in ("__main__", "commands", "stores", "testing", "versions")}


def found_from(program: str, folder: Path) -> set[str]:
    """Return the modules that are found by the imports in a program's sources, as PyInstaller finds them."""
    script = folder / "program.py"
    script.write_text(program)
    places = [str(PACKAGE.parent), *(path for path in sys.path if os.path.isdir(path))]
    finder = ModuleFinder(places, excludes=["sqlalchemy"])
    finder.run_script(str(script))
    return set(finder.modules)


def all_modules() -> set[str]:
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in PACKAGE.rglob("*.py")]
    return {name.removesuffix(".__init__") for name in names}


def test_every_module_is_found_by_a_look_at_the_sources(tmp_path: Path) -> None:
    found = found_from("import versioned_lru_cache", tmp_path)
    own = {name for name in all_modules() if not any(name.startswith(each) for each in BY_USERS)}
    assert own - found == set()
    for public in sorted(BY_USERS):
        below = {name for name in all_modules() if name.startswith(public)}
        assert below - found_from(f"import {public}", tmp_path) == set()


def test_what_rust_imports_is_found_too(tmp_path: Path) -> None:
    named = re.compile(r"""(?:\.import\(named|imported)!\(\s*[\w.()]+,\s*"([\w.]+)\"""")
    imported = {name for path in (ROOT / "src").rglob("*.rs") for name in named.findall(path.read_text())}
    assert {"inspect", "copy", "versioned_lru_cache._async"} <= imported
    found = found_from("import versioned_lru_cache", tmp_path)
    assert imported - found == set()


@pytest.mark.child
def test_it_works_with_no_other_modules_than_those_found(tmp_path: Path) -> None:
    found = found_from("import versioned_lru_cache, versioned_lru_cache.versions", tmp_path)
    run(importing.it_works_with_no_other_modules_than_those_found, sorted(found))
