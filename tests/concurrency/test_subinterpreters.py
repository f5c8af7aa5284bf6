"""In a sub-interpreter the import fails, and says what to do; the main interpreter goes on as if nothing had been."""

from __future__ import annotations

import pytest

from tests.programs import importing
from tests.support.child import run


@pytest.mark.child
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("kind", ["legacy", "isolated"])
def test_the_import_is_refused(tmp_path: object, kind: str, before: bool) -> None:
    run(importing.the_import_is_refused_in_a_sub_interpreter, f"{tmp_path}/told", kind, before)
