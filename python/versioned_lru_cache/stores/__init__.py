"""Shared stores: a second tier of results under the memory of each process, for several processes or after a restart.

A store keeps records: bytes, each with the value of one call, the version that it is of, and its age. It only saves
work: what is fresh is told by version functions, whatever a store holds. A *codec* makes values into bytes and back:
:class:`Msgpack` plain data and types that are registered, :class:`Pickle` all that pickle takes, signed with a secret
key.

Example:
    >>> from tempfile import TemporaryDirectory
    >>> from versioned_lru_cache.stores import LocalStore
    >>> with TemporaryDirectory() as folder, LocalStore(f"{folder}/store", namespace="shop") as store:
    ...     lease = store.acquire(b"address", b"version")
    ...     saved = store.save(lease, b"record")
    ...     store.release(lease)
    ...     saved, store.load(b"address")
    (True, b'record')
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._async_redis import AsyncRedisStore
    from ._codec import Codec, CodecError, NotStorable, TooLarge, Unreadable
    from ._local import LocalStore
    from ._msgpack import Msgpack
    from ._pickle import Pickle
    from ._protocol import AsyncStore, Lease, Store
    from ._redis import RedisStore
    from ._reports import LocalCheck, LocalRecord, LocalStats
else:
    # SQLite, codecs and the rest are imported by programs that use them.
    def __getattr__(name: str) -> object:
        """Import what is used for the first time."""
        # Written out, so that tools which look for imports find them.
        if name in ("Codec", "CodecError", "NotStorable", "TooLarge", "Unreadable"):
            from . import _codec as module
        elif name == "Msgpack":
            from . import _msgpack as module
        elif name == "Pickle":
            from . import _pickle as module
        elif name in ("AsyncStore", "Lease", "Store"):
            from . import _protocol as module
        elif name == "LocalStore":
            from . import _local as module
        elif name == "RedisStore":
            from . import _redis as module
        elif name == "AsyncRedisStore":
            from . import _async_redis as module
        elif name in ("LocalCheck", "LocalRecord", "LocalStats"):
            from . import _reports as module
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(module, name)
        return value

    def __dir__() -> list[str]:
        return sorted(__all__)

    def _needed() -> None:
        from . import _listing, _record  # noqa: F401 - for those tools only


__all__ = [
    "AsyncRedisStore",
    "AsyncStore",
    "Codec",
    "CodecError",
    "Lease",
    "LocalCheck",
    "LocalRecord",
    "LocalStats",
    "LocalStore",
    "Msgpack",
    "NotStorable",
    "Pickle",
    "RedisStore",
    "Store",
    "TooLarge",
    "Unreadable",
]
