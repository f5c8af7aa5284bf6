"""What the Rust side imports, when it needs it.

Tools that put a program into one file (PyInstaller, cx_Freeze, Nuitka) look for imports in Python sources, so they are
repeated here. Nobody imports this module.
"""

import _collections_abc
import asyncio
import builtins
import contextvars
import copy
import inspect
import sys
import threading
import time
import types

from . import (
    _async,
    _behind,
    _delivered,
    _explanation,  # pyright: ignore[reportPrivateUsage]
    _refresh,  # pyright: ignore[reportPrivateUsage]
    _results,  # pyright: ignore[reportPrivateUsage]
    _signatures,
    _spans,
    exceptions,
)

__all__ = [
    "_async",
    "_behind",
    "_collections_abc",
    "_delivered",
    "_explanation",
    "_refresh",
    "_results",
    "_signatures",
    "_spans",
    "asyncio",
    "builtins",
    "contextvars",
    "copy",
    "exceptions",
    "inspect",
    "sys",
    "threading",
    "time",
    "types",
]
