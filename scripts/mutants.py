"""Runs the mutants of tests/mutants/: committed edits that each break one promise, which a test has to notice.

`scripts/mutant_format.py` describes their files. All of them are made, one at a time, in a copy of the tree. First the
copy as it is must pass every test that a mutant names. Exits with 1 if a mutant survives, and if one does not match,
compile or end in time: it proves nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mutant_format import Mutant, Test, Unusable, read_text, write_text

ROOT = Path(__file__).resolve().parent.parent
MUTANTS = ROOT / "tests" / "mutants"
TARGET = ROOT / "target" / "mutants"  # kept between runs, so that only this crate is compiled again
PROFILE = "mutants"  # of Cargo.toml
LIBRARY = {"darwin": "libversioned_lru_cache.dylib", "win32": "versioned_lru_cache.dll"}.get(
    sys.platform, "libversioned_lru_cache.so"
)
COMPILE_LIMIT = 900.0
# A folder of its own, since all that is compiled so is compiled anew.
LOOM = ["--test", "schedules", "--config", 'build.rustflags=["--cfg", "loom"]', "--target-dir", str(TARGET / "loom")]


@dataclass(frozen=True)
class Outcome:
    """How a command ended; `code` is None if it was stopped at its time limit."""

    code: int | None
    output: str

    def tail(self) -> str:
        """The end of what the command printed, where the reason stands."""
        return "\n".join(self.output.rstrip().splitlines()[-30:])


class Tree:
    """A copy of the working tree that may be broken at will."""

    def __init__(self, folder: Path, limit: float) -> None:
        self.folder = folder
        self.limit = limit
        package = folder / "python" / "versioned_lru_cache"
        self.extension = package / f"_core{sysconfig.get_config_var('EXT_SUFFIX')}"
        self.unmutated = folder / "unmutated"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(folder / "python"),
            # A changed file of equal size, written within one second, would be taken for its stale bytecode.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYO3_BUILD_EXTENSION_MODULE": "1",
            "PYO3_PYTHON": sys.executable,
            "CARGO_TARGET_DIR": str(TARGET),
        }
        self._copy_sources()

    def _copy_sources(self) -> None:
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in filter(None, names.split("\0")):
            source, copy = ROOT / name, self.folder / name
            if source.is_file():
                copy.parent.mkdir(parents=True, exist_ok=True)
                # Not copy2: with the old times, cargo would take what the last mutant of an earlier run left for fresh.
                shutil.copy(source, copy)

    def write(self, texts: dict[str, str]) -> None:
        """Gives files of the tree new texts."""
        for file, text in texts.items():
            write_text(self.folder / file, text)

    def run(self, command: list[str], limit: float) -> Outcome:
        """Runs a command in the tree; at the time limit it is killed with all that it started."""
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limit)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return Outcome(None, output)
        return Outcome(process.returncode, output)

    def require(self, command: list[str], complaint: str) -> str:
        """Runs a command that has to succeed, and gives its output."""
        outcome = self.run(command, COMPILE_LIMIT)
        if outcome.code != 0:
            raise Unusable(f"{complaint}\n{outcome.tail()}")
        return outcome.output

    def build(self) -> None:
        """Compiles the extension and lays it into the package, where the tests import it from."""
        command = ["cargo", "build", "--quiet", "--locked", "--lib", "--profile", PROFILE]
        self.require(command, "the extension does not compile")
        self._lay_in(TARGET / PROFILE / LIBRARY)
        show = "import versioned_lru_cache._core as core; print(core.__file__)"
        imported = self.require([sys.executable, "-c", show], "the extension cannot be imported").strip()
        if not Path(imported).is_relative_to(self.folder):
            raise Unusable(f"the tests would run on {imported}, not on the copy")

    def build_unmutated(self) -> None:
        """Builds the extension and sets it aside, for the mutants that change only Python."""
        self.build()
        shutil.copy(self.extension, self.unmutated)

    def restore_extension(self) -> None:
        """Lays the unmutated extension in again."""
        self._lay_in(self.unmutated)

    def _lay_in(self, library: Path) -> None:
        # A new file each time: the old one may still be mapped by a process that is ending.
        fresh = self.extension.with_suffix(".fresh")
        shutil.copy(library, fresh)
        fresh.replace(self.extension)

    def test(self, test: Test) -> Outcome:
        """Runs one test; its outcome has code 0 (green), None (time-out) or something else (red)."""
        outcome = self._pytest(test.name) if test.kind == "test" else self._cargo_test(test)
        shutil.rmtree(self.folder / ".hypothesis", ignore_errors=True)  # no mutant learns from another's failures
        return outcome

    def _pytest(self, name: str) -> Outcome:
        selection = [name] if name.startswith("tests/") else ["-k", name.removeprefix("-k").strip()]
        # The runner has its own time limit: the watchdog's exit code could not be told from a failed test.
        options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=0"]
        # That each mutant matches the tree is wrong of any mutated tree: a `-k` that selects this would prove nothing.
        options += ["--ignore-glob=*/test_mutants.py"]
        outcome = self.run([sys.executable, "-m", "pytest", *options, *selection], self.limit)
        # 1 is a red test and below 0 is a crash; the rest means that no test was run, or not all that were asked for.
        if outcome.code is not None and outcome.code > 1:
            raise Unusable(f"pytest could not run `{name}`\n{outcome.tail()}")
        return outcome

    def _cargo_test(self, test: Test) -> Outcome:
        command = ["cargo", "test", "--quiet", "--locked", "--no-default-features", "--profile", PROFILE]
        command += LOOM if test.kind == "loom" else ["--tests"]
        self.require([*command, "--no-run"], "the engine's tests do not compile")
        outcome = self.run([*command, "--", test.name], self.limit)
        counts = re.findall(r"(\d+) passed; (\d+) failed", outcome.output)
        if outcome.code == 0 and not any(int(count) for pair in counts for count in pair):
            raise Unusable(f"no test of the engine is called `{test.name}`")
        return outcome


def check_unmutated(tree: Tree, mutants: list[Mutant]) -> None:
    """What the mutants name must be green before any of them can turn it red."""
    tree.build_unmutated()
    for test in dict.fromkeys(test for mutant in mutants for test in mutant.tests):
        outcome = tree.test(test)
        if outcome.code != 0:
            state = "does not end" if outcome.code is None else "fails"
            raise Unusable(f"`{test.name}` {state} on the unmutated tree\n{outcome.tail()}")


def judge(tree: Tree, mutant: Mutant) -> str:
    """Makes the mutant, runs its tests, takes it back. Gives how it was killed, or "" if it survived."""
    mutated = mutant.mutated(tree.folder)
    originals = {file: read_text(tree.folder / file) for file in mutated}
    compiled = not all(file.startswith("python/") for file in mutated)
    try:
        tree.write(mutated)
        if compiled and any(test.kind == "test" for test in mutant.tests):
            tree.build()
        for test in mutant.tests:
            outcome = tree.test(test)
            if outcome.code is None and not mutant.hangs:
                raise Unusable(f"`{test.name}` does not end; `hang: yes` if that is how it notices\n{outcome.tail()}")
            if outcome.code != 0:
                return "a time-out" if outcome.code is None else "a crash" if outcome.code < 0 else "a red test"
        return ""
    finally:
        tree.write(originals)
        tree.restore_extension()


def report(tree: Tree, mutants: list[Mutant]) -> int:
    """Judges the mutants, prints a line for each, and gives the exit code."""
    widths = [max(map(len, column)) for column in zip(*((m.path.stem, m.promise) for m in mutants), strict=True)]
    problems = []
    for mutant in mutants:
        began = time.monotonic()
        try:
            killer = judge(tree, mutant)
            verdict = f"killed by {killer}" if killer else "SURVIVED"
            if not killer:
                problems.append(f"{mutant.path.name} survived {', '.join(test.name for test in mutant.tests)}")
        except Unusable as error:
            verdict = "UNUSABLE"
            problems.append(f"{mutant.path.name}: {error}")
        seconds = time.monotonic() - began
        print(f"{mutant.path.stem:{widths[0]}}  {mutant.promise:{widths[1]}}  {seconds:6.1f} s  {verdict}", flush=True)
    for problem in problems:
        print(f"\n{problem}", file=sys.stderr)
    print(f"\n{len(mutants) - len(problems)} of {len(mutants)} mutants killed")
    return 1 if problems else 0


def share(text: str) -> tuple[int, int]:
    """The share of all mutants that a text means, and of how many."""
    number, _, shares = text.partition("/")
    if not (number.isdecimal() and shares.isdecimal() and int(number) < int(shares)):
        raise argparse.ArgumentTypeError(f"{text!r} is no share; write K/N with K from 0 to N - 1, such as 0/3")
    return int(number), int(shares)


def chosen(words: list[str], part: tuple[int, int]) -> list[Path]:
    """The files of the mutants with one of these words in their names, if there are any, of one share."""
    paths = sorted(MUTANTS.glob("*.mutant"))
    number, shares = part
    return [path for path in paths if not words or any(word in path.name for word in words)][number::shares]


def main() -> int:
    """Reads the command line and runs the mutants it selects."""
    parser = argparse.ArgumentParser(description="Break each promise on purpose; its test must notice.")
    parser.add_argument("words", nargs="*", help="only the mutants with one of these words in their file name")
    parser.add_argument(
        "--share", type=share, default=(0, 1), metavar="K/N", help="only the K-th of N shares, from 0 on"
    )
    parser.add_argument("--limit", type=float, default=120.0, help="seconds that one test may take (default: 120)")
    options = parser.parse_args()
    paths = chosen(options.words, options.share)
    if not paths:
        print(f"no mutant of {MUTANTS.relative_to(ROOT)} is selected", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        try:
            mutants = [Mutant.read(path) for path in paths]
            tree = Tree(Path(folder).resolve(), options.limit)
            check_unmutated(tree, mutants)
        except Unusable as error:
            print(error, file=sys.stderr)
            return 1
        return report(tree, mutants)


if __name__ == "__main__":
    sys.exit(main())
