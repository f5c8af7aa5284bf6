"""The documents are right: their Python blocks run, their links lead somewhere, and the site has what they promise."""

from __future__ import annotations

import html
import inspect
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import versioned_lru_cache
from tests import ROOT
from versioned_lru_cache import CachedFunction, CachedMethod

if TYPE_CHECKING:
    from pathlib import Path

README = ROOT / "README.md"
# What stands beside the measured numbers is for those who work on the package, and no page of the site.
TARGETS = ROOT / "docs" / "benchmarks" / "targets.md"
PAGES = [page for page in sorted((ROOT / "docs").glob("**/*.md")) if page != TARGETS]
DOCUMENTS = [README, *PAGES, TARGETS]

# A block stands for itself unless this comment, on the line above it, says that it goes on with the one before.
CONTINUES = "<!-- continues the block above -->\n"
BLOCK = re.compile(rf"^({re.escape(CONTINUES)})?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^ *(?:```+|~~~+)(.*)\n(?:.*\n)*?^ *(?:```+|~~~+)$", re.MULTILINE)
WIDTH = 88  # what Furo shows of a line of code without scrolling
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")

every_document = pytest.mark.parametrize("document", [pytest.param(each, id=each.name) for each in DOCUMENTS])


def alone(source: str) -> Any:
    """Return the mark of what sets something for the whole process."""
    sets = [name for name in ("MockClock", "set_refresh_context", "bump") if name in source]
    return pytest.mark.thread_unsafe(reason=f"one {sets[0]} for the whole process") if sets else ()


def chains(document: Path) -> list[tuple[int, str]]:
    """Return the source of each block, with those that continue it, at the line numbers it has in the document."""
    text = document.read_text(encoding="utf-8")
    found: list[tuple[int, str]] = []
    for block in BLOCK.finditer(text):
        lines_before = text.count("\n", 0, block.start(2))
        if block[1]:
            first_line, source = found.pop()
            source += "\n" * (lines_before - source.count("\n")) + block[2]
        else:
            first_line, source = lines_before + 1, "\n" * lines_before + block[2]
        found.append((first_line, source))
    return found


@pytest.mark.parametrize(
    ("document", "source"),
    [
        pytest.param(each, source, id=f"{each.name} line {line}", marks=alone(source))
        for each in DOCUMENTS
        for line, source in chains(each)
    ],
)
def test_a_block_runs(document: Path, source: str) -> None:
    exec(compile(source, document, "exec", dont_inherit=True), {"__name__": document.stem})


