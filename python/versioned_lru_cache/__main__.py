"""The command line: `python -m versioned_lru_cache --help`."""

from .commands import main

if __name__ == "__main__":
    raise SystemExit(main())
