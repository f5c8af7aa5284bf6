"""`versions.http_etag` asks a real server: what it says of its data is the version."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from versioned_lru_cache import session, versioned_lru_cache
from versioned_lru_cache.versions import http_etag

if TYPE_CHECKING:
    from collections.abc import Iterator


class Site:
    """A site of pages, each with a status, headers and a body, and notes on what was requested."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.hold = threading.Event()

    def put(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = status, named, body
        return self.address + path


@contextmanager
def serving() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            path = self.path
            site.requests.append((self.command, path, dict(self.headers.items())))
            if path == "/slow":
                site.hold.wait(30)
            status, headers, body = site.pages.get(path, (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_GET = do_HEAD

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield site
        finally:
            site.hold.set()
            server.shutdown()
            thread.join()


def test_a_new_tag_is_seen_by_the_next_session() -> None:
    with serving() as site:
        url = site.put("/a", b"one", ETag='"1"')
        runs: list[int] = []

        @versioned_lru_cache(http_etag(url))
        def page() -> bytes:
            runs.append(1)
            with urllib.request.urlopen(url, timeout=10) as response:
                found: bytes = response.read()
            return found

        with session():
            assert page() == b"one"
            site.put("/a", b"two", ETag='"2"')
            assert page() == b"one"
        for _ in range(3):
            with session():
                assert page() == page() == b"two"
        assert len(runs) == 2
        assert [command for command, *_ in site.requests] == ["HEAD", "GET", "HEAD", "GET", "HEAD", "HEAD"]


def test_what_the_version_is() -> None:
    with serving() as site:
        version = http_etag(site.put("/a", ETag='"1"', Last_Modified="Sat, 21 Nov 2026 10:00:00 GMT"))
        assert version() == '"1"'
        site.put("/a", ETag='W/"1"', Last_Modified="Sat, 21 Nov 2026 10:00:00 GMT")
        assert version() == 'W/"1"'
        site.put("/a", Last_Modified="Sat, 21 Nov 2026 10:00:00 GMT")
        assert version() == "Sat, 21 Nov 2026 10:00:00 GMT"
        site.put("/a", ETag="", Last_Modified="Sat, 21 Nov 2026 10:00:01 GMT")
        assert version() == "Sat, 21 Nov 2026 10:00:01 GMT"


def test_a_server_that_tells_no_version_is_told_what_to_send() -> None:
    with serving() as site:
        url = site.put("/a", b"one")
        with pytest.raises(LookupError, match="must send an ETag header, or Last-Modified") as raised:
            http_etag(url)()
        assert url in str(raised.value)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 500, 503])
def test_an_error_of_the_server_is_raised_and_loses_nothing(status: int) -> None:
    with serving() as site:
        url = site.put("/a", ETag='"1"')
        runs: list[int] = []

        @versioned_lru_cache(http_etag(url))
        def page() -> int:
            runs.append(1)
            return len(runs)

        assert page() == 1
        site.put("/a", status=status, ETag='"error"')
        with pytest.raises(urllib.error.HTTPError) as raised:
            page()
        assert raised.value.code == status
        assert raised.value.headers["ETag"] == '"error"'
        site.put("/a", ETag='"1"')
        assert page() == 1


def test_a_server_that_is_not_there_is_an_error() -> None:
    with serving() as site:
        url = site.put("/a", ETag='"1"')
    with pytest.raises(urllib.error.URLError):
        http_etag(url)()


def test_a_server_that_does_not_answer_in_time_is_an_error() -> None:
    with serving() as site, pytest.raises(OSError, match="timed out"):
        http_etag(site.address + "/slow", timeout=0.05)()


@pytest.mark.parametrize("status", [301, 302, 303, 307])
def test_a_redirect_is_followed_and_where_it_leads_counts(status: int) -> None:
    """Two pages may have the same tag and be different."""
    with serving() as site:
        site.put("/v1", ETag='"1"')
        site.put("/v2", ETag='"1"')
        version = http_etag(site.put("/current", status=status, Location="/v1"))
        assert version() == ('"1"', site.address + "/v1")
        site.put("/current", status=status, Location="/v2")
        assert version() == ('"1"', site.address + "/v2")
        site.put("/v2", ETag='"2"')
        assert version() == ('"2"', site.address + "/v2")


def test_a_redirect_to_nowhere_is_an_error() -> None:
    with serving() as site:
        version = http_etag(site.put("/round", status=302, Location="/round"))
        with pytest.raises(urllib.error.HTTPError):
            version()


def test_headers_are_sent_and_secrets_are_not_shown() -> None:
    with serving() as site:
        url = site.put("/a", ETag='"1"')
        given = {"authorization": "Bearer secret", "ACCEPT": "text/csv"}
        version = http_etag(url, headers=given)
        given["ACCEPT"] = "text/html"
        version()
        ((_, _, sent),) = site.requests
        assert (sent["Authorization"], sent["Accept"]) == ("Bearer secret", "text/csv")
        assert "secret" not in repr(version)
        # urllib refuses it. With its own words, which show all that is sent.
        with pytest.raises(TypeError) as raised:
            http_etag(url, headers={"Authorization": b"secret"})  # type: ignore[dict-item]
        assert "secret" not in str(raised.value)


def test_an_opener_of_ones_own() -> None:
    class Opener:
        def __init__(self) -> None:
            self.opened: list[tuple[str, str | None, float]] = []
            self.plain = urllib.request.build_opener()

        def open(self, fullurl: urllib.request.Request, /, *, timeout: float) -> Any:
            self.opened.append((fullurl.get_method(), fullurl.get_header("X-one"), timeout))
            return self.plain.open(fullurl, timeout=timeout)

    with serving() as site:
        opener = Opener()
        url = site.put("/a", ETag='"1"')
        assert http_etag(url, headers={"X-One": "1"}, opener=opener, timeout=7)() == '"1"'
        assert http_etag(url, opener=urllib.request.build_opener())() == '"1"'
        assert opener.opened == [("HEAD", "1", 7)]
        assert http_etag(url, opener=opener) is not http_etag(url)


@pytest.mark.thread_unsafe(reason="changes what urllib opens by")
def test_what_urllib_opens_by_may_be_installed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as site:
        version = http_etag(site.put("/a", ETag='"1"'))
        opener = urllib.request.build_opener()
        opener.addheaders = [("User-agent", "mine")]
        monkeypatch.setattr(urllib.request, "_opener", opener)
        version()
        assert site.requests[-1][2]["User-Agent"] == "mine"


def test_two_addresses_with_equal_tags_are_not_taken_for_each_other() -> None:
    with serving() as site:
        now = ["north"]
        f: Any = versioned_lru_cache(http_etag(lambda: f"{site.address}/{now[0]}"))(lambda: [*now])
        for name in ("north", "south"):
            site.put(f"/{name}", ETag='"1"')
        for name in ("north", "south", "north"):
            now[0] = name
            assert f() == [name]
            assert f() is f()


def test_the_address_may_depend_on_the_call() -> None:
    with serving() as site:
        site.put("/north", ETag='"1"')
        site.put("/south", ETag='"1"')
        runs: list[str] = []

        @versioned_lru_cache(http_etag(lambda region: f"{site.address}/{region}"))
        def report(region: str) -> str:
            runs.append(region)
            return f"{region} {len(runs)}"

        assert [report("north"), report("south"), report("north")] == ["north 1", "south 2", "north 1"]
        site.put("/south", ETag='"2"')
        assert [report("north"), report("south")] == ["north 1", "south 3"]


WRONG: list[tuple[str, Any, type[Exception], str]] = [
    ("url", 5, TypeError, "must be a str, or a callable"),
    ("url", None, TypeError, "must be a str, or a callable"),
    ("url", "", ValueError, "http:// or https://"),
    ("url", "example.org/a", ValueError, "http:// or https://"),
    ("url", "file:///etc/passwd", ValueError, "http:// or https://"),
    ("url", "https://", ValueError, "http:// or https://"),
    ("timeout", 0, ValueError, "more than 0"),
    ("timeout", -1, ValueError, "more than 0"),
    ("timeout", float("nan"), ValueError, "more than 0"),
    ("timeout", float("inf"), ValueError, "not endless"),
    ("timeout", None, TypeError, "seconds"),
    ("timeout", True, TypeError, "seconds"),
    ("timeout", "10", TypeError, "seconds"),
    ("headers", 5, TypeError, "mapping of str to str"),
    ("headers", [("Accept", "a")], TypeError, "mapping of str to str"),
    ("opener", 5, TypeError, "method open"),
]


@pytest.mark.parametrize(("parameter", "value", "kind", "allowed"), WRONG)
def test_wrong_use_is_told_at_once(parameter: str, value: Any, kind: type[Exception], allowed: str) -> None:
    with pytest.raises(kind) as raised:
        http_etag(**{"url": "http://localhost/a", parameter: value})
    assert type(raised.value) is kind
    assert all(word in str(raised.value) for word in (f"{parameter}={value!r}", allowed)), str(raised.value)


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="user name") as raised:
        http_etag("https://me:secret@example.org/a")
    assert "secret" not in str(raised.value)
