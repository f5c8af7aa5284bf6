"""The arguments of the command line, and which command they lead to."""

from __future__ import annotations

import os
import sqlite3
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter

from ._looking import explain, inspect
from ._problems import WrongUsage
from ._seed import seed
from ._upkeep import check, clear, prune

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

_EPILOG = """\
exit codes: 0, all is well; 1, it has found trouble, or nothing to do; 2, wrong usage; 130, interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code.

    Args:
        arguments: The command's name and arguments; ``None`` is for those of the process.
    """
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
        sys.stdout.flush()
    except WrongUsage as error:
        print(f"versioned_lru_cache {chosen.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # Who reads has enough, `head` say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # The interpreter flushes once more.
        return 1
    except (OSError, sqlite3.Error) as error:
        print(f"versioned_lru_cache {chosen.command}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _version() -> str:
    from .._core import __version__

    return f"versioned-lru-cache {__version__}"


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m versioned_lru_cache",
        description="Looks into local stores, keeps them in order, and fills them.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(run: Callable[[Namespace], int], help_text: str) -> ArgumentParser:
        added = commands.add_parser(
            run.__name__,
            help=help_text,
            description=f"{help_text[0].upper()}{help_text[1:]}.",
            epilog=_EPILOG,
            formatter_class=RawDescriptionHelpFormatter,
        )
        added.set_defaults(run=run)
        added.add_argument("--json", action="store_true", help="print JSON in place of a table")
        return added

    of_seed = command(seed, "fill a store with the results of a cached function's calls")
    of_seed.add_argument("function", metavar="MODULE:FUNCTION", help="a cached function")
    of_seed.add_argument("--args", required=True, metavar="FILE", help="a JSON list or object a line; - is stdin")
    of_seed.add_argument("--store", required=True, metavar="PATH", help="the folder of the store to fill")
    of_seed.add_argument("--namespace", metavar="NAME", help="where to store results of a function without a store")
    of_seed.add_argument("--jobs", type=int, default=1, metavar="N", help="so many processes (default: %(default)s)")

    of_inspect = command(inspect, "tell what a store has, by function")
    of_inspect.add_argument("path", metavar="PATH", help="the folder of the store")
    of_inspect.add_argument("--function", nargs="+", metavar="NAME", help="list the records of these functions")

    of_explain = command(explain, "tell what a call would do, and which record a store has of it")
    of_explain.add_argument("function", metavar="MODULE:FUNCTION", help="a cached function")
    of_explain.add_argument("--args", default="[]", metavar="JSON", help="the call, as in a line of seed's file")
    of_explain.add_argument("--store", metavar="PATH", help="look here in place of the function's own folder")
    of_explain.add_argument("--namespace", metavar="NAME", help="where results of a function without a store are")

    of_check = command(check, "read a whole store; a damaged database is set aside")
    of_check.add_argument("path", metavar="PATH", help="the folder of the store")

    of_prune = command(prune, "give free disk back, and evict down to a bound if one is given")
    of_prune.add_argument("path", metavar="PATH", help="the folder of the store")
    of_prune.add_argument("--max-bytes", type=int, metavar="N", help="evict down to this (default: evict nothing)")

    of_clear = command(clear, "remove records")
    of_clear.add_argument("path", metavar="PATH", help="the folder of the store")
    of_clear.add_argument("--namespace", metavar="NAME", help="only those of this namespace")
    of_clear.add_argument("--function", metavar="NAME", help="only those of this function")
    of_clear.add_argument("--all", action="store_true", help="remove all records")
    return parser
