"""`assert_type` for the checkers; when the files run, a check of what can be seen then: the value's class."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, get_args, get_origin

__all__ = ["assert_type"]

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(value, kind):
        """Check that a value is of a class, or of one of several, whatever their parameters."""
        kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
        classes = tuple(get_origin(each) or each for each in kinds)
        assert isinstance(value, classes), f"{value!r} is not of {kind}"
        return value