@every_document
def test_no_python_block_is_left_out(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    blocks = len(BLOCK.findall(text))
    assert blocks == text.count("```python")
    assert blocks == len(chains(document)) + text.count(CONTINUES)
    # Nor does one hide under another name. `text` is for the code of other libraries, which can't run here.
    assert {fence.strip() for fence in FENCE.findall(text)} <= {
        "",
        "console",
        "python",
        "text",
        "{eval-rst}",
        "{toctree}",
    }


def test_the_documents_have_blocks() -> None:
    assert [each.name for each in DOCUMENTS if not chains(each)] == [
        "design.md",
        "performance-numbers.md",
        "performance.md",
        "reference.md",
        "stability.md",
        "testing.md",
        "targets.md",
    ]


@pytest.mark.parametrize("page", [pytest.param(each, id=each.name) for each in PAGES])
def test_code_fits_the_column_of_the_site(page: Path) -> None:
    assert [line for _, source in chains(page) for line in source.splitlines() if len(line) > WIDTH] == []


@every_document
def test_the_commands_named_are_in_the_makefile(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    text = document.read_text(encoding="utf-8").replace("\n", " ")
    if document != README:  # There `make` is always the command; on the pages it is a word of English as well.
        text = " ".join(re.findall(r"`[^`]*`", text))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", text))
    assert named <= targets
    if document == README:
        assert {"demo", "docs", "test", "wheel"} <= named


def anchors(document: Path) -> set[str]:
    """Return the names that headings have as the target of a link, in a repository's web view and in the site."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_document
def test_links_lead_to_what_is_there(document: Path) -> None:
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            target = document.parent / name if name else document
            assert target.is_file(), link
            assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_table_and_the_tree_of_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    others = {page.name for page in PAGES} - {"index.md"}
    tree = re.findall(r"^```\{toctree\}\n:hidden:\n\n(.*?)^```$", index, re.MULTILINE | re.DOTALL)
    assert LINK.findall(index) == [f"{name}.md" for name in tree[0].split()]
    assert set(LINK.findall(index)) == others


# --- the site

SAMPLE = '''
"""A module of a user."""

from versioned_lru_cache import versioned_lru_cache


@versioned_lru_cache(None)
def sample_function(region: str, *, day: int = 1) -> str:
    """What the sample function does."""


class Sample:
    """A class of a user."""

    @versioned_lru_cache(None)
    def sample_method(self, item: str) -> str:
        """What the sample method does."""

    @classmethod
    @versioned_lru_cache(None)
    def sample_class_method(cls, item: str) -> str:
        """What the sample class method does."""

    @staticmethod
    @versioned_lru_cache(None)
    def sample_static_method(item: str) -> str:
        """What the sample static method does."""
'''


def build(source: Path, folder: Path) -> dict[str, str]:
    """Build a site in a child process, warnings being errors, and return each page's HTML by its name."""
    pytest.importorskip("sphinx")
    site = folder / "site"
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", folder / "doctrees", source, site],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(source), *filter(None, [os.getenv("PYTHONPATH")])])},
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return {page.stem: page.read_text(encoding="utf-8") for page in site.glob("*.html")}


DESCRIPTION = re.compile(
    r'<dt class="sig sig-object py" id="([\w.]+)">(.*?)</dt>\s*<dd>(.*?)(?=<dt class="sig|</section>)', re.DOTALL
)


def described(page: str) -> dict[str, tuple[str, str]]:
    """Return the parameters and the text that a page has for each Python name, without the type that is returned."""
    found = {}
    for name, signature, text in DESCRIPTION.findall(page):
        _, bracket, parameters = plain(signature).partition("→")[0].rstrip("¶").partition("(")
        found[name] = re.sub(r"\s", "", bracket + parameters).replace(",)", ")"), plain(text)
    return found


def plain(markup: str) -> str:
    """Return the words that a piece of HTML shows, with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", markup)).split())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return build(ROOT / "docs", tmp_path_factory.mktemp("docs"))


@pytest.mark.child
def test_the_site_has_every_page(site: dict[str, str]) -> None:
    assert {page.stem for page in PAGES} <= set(site)
    assert TARGETS.stem not in site


METHODS = [
    pytest.param(owner, name, id=f"{owner.__name__}.{name}")
    for owner in (CachedFunction, CachedMethod)
    for name in dir(owner)
    if name.startswith("cache_")
]
# They are made by the library only, so how they are constructed is nobody's business.
NOT_CONSTRUCTED = {
    "CachedFunction",
    "CacheKey",
    "Explanation",
    "Refresh",
    "Session",
    "IMMUTABLE",
    "NOT_MODIFIED",
    "NotStored",
    "VersionUnknown",
}


def signature(function: Any, *, bound: bool = False) -> str:
    """Return the parameters of a callable as the site writes them: without types, and without self."""
    found = inspect.signature(function)
    parameters = [each.replace(annotation=inspect.Parameter.empty) for each in found.parameters.values()]
    return re.sub(r"\s", "", str(inspect.Signature(parameters[bound:])))


def sentences(docstring: str | None) -> list[str]:
    """Return the paragraphs of a docstring up to its first section, without markup."""
    text = inspect.cleandoc(docstring or "").partition("\nArgs:")[0]
    text = re.sub(r":\w+:`(\w+)`", r"\1", text).replace("`", "")
    return [" ".join(each.split()) for each in re.split(r"\n\n", re.split(r"\n\w+:\n", text)[0]) if "::" not in each]


@pytest.mark.child
def test_reference_has_every_public_name(site: dict[str, str]) -> None:
    found = described(site["reference"])
    for name in versioned_lru_cache.__all__:
        own = getattr(versioned_lru_cache, name)
        shown, text = found[f"versioned_lru_cache.{name}"]
        takes = "" if name in NOT_CONSTRUCTED else signature(own)
        # Sphinx shows no parentheses where a class takes nothing.
        assert shown == ("" if inspect.isclass(own) and takes == "()" else takes), name
        assert sentences(own.__doc__)
        for each in sentences(own.__doc__):
            assert each in text, name
        if inspect.isfunction(own):
            for parameter in inspect.signature(own).parameters:
                assert f"{parameter} \N{EN DASH} " in text, f"{name} does not say what {parameter} is"


@pytest.mark.child
@pytest.mark.parametrize(("owner", "name"), METHODS)
def test_reference_has_every_method_of_the_cache(site: dict[str, str], owner: Any, name: str) -> None:
    shown, text = described(site["reference"])[f"versioned_lru_cache.{owner.__name__}.{name}"]
    assert shown == signature(getattr(owner, name), bound=True)
    assert sentences(getattr(owner, name).__doc__)
    for each in sentences(getattr(owner, name).__doc__):
        assert each in text


@pytest.mark.child
def test_automodule_documents_cached_functions_and_methods(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "sample.py").write_text(SAMPLE, encoding="utf-8")
    (source / "conf.py").write_text('extensions = ["sphinx.ext.autodoc"]\n', encoding="utf-8")
    (source / "index.rst").write_text("Sample\n======\n\n.. automodule:: sample\n   :members:\n", encoding="utf-8")
    found = described(build(source, tmp_path)["index"])
    assert found == {
        "sample.sample_function": ("(region:str,*,day:int=1)", "What the sample function does."),
        "sample.Sample": ("", "A class of a user."),
        "sample.Sample.sample_method": ("(item:str)", "What the sample method does."),
        "sample.Sample.sample_class_method": ("(item:str)", "What the sample class method does."),
        "sample.Sample.sample_static_method": ("(item:str)", "What the sample static method does."),
    }
