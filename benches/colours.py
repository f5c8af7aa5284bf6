"""One colour for each library, the same in all pictures, and dark enough for text."""

OURS = "versioned_lru_cache"
COLOURS = {
    OURS: "#0059b3",
    "functools": "#1a1a1a",
    "cachebox": "#b35900",
    "cachetools": "#8a3fa8",
    "moka-py": "#00755c",
    "Flask-Caching memoize": "#b3261e",
    "no cache": "#757575",
}
