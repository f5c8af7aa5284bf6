"""Profiles of hypothesis: the same examples in every run, or, with `--hypothesis-profile=explore`, others each time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("same", max_examples=1000, derandomize=True, deadline=None, print_blob=False)
settings.register_profile("explore", max_examples=20_000, deadline=None)
settings.load_profile("same")
