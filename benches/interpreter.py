"""Which interpreter and machine this is, without names that belong to the machine alone."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from pathlib import Path

# Debian and its relatives build with profiles, but not by the option of configure; this one is theirs.
OF_DEBIAN = "--with-wheel-pkg-dir=/usr/share/python-wheels"


def profile_guided() -> bool:
    """Whether the interpreter was built with what a profile of its own had told: its loop is faster by half then."""
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return "--enable-optimizations" in arguments or OF_DEBIAN in arguments


def free_threaded() -> bool:
    """Whether threads run Python at the same time here: the build can do without the GIL, and does."""
    return not getattr(sys, "_is_gil_enabled", lambda: True)()


def short_name() -> str:
    """Implementation, minor version and kind of build, as the name of a file has them: cpython-3.11-pgo."""
    free = "t" if "t" in getattr(sys, "abiflags", "") else ""
    minor = f"{sys.version_info.major}.{sys.version_info.minor}{free}"
    return f"{platform.python_implementation().lower()}-{minor}{'-pgo' if profile_guided() else ''}"


def full_name() -> str:
    """For people: CPython 3.11.2 (PGO), GCC 12.2.0."""
    kind = ("PGO" if profile_guided() else "no PGO") + (", free-threaded" if free_threaded() else "")
    return f"{platform.python_implementation()} {platform.python_version()} ({kind}), {platform.python_compiler()}"


def processor() -> str:
    """What kind of machine this is, without the name of the host."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{platform.system()} {platform.machine()}, {model or 'processor unknown'}, {os.cpu_count()} cores"
