"""What is imported with the stores, and what is said where a library is missing."""

from __future__ import annotations

import pytest

from tests.support.child import run_code


@pytest.mark.child
def test_a_codec_brings_its_own_library_only() -> None:
    run_code(
        """
        import sys
        import versioned_lru_cache.stores
        assert not {"msgpack", "pickle", "decimal", "zlib", "hmac"} & set(sys.modules), sys.modules.keys()
        versioned_lru_cache.stores.NotStorable
        assert not {"msgpack", "pickle", "decimal", "zlib", "hmac"} & set(sys.modules), sys.modules.keys()
        versioned_lru_cache.stores.Pickle
        assert "msgpack" not in sys.modules
        versioned_lru_cache.stores.Msgpack
        assert "msgpack" in sys.modules
        assert set(versioned_lru_cache.stores.__all__) == set(dir(versioned_lru_cache.stores))
        """
    )


@pytest.mark.child
def test_without_msgpack_it_says_what_to_install() -> None:
    run_code(
        """
        import sys
        sys.modules["msgpack"] = None
        try:
            from versioned_lru_cache.stores import Msgpack
        except ModuleNotFoundError as error:
            assert str(error) == "Stores need msgpack: pip install 'versioned-lru-cache[local]'", error
            assert error.name == "msgpack"
        else:
            raise AssertionError("it was imported")
        """
    )


def test_a_name_that_is_not_there() -> None:
    import versioned_lru_cache.stores

    with pytest.raises(AttributeError, match=r"module 'versioned_lru_cache\.stores' has no attribute 'unknown'"):
        getattr(versioned_lru_cache.stores, "unknown")  # noqa: B009 - checkers know that there is none
