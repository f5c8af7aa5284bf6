"""The check of layers reads Rust and Python as the compiler does, and says what breaks the rule; the tree keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from check_layers import HOUSE, Circle, House, Upward, check
from import_graph import circles, shortest_circle
from imports_of_python import imports_of_python
from imports_of_rust import Unread, imports_of_rust, tokens
from tests import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FLOORS = [["src/ground"], ["src/left", "src/right.rs"], ["src/top", "src/lib.rs"], ["py/pack"], ["py/pack/upper"]]
LIB = "mod ground;\nmod left;\nmod right;\nmod top;\n"
FLAT = {
    "src/lib.rs": LIB,
    "src/ground/mod.rs": "mod a;\nmod b;\npub use a::{A, Other as Named};\n",
    "src/ground/a.rs": "pub struct A;\npub struct Other;\n",
    "src/ground/b.rs": "use super::A;\n",
    "src/left/mod.rs": "use crate::ground::Named;\n",
    "src/right.rs": "",
    "src/top/mod.rs": "",
    "py/pack/__init__.py": "",
    "py/pack/upper/__init__.py": "",
}


def tree(folder: Path, **changed: str) -> Path:
    """A small crate and package that keep the rule, with some files changed or added: `src__lib` is src/lib.rs."""
    files = dict(FLAT)
    for name, text in changed.items():
        path = name.replace("__", "/").replace("/init", "/__init__")
        files[path + (".rs" if path.startswith("src/") else ".py")] = text
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def complaints(root: Path, circles: tuple[Circle, ...] = (), upward: tuple[Upward, ...] = ()) -> list[str]:
    return check(root, House("src", "py/pack", FLOORS, circles, upward))


def rust(root: Path, file: str) -> set[tuple[int, str]]:
    """The lines of a file that import something, and what."""
    return {(one.line, one.target) for one in imports_of_rust(root, "src") if one.file == file}


def python(root: Path, file: str) -> set[tuple[int, str]]:
    return {(one.line, one.target) for one in imports_of_python(root, "py/pack") if one.file == file}


# the rule


def test_this_tree_keeps_it() -> None:
    assert check(ROOT, HOUSE) == []


def test_a_tree_that_keeps_it(tmp_path: Path) -> None:
    assert complaints(tree(tmp_path)) == []


def test_an_import_from_above(tmp_path: Path) -> None:
    root = tree(tmp_path, src__ground__b="\nuse crate::left::{self};\n")
    assert complaints(root) == [
        "src/ground/b.rs:2 imports src/left/mod.rs (as `crate::left`): src/left is above src/ground. "
        "src/ground may import from itself only"
    ]


def test_an_import_from_above_in_python(tmp_path: Path) -> None:
    root = tree(tmp_path, py__pack___a="def f():\n    from .upper import b\n", py__pack__upper__b="")
    assert complaints(root) == [
        "py/pack/_a.py:2 imports py/pack/upper/b.py (as `from .upper import b`): py/pack/upper is above py/pack. "
        "py/pack may import from itself and from src/ground, src/left, src/right.rs, src/top, src/lib.rs"
    ]


def test_an_import_from_beside(tmp_path: Path) -> None:
    root = tree(tmp_path, src__right="fn f() {\n    crate::left::g();\n    crate::left::h() }\n")
    assert complaints(root) == [
        "src/right.rs:2 imports src/left/mod.rs (as `crate::left::g`): src/left is beside src/right.rs. "
        "src/right.rs may import from itself and from src/ground"
    ]


def test_a_floor_inside_of_a_floor(tmp_path: Path) -> None:
    root = tree(tmp_path, src__ground__mod="mod a;\nmod b;\npub mod low;\n", src__ground__b="use super::low::L;\n")
    low = {"src/ground/low/mod.rs": "mod l;\npub use l::L;\n", "src/ground/low/l.rs": "use crate::ground::a::A;\n"}
    for path, text in low.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    (root / "src/left/mod.rs").write_text("", encoding="utf-8")
    found = check(root, House("src", "py/pack", [["src/ground/low"], *FLOORS]))
    assert found == [
        "src/ground/low/l.rs:1 imports src/ground/a.rs (as `crate::ground::a::A`): src/ground is above "
        "src/ground/low. src/ground/low may import from itself only"
    ]


def test_what_is_let_go_upward(tmp_path: Path) -> None:
    root = tree(tmp_path, src__ground__b="use crate::left::L;\n")
    let = Upward("why", "src/ground/b.rs", "src/left/mod.rs")
    assert complaints(root, upward=(let,)) == []
    assert complaints(tree(tmp_path), upward=(let,)) == [
        "src/ground/b.rs no longer imports src/left/mod.rs from above or beside: take it out of what HOUSE lets pass"
    ]


def test_a_file_on_no_floor(tmp_path: Path) -> None:
    root = tree(tmp_path, src__lib=f"{LIB}mod new;\n", src__new="")
    assert complaints(root) == ["src/new.rs stands on no floor: name its folder in HOUSE"]


def test_a_floor_without_a_file(tmp_path: Path) -> None:
    root = tree(tmp_path, src__lib="mod ground;\nmod left;\nmod top;\n")
    (root / "src/right.rs").unlink()
    assert complaints(root) == ["src/right.rs is a floor of HOUSE, and no file stands there: take it out"]


CIRCLE = Circle("why", "src/ground", "a.rs b.rs")


def test_a_circle(tmp_path: Path) -> None:
    root = tree(tmp_path, src__ground__a="pub struct A;\nfn f() -> super::b::B {}\n")
    assert complaints(root) == [
        "src/ground/a.rs is in a circle of 2 files that HOUSE does not list so:\n"
        "    src/ground/a.rs:2 imports src/ground/b.rs (as `super::b::B`)\n"
        "    src/ground/b.rs:1 imports src/ground/a.rs (as `super::A`)"
    ]
    assert complaints(root, (CIRCLE,)) == []


def test_a_circle_in_python(tmp_path: Path) -> None:
    root = tree(tmp_path, py__pack___a="from . import _b", py__pack___b="def f():\n    import pack._a\n")
    assert complaints(root) == [
        "py/pack/_a.py is in a circle of 2 files that HOUSE does not list so:\n"
        "    py/pack/_a.py:1 imports py/pack/_b.py (as `from . import _b`)\n"
        "    py/pack/_b.py:2 imports py/pack/_a.py (as `import pack._a`)"
    ]


def test_a_circle_that_grows(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        src__ground__mod="mod a;\nmod b;\nmod c;\npub use a::A;\n",
        src__ground__a="pub struct A(super::b::B);\nuse super::c;\n",
        src__ground__c="use super::b;\n",
        src__left__mod="",
    )
    assert complaints(root, (CIRCLE,)) == [
        "src/ground/c.rs is in a circle of 3 files that HOUSE does not list so:\n"
        "    src/ground/c.rs:1 imports src/ground/b.rs (as `super::b`)\n"
        "    src/ground/b.rs:1 imports src/ground/a.rs (as `super::A`)\n"
        "    src/ground/a.rs:2 imports src/ground/c.rs (as `super::c`)"
    ]


def test_a_listed_circle_that_is_no_more_or_smaller(tmp_path: Path) -> None:
    assert complaints(tree(tmp_path), (CIRCLE,)) == [
        "the circle of src/ground/a.rs, src/ground/b.rs is no more: take it out of HOUSE"
    ]
    root = tree(tmp_path, src__ground__a="pub struct A(super::b::B);\n", src__left__mod="")
    assert complaints(root, (Circle("why", "src", "ground/a.rs ground/b.rs top/mod.rs right.rs"),)) == [
        "src/right.rs, src/top/mod.rs: in no circle any more. Shorten the list in HOUSE"
    ]


def test_a_listed_circle_that_comes_apart(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        src__ground__a="pub struct A(super::b::B);\n",
        src__left__mod="mod l;\nfn f() { l::g() }\n",
        src__left__l="use super::f;\n",
    )
    assert complaints(root, (Circle("why", "src", "ground/a.rs ground/b.rs left/mod.rs left/l.rs"),)) == [
        "what HOUSE lists as one circle has come apart: src/ground/a.rs, src/ground/b.rs | "
        "src/left/l.rs, src/left/mod.rs. List each by itself"
    ]


def test_circles_are_strongly_connected_components() -> None:
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": {"d"}, "f": {"a", "f"}}
    assert circles(graph) == [frozenset("abc"), frozenset("de")]
    assert shortest_circle({"a": {"b", "c"}, "b": {"c"}, "c": {"a"}}, "a", frozenset("abc")) == ["a", "c", "a"]


# what is read of Rust


@pytest.mark.parametrize(
    "text",
    [
        "use super::a::A;",
        "pub(crate) use super::a::A as B;",
        "use std::{ptr, slice}; use super::{a::{self, A}, b};",
        "use crate::{ground::a};",
        "fn f() { use super::a::Other::*; }",
        "fn f() -> super::a::A { todo!() }",
        "fn f() { let x = 0..super::a::LAST; }",
        "fn f() { Vec::<super::a::A>::new() }",
        "use crate::ground; fn f(x: ground::A) {}",
        "macro_rules! m { () => { $crate::ground::a::f() } }",
        "mod inner { use super::super::A; }",
        "/* /* nested */ ' */ use super::A; // \"",
        "const C: &str = r#\"\"#; const D: char = '\"'; fn f<'a>(x: &'a super::A) {}",
        "#[cfg(not(test))] use super::A;",
        "#[derive(Clone)] struct S { #[cfg(test)] x: u8, y: super::A }",
        "#[cfg(test)] fn f<A, B>() { } fn g() { super::A }",
        "#[cfg(test)] #[allow(dead_code)] use super::b; use super::A;",
    ],
)
def test_a_path_of_rust(tmp_path: Path, text: str) -> None:
    root = tree(tmp_path, src__ground__b=text)
    assert (1, "src/ground/a.rs") in rust(root, "src/ground/b.rs")
    assert {target for _, target in rust(root, "src/ground/b.rs")} <= {"src/ground/a.rs", "src/ground/mod.rs"}


@pytest.mark.parametrize(
    "text",
    [
        "use std::a::A; use ::ground::a; use a::A;",
        "// super::A",
        "/// [`super::A`]\n/* super::A /* */ super::A */",
        'const C: &str = "\\"super::A"; const D: &str = r#"" super::A"#; const E: &[u8] = b"super::A";',
        "pub(super) fn f(&self) { self.a.a(); x.super_a() }",
        "pub(in crate::ground) fn f() {}",
        "#[cfg(test)]\nmod tests { use super::super::A; fn f() { if true {} } }",
        "#[cfg(test)] use super::{A, Named};",
        "#[cfg(all(test, unix))] impl A { fn f() { super::A } }",
        "struct S { #[cfg(test)] x: super::A, y: u8 }",
    ],
)
def test_no_path_of_rust(tmp_path: Path, text: str) -> None:
    assert rust(tree(tmp_path, src__ground__b=text), "src/ground/b.rs") == set()


def test_a_name_that_is_handed_on_is_of_the_file_that_defines_it(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        src__top__mod="pub use crate::ground::Named as Twice;\npub use std::ptr;\npub struct Own;\nmod t;\n",
        src__top__t="use super::Twice;\nuse super::ptr;\nuse super::Own;\nuse super::Nothing;\n",
    )
    assert rust(root, "src/left/mod.rs") == {(1, "src/ground/a.rs")}
    assert rust(root, "src/top/t.rs") == {
        (1, "src/ground/a.rs"),
        (2, "src/top/mod.rs"),
        (3, "src/top/mod.rs"),
        (4, "src/top/mod.rs"),
    }


def test_who_hands_on_imports_what_its_own_code_uses(tmp_path: Path) -> None:
    use = "mod a;\nmod b;\npub use a::A;\npub use a::Other as Named;\n"
    assert rust(tree(tmp_path, src__ground__mod=use), "src/ground/mod.rs") == set()
    root = tree(tmp_path, src__ground__mod=f"{use}pub trait T {{\n    fn f(a: &A); }}\n")
    assert rust(root, "src/ground/mod.rs") == {(6, "src/ground/a.rs")}
    root = tree(tmp_path, src__ground__mod=f"{use}fn f() {{ b::g() }}\n")
    assert rust(root, "src/ground/mod.rs") == {(5, "src/ground/b.rs")}


def test_files_of_tests_are_left_out(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        src__ground__mod="mod a;\nmod b;\npub use a::{A, Other as Named};\n#[cfg(test)]\nmod tests;\n",
        src__ground__tests="use crate::top;\nmod more;\n",
        src__ground__tests__more="use crate::top;\n",
    )
    assert complaints(root) == []
    (root / "src/ground/tests.rs").rename(root / "src/ground/tests/mod.rs")
    assert complaints(root) == []


def test_modules_of_two_conditions_are_read_both(tmp_path: Path) -> None:
    text = "#[cfg(unix)]\nmod m {\n    use super::super::a; }\n#[cfg(not(unix))]\nmod m {\n    use crate::left; }\n"
    root = tree(tmp_path, src__ground__b=text)
    assert rust(root, "src/ground/b.rs") == {(3, "src/ground/a.rs"), (6, "src/left/mod.rs")}


def test_lines_are_counted() -> None:
    source = 'a /*\n*/ "\n" r#"\n"# // x\n\'\\n\' b'
    assert [(token.text, token.line) for token in tokens(source)] == [("a", 1), ("", 2), ("", 3), ("", 5), ("b", 5)]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"src__lib": f"{LIB}mod lost;\n"}, "src/lib.rs: `mod lost;` has no file src/lost.rs or src/lost/mod.rs"),
        ({"src__lost": ""}, "src/lost.rs is declared by no `mod`"),
        (
            {"src__lib": f'{LIB}#[path = "x.rs"]\nmod lost;\n'},
            "src/lib.rs: line 5: an attribute `path`, which is not followed",
        ),
        ({"src__right": "use crate::top::*;"}, "src/right.rs: `crate::top::*` does not say what it imports"),
        ({"src__right": "/* /* */"}, "src/right.rs: a comment has no end"),
    ],
)
def test_what_can_not_be_read_is_an_error(tmp_path: Path, changed: dict[str, str], complaint: str) -> None:
    root = tree(tmp_path, **changed)
    with pytest.raises(Unread):
        imports_of_rust(root, "src")
    assert complaints(root) == [complaint]


# what is read of Python


@pytest.mark.parametrize(
    "text",
    [
        "from pack._b import f",
        "from ._b import f",
        "from . import _b",
        "import pack._b as b",
        "from pack import _b, upper",
        "from . import named",
        "try: from ._b import f\nexcept ImportError: pass",
        "class C:\n    def f(self):\n        from ._b import f",
        "if TYPE_CHECKING:\n    pass\nelse:\n    from ._b import f",
    ],
)
def test_an_import_of_python(tmp_path: Path, text: str) -> None:
    root = tree(tmp_path, py__pack___a=text, py__pack___b="", py__pack__init="from ._b import f as g, named\n")
    assert "py/pack/_b.py" in {target for _, target in python(root, "py/pack/_a.py")}


@pytest.mark.parametrize(
    "text",
    [
        "import _b, os.path\nfrom other import pack",
        "if TYPE_CHECKING:\n    from ._b import f",
        "import typing\nif typing.TYPE_CHECKING:\n    import pack._b",
        "'from . import _b'",
    ],
)
def test_no_import_of_python(tmp_path: Path, text: str) -> None:
    assert python(tree(tmp_path, py__pack___a=text, py__pack___b=""), "py/pack/_a.py") == set()


def test_a_package_inside_of_the_package(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        py__pack___a="",
        py__pack__upper__init="if TYPE_CHECKING:\n    from .b import f\n",
        py__pack__upper__b="from .. import _a\nfrom .._a import f\n",
        py__pack__upper__c="from . import f\nfrom pack.upper import g\n",
    )
    assert python(root, "py/pack/upper/b.py") == {(1, "py/pack/_a.py"), (2, "py/pack/_a.py")}
    # `f` is what the `__init__` has of b, though only for types here; nobody knows where `g` is from.
    assert python(root, "py/pack/upper/c.py") == {(1, "py/pack/upper/b.py"), (2, "py/pack/upper/__init__.py")}
    assert python(root, "py/pack/upper/__init__.py") == set()


def test_a_stub_imports_nothing(tmp_path: Path) -> None:
    root = tree(tmp_path, py__pack___a="from ._core import C\n")
    (root / "py/pack/_core.pyi").write_text("from ._a import f\n", encoding="utf-8")
    assert python(root, "py/pack/_a.py") == {(1, "py/pack/_core.pyi")}
    assert python(root, "py/pack/_core.pyi") == set()
