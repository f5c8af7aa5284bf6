"""In a sub-interpreter the import fails, and says what to do; the main interpreter goes on as if nothing had been."""

from __future__ import annotations

import sys

import pytest

from tests.support.child import run

if sys.version_info >= (3, 13):
    MODULE, LEGACY, RUN = "_interpreters", "create('legacy')", "exec"
elif sys.version_info >= (3, 12):
    MODULE, LEGACY, RUN = "_xxsubinterpreters", "create(isolated=False)", "run_string"
else:
    MODULE, LEGACY, RUN = "_xxsubinterpreters", "create(isolated=False)", "run_string"

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


@pytest.mark.child
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("kind", ["legacy", "isolated"])
def test_the_import_is_refused(tmp_path: object, kind: str, before: bool) -> None:
    path = f"{tmp_path}/told"
    within = WITHIN.format(path=path)
    run(
        f"""
        import {MODULE} as interpreters
        if {before}:
            import versioned_lru_cache
        for _ in range(2):
            own = interpreters.{LEGACY if kind == "legacy" else "create()"}
            interpreters.{RUN}(own, {within!r})
            told = open({path!r}).read()
            assert "in a sub-interpreter" in told or "loading in subinterpreters" in told, told
            assert {kind!r} == "isolated" or "WSGIApplicationGroup %{{GLOBAL}}" in told, told
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
        """
    )
