"""Wrong usage of the command line: told in one line, without a traceback."""

from __future__ import annotations


class WrongUsage(Exception):
    """What the user gave can't be used; the text says why, and what can."""
