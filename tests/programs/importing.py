"""The package is imported where not all of it is found, and in a sub-interpreter. It is not imported before that."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

# What an interpreter is called that shares the lock of the main one, and how one runs code.
if sys.version_info >= (3, 13):
    MODULE, LEGACY, RUN = "_interpreters", ("legacy",), "exec"
else:
    MODULE, LEGACY, RUN = "_xxsubinterpreters", (), "run_string"
WITHIN = """
try:
    import versioned_lru_cache
except ImportError as error:
    told = str(error)
else:
    told = "nothing"
with open({path!r}, "w") as file:
    file.write(told)
"""


def it_works_with_no_other_modules_than_those_found(found: list[str]) -> None:
    class Only:
        def find_spec(self, name, path=None, target=None):
            if name.startswith("versioned_lru_cache") and not name.endswith("._core") and name not in found:
                raise ImportError(name + " was left out")

    sys.meta_path.insert(0, Only())
    import asyncio

    from versioned_lru_cache import Refresh, session, versioned_lru_cache

    @versioned_lru_cache(lambda: 1, stale_while_revalidate=60)
    async def f(x):
        return x

    async def main():
        async with session(refresh=Refresh.all()):
            return await f(1)

    assert asyncio.run(main()) == 1
    assert f.cache_explain(1)
    assert f.cache_info()
    assert f.cache_peek(1)
    assert f.where(lambda x: True)


def the_import_is_refused_in_a_sub_interpreter(path: str, kind: str, before: bool) -> None:
    interpreters = importlib.import_module(MODULE)
    if before:
        import versioned_lru_cache  # by the main interpreter
    for _ in range(2):
        if kind == "isolated":
            own = interpreters.create()
        elif LEGACY:
            own = interpreters.create(*LEGACY)
        else:
            own = interpreters.create(isolated=False)
        getattr(interpreters, RUN)(own, WITHIN.format(path=path))
        told = Path(path).read_text()
        assert "in a sub-interpreter" in told or "loading in subinterpreters" in told, told
        assert kind == "isolated" or "WSGIApplicationGroup %{GLOBAL}" in told, told
        interpreters.destroy(own)

    import asyncio

    from versioned_lru_cache import Versioned, session, versioned_lru_cache

    @versioned_lru_cache(lambda: 1)
    async def f(x):
        return Versioned([x], 1)

    async def main():
        async with session():
            return await f(1) is await f(1) and await f(1) == [1]

    assert asyncio.run(main()), "in the main interpreter it works for all that"
