"""Versions that have to be asked for outside of a session, by what is asked.

Each comes with what is called bare, so that it can be taken off: what is left is what the cache adds to it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hits import affordable
from libraries import Variant, in_a_class
from measuring import Sample
from places import version
from shapes import same_call
from versioned_lru_cache import versioned_lru_cache
from versioned_lru_cache.versions import counter, file, tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from libraries import Function
    from shapes import Line

# A file that is there in any installation, and stands still.
PATH = os.path.abspath(os.__file__)
ALONE = "the version alone"


def version_of(a: int) -> int:
    """Stands for the cheap query, of one thing among many."""
    return 1


@dataclass(frozen=True)
class Asked:
    """A kind of version function.

    Attributes:
        name: What the table calls it.
        version: What the decorator is given.
        bare: What is taken off, which answers the same question; None where there is no call.
        given: The arguments of that.
    """

    name: str
    version: Any
    bare: Callable[..., Any] | None = None
    given: Line = ()

    def variant(self, name: str) -> Variant:
        """Our decorator with this version, in no session."""

        def cached(body: Function, maxsize: int | None) -> Function:
            return versioned_lru_cache(self.version, maxsize=maxsize)(body)

        return Variant(name, cached, in_a_class(cached))

    def timer(self, calls: int) -> Callable[[], float]:
        """Gives what tells the ns of a bare call."""
        names = ", ".join(f"a{number}" for number in range(len(self.given)))
        shape = same_call("", names, names, self.given)
        return affordable(lambda calls: shape.timer(self.bare, calls), calls)

    def above_it(self, subject: Sample, calls: int) -> list[Sample]:
        """A sample of ours less a bare call, with that call; the sample as it is where there is none."""
        if self.bare is None:
            return [subject]
        return [
            Sample(ALONE, self.timer(calls)),
            Sample(subject.variant, subject.take, subject.check, less=ALONE),
        ]


COUNTER = Asked("counter", counter("benches"))
TAGS = Asked("tags", tags("benches:7:orders", "rates of benches"))
PLAIN = Asked("version function", version, version)
GIVEN = Asked("version function, given the argument", version_of, version_of, (1,))
FILE = Asked("file", file(PATH), os.stat, (PATH,))
KINDS = (COUNTER, TAGS, PLAIN, GIVEN, FILE)
