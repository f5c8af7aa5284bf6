"""The quick start: three calls in one session, of which the second has nothing left to do.

Run it with `python examples/quick_start.py`.
"""

import random
from typing import Any

from versioned_lru_cache import versioned_lru_cache_with_ttl

# Stands in for what a web framework makes anew for each request, such as flask.g. This one is never replaced, so the
# whole program is one session and the version is asked once.
g: dict[str, Any] = {}


def test_gen_version(*args: Any, **kwargs: Any) -> str:
    """Say which state the data is in; a real one reads a counter or a timestamp. This one never repeats itself."""
    return str(random.randint(0, 1_000_000_000_000))


@versioned_lru_cache_with_ttl(
    proxy_to_session_context_object=g,
    generate_version_func=test_gen_version,
    module_name="test_module_name",
)
def test_function_we_want_to_cache(test: Any = None) -> str:
    """Stand in for a slow query or a long computation."""
    print(f"Working hard for test={test!r} ...")
    return f"what the work for test={test!r} gave"


def main() -> int:
    """Call three times: without arguments, so again, and with one."""
    print("First call:", test_function_we_want_to_cache(), "by", test_function_we_want_to_cache.__name__)
    print("The same call again:", test_function_we_want_to_cache(), "by", test_function_we_want_to_cache.__name__)
    print("With test=1:", test_function_we_want_to_cache(test=1), "by", test_function_we_want_to_cache.__name__)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
