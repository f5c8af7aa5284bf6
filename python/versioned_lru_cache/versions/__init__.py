"""Ready-made version functions, to be given to the decorators.

Each promises that a version seen again means the same data, and says which change it can miss. Equal
configurations give one version function, so that all who use it see one state of the data in a session.

Example:
    >>> from versioned_lru_cache import versioned_lru_cache
    >>> from versioned_lru_cache.versions import file
    >>> @versioned_lru_cache(file("report.csv"))
    ... def report() -> list[str]:
    ...     with open("report.csv") as lines:
    ...         return list(lines)

Nothing heavy is imported with this package: what a version function needs is imported when one is made or asked.
"""

from .combined import all_of
from .counter import counter
from .databases import sql, sqlite
from .files import file, tree
from .http import http_etag
from .tags import bump, set_max_names, tags

__all__ = ["all_of", "bump", "counter", "file", "http_etag", "set_max_names", "sql", "sqlite", "tags", "tree"]


def __dir__() -> list[str]:
    return sorted(__all__)
