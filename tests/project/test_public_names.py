"""What a look at the package shows is what its users are to use, and it says which version it is."""

from __future__ import annotations

import importlib
import importlib.metadata

import pytest

import versioned_lru_cache
from tests.support.child import run_code


@pytest.mark.child
def test_the_package_shows_what_is_public() -> None:
    run_code(
        """
        import versioned_lru_cache
        public = {*versioned_lru_cache.__all__, "__version__"}
        assert set(dir(versioned_lru_cache)) == public, dir(versioned_lru_cache)
        import versioned_lru_cache.testing
        assert set(dir(versioned_lru_cache)) == public | {"testing"}, dir(versioned_lru_cache)
        import versioned_lru_cache.exceptions, versioned_lru_cache.stores, versioned_lru_cache.versions
        assert set(dir(versioned_lru_cache)) == public | {"exceptions", "stores", "testing", "versions"}
        assert all(hasattr(versioned_lru_cache, name) for name in dir(versioned_lru_cache))
        """
    )


@pytest.mark.parametrize("name", ["exceptions", "stores", "testing", "versions"])
def test_a_public_module_shows_what_is_public(name: str) -> None:
    module = importlib.import_module(f"versioned_lru_cache.{name}")
    assert dir(module) == sorted(module.__all__)
    assert all(hasattr(module, public) for public in dir(module))


def test_what_helps_the_mock_clock_is_private() -> None:
    testing = importlib.import_module("versioned_lru_cache.testing")
    public = {name for name in vars(testing) if not name.startswith("_")}
    assert public <= {*testing.__all__, "TYPE_CHECKING", "annotations"}


def test_the_version_is_that_of_the_distribution() -> None:
    assert versioned_lru_cache.__version__ == importlib.metadata.version("versioned-lru-cache")


@pytest.mark.child
def test_telling_the_version_imports_nothing() -> None:
    run_code(
        """
        import sys
        before = set(sys.modules)
        import versioned_lru_cache
        assert versioned_lru_cache.__version__
        new = {name for name in set(sys.modules) - before if not name.startswith("versioned_lru_cache")}
        assert not {name for name in new if name.startswith("importlib")}, new
        """
    )
