"""The command line: looks into local stores, keeps them in order, and fills them.

Exit codes: 0, all is well; 1, what was asked for has found trouble; 2, wrong usage; 130, interrupted.
"""

from __future__ import annotations

from ._arguments import main

__all__ = ["main"]
