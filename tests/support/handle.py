"""Where a session lies."""

from __future__ import annotations

# The name in a mapping, an attribute of other places.
HANDLE = "lru_cache_versions"
