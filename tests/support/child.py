"""Child processes: what would hang or crash this process shows as a failure there.

What they run are functions of `tests/programs`. A child begins in the root of the repository and has this process's
environment, so it imports the same package: the installed wheel, or a mutant's.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

BOUND: list[dict[str, Any]] = [{"session": None}, {"session": {}}, {"maxsize": 1, "session": {}}, {"maxsize": None}]


def options_as_code(options: dict[str, Any]) -> str:
    """How one would write the options of a call: the name of a test that is given them."""
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


def each_bound(*bound: dict[str, Any]) -> pytest.MarkDecorator:
    """Runs a test with each of these options."""
    return pytest.mark.parametrize("bound", bound, ids=options_as_code)


# With a session hits are found at a glance, without one every call asks: two ways through the code.
SESSIONS = each_bound(*BOUND)


def run(
    program: Callable[..., object], *arguments: object, timeout: float = 60, exit_code: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs a function of `tests/programs` with arguments that can be written as literals."""
    assert ast.literal_eval(repr(arguments)) == arguments, "a child can't be given these"
    module, name = program.__module__, program.__name__
    return run_code(f"from {module} import {name}\n{name}(*{arguments!r})", timeout, exit_code, **environment)


def run_code(
    code: str, timeout: float = 60, exit_code: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs code to its end. A process that hangs or dies fails the test; the message has the stacks of its threads."""
    dump = f"import faulthandler; faulthandler.enable(); faulthandler.dump_traceback_later({timeout}, exit=True)\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", dump + dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout + 30,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert done.returncode == exit_code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
