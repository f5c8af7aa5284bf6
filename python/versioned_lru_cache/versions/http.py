"""Versions of what lies on a web server."""

from __future__ import annotations

from .._words import a_type
from ._version_function import asking_about

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from typing import Any, Protocol
    from urllib.request import Request

    class Opener(Protocol):
        """Opens addresses, as urllib's OpenerDirector does."""

        def open(self, fullurl: Request, /, *, timeout: float) -> Any:
            """Send the request and return the response."""


def http_etag(
    url: str | Callable[..., str],
    *,
    timeout: float = 10,
    headers: Mapping[str, str] | None = None,
    opener: Opener | None = None,
) -> Callable[..., Hashable]:
    """Return a version function that asks a web server for the ETag of an address, by a HEAD request.

    A version seen again means the same data, but for what it can miss: changes that the server gives no new tag to,
    as some do with weak tags (``W/"..."``) or make tags of times and sizes; without an ETag, a second change within
    the second that Last-Modified tells; and what a cache between here and the server has not heard of yet.

    Args:
        url: An http or https address, or a callable that takes the call's arguments and returns one.
        timeout: How many seconds to wait for the server.
        headers: Headers to send, such as Authorization. The request that fetches the data should send the same,
            since a server may have several things at one address. Redirects send them too, to other hosts as well.
        opener: What opens the request in place of ``urllib.request.urlopen``: anything with its ``open`` method, as
            ``urllib.request.build_opener`` returns.

    Returns:
        A version function. The version is the ETag as it is sent, else Last-Modified; where a redirect led elsewhere, a
        tuple of that and the address that answered, since tags of two addresses say nothing of each other; of a
        callable's addresses, a tuple of the address that was asked and of all that. It raises urllib.error.HTTPError
        for any status that is an error (404 and 410 too, for some servers answer a HEAD request so where GET would find
        something), other OSErrors if the server can't be reached in time, and LookupError if the response has neither
        header.

    Raises:
        TypeError: A parameter is of a wrong type.
        ValueError: ``url`` is no http or https address or has a password in it, or ``timeout`` is not more than 0.

    Example:
        >>> from versioned_lru_cache.versions import http_etag
        >>> http_etag("https://example.org/prices.json", timeout=5)
        <versions.http_etag('https://example.org/prices.json')>
    """
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"timeout={timeout!r} is {a_type(timeout)}; it must be seconds, an int or float")
    if not 0 < timeout < float("inf"):
        raise ValueError(f"timeout={timeout!r} is not allowed; it must be more than 0 seconds, and not endless")
    sent = _checked_headers(headers)
    if opener is not None and not callable(getattr(opener, "open", None)):
        raise TypeError(
            f"opener={opener!r} is {a_type(opener)}; it must have the method open of "
            "urllib.request.OpenerDirector, or be None"
        )

    def version(address: str) -> Hashable:
        return _tag(address, timeout, sent, opener)

    return asking_about(
        url, _checked_url, version, name="http_etag", label="url", options=(timeout, sent, opener and id(opener))
    )


def _tag(url: str, timeout: float, headers: tuple[tuple[str, str], ...], opener: Opener | None) -> Hashable:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    request = Request(url, headers=dict(headers), method="HEAD")
    try:
        response: Any = (opener.open if opener else urlopen)(request, timeout=timeout)
    except HTTPError as error:
        error.close()
        raise
    with response:
        answered = str(response.geturl())
        tag: str | None = response.headers.get("ETag") or response.headers.get("Last-Modified")
    if not tag:
        raise LookupError(
            f"http_etag: the response of {answered} to HEAD has no version; the server must send an ETag header, or "
            "Last-Modified"
        )
    return tag if answered == url else (tag, answered)


def _checked_url(url: object, label: str) -> str:
    from urllib.parse import urlsplit

    if not isinstance(url, str):
        raise TypeError(
            f"{label}={url!r} is {a_type(url)}; it must be a str, or a callable that takes the call's "
            "arguments and returns one"
        )
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{label}={url!r} is not allowed; it must be an address that begins with http:// or https://")
    if parts.username is not None:
        raise ValueError(f"{label} has a user name in it, which is not allowed; let headers= say who asks")
    return url


def _checked_headers(headers: object) -> tuple[tuple[str, str], ...]:
    """Return headers in one order, each with its name as urllib writes it."""
    from collections.abc import Mapping

    if headers is None:
        return ()
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers={headers!r} is {a_type(headers)}; it must be a mapping of str to str")
    found: list[tuple[object, object]] = list(headers.items())  # pyright: ignore[reportUnknownArgumentType]
    checked: list[tuple[str, str]] = []
    for name, value in found:
        if not isinstance(name, str) or not isinstance(value, str):
            # Its value may be a secret.
            raise TypeError(f"headers has {a_type(value)} for {name!r}; it must be a mapping of str to str")
        checked.append((name.capitalize(), value))
    return tuple(sorted(checked))
