from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from gateway.config import places
from gateway.config.places import Listen


def refuses(read: Callable[[object], object], value: object) -> bool:
    try:
        read(value)
    except PydanticCustomError:
        return True
    return False


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("127.0.0.1:8080", Listen("127.0.0.1", 8080)),
        ("0.0.0.0:0", Listen("0.0.0.0", 0)),
        ("localhost:80", Listen("localhost", 80)),
        ("gateway.internal:65535", Listen("gateway.internal", 65535)),
        ("[::1]:8080", Listen("::1", 8080)),
        ("[::]:8080", Listen("::", 8080)),
    ],
)
def test_an_address_is_host_and_port_and_is_written_as_it_was(written: str, meant: Listen) -> None:
    assert places.read_listen(written) == meant
    assert str(meant) == written


@pytest.mark.parametrize(
    "written",
    ["", "8080", ":8080", "host", "host:", "host:x", "host:65536", "::1:80", "[::1]", "[x]:80",
     "1.2.3.4.5:80", "256.0.0.1:80", "a b:80", "http://host:80", "[127.0.0.1]:80", None, 8080],
)  # fmt: skip
def test_what_is_no_address_is_refused(written: object) -> None:
    assert refuses(places.read_listen, written)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("gateway.internal", False)],
)  # fmt: skip
def test_only_loopback_is_loopback(host: str, loopback: bool) -> None:
    assert Listen(host, 1).loopback is loopback


WEB = places.web_url("a URL")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://video.example.com", "https://video.example.com"),
        ("https://video.example.com/", "https://video.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://example.com/team/gateway//", "https://example.com/team/gateway"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("HTTPS://Example.com", "HTTPS://Example.com"),
    ],
)
def test_a_web_url_may_have_a_path_and_never_ends_in_a_slash(written: str, meant: str) -> None:
    assert WEB(written) == meant


@pytest.mark.parametrize(
    "written",
    ["", "example.com", "//example.com", "https://", "https:///x", "ftp://example.com",
     "https://user@example.com", "https://user:pw@example.com", "https://example.com?x=1",
     "https://example.com/?", "https://example.com#", "https://example.com/#x",
     "https://example.com:0", "https://example.com:", "https://example.com:99999",
     "https://example.com:x", "https://exa mple.com", "https://example.com/a b",
     "https://example.com\n", "https://1.2.3", "https://999.1.1.1", "https://[::1",
     "https://[v1.x]", "https://-a.example", "https://ex\\ample.com", "https://exämple.com",
     "javascript:alert(1)", None, 5],
)  # fmt: skip
def test_what_clients_could_not_follow_is_refused(written: object) -> None:
    assert refuses(WEB, written)


def test_a_subscriber_may_have_a_query_and_keeps_its_slash() -> None:
    assert places.read_endpoint("http://10.0.0.7/hooks/?a=1") == "http://10.0.0.7/hooks/?a=1"
    assert all(
        refuses(places.read_endpoint, one)
        for one in ("http://u:p@h/", "http://h/#x", "http://h/#", "h/hooks", "mailto:a@b", "", None)
    )


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/gateway.db", Path("var/gateway.db")),
        ("sqlite:////var/lib/gateway.db", Path("/var/lib/gateway.db")),
        ("postgresql://user:pass@host/db", None),
        ("postgresql://postgres:@/postgres?host=/tmp/socket", None),
    ],
)
def test_a_database_is_a_file_or_a_server(url: str, path: Path | None) -> None:
    assert places.read_database(url).get_secret_value() == url
    assert places.sqlite_path(url) == path


@pytest.mark.parametrize(
    "url",
    ["", "sqlite:///", "sqlite:////", "sqlite://a.db", "sqlite:a.db", "sqlite:///a/", "a.db",
     "sqlite:///a.db?mode=ro", "sqlite:///:memory:", "postgres://h/db", "mysql://h/db",
     "postgresql://h:port/db", " sqlite:///a", "sqlite:///a\n", None, 5],
)  # fmt: skip
def test_what_would_not_keep_money_is_refused(url: object) -> None:
    assert refuses(places.read_database, url)


def test_content_is_a_folder_or_a_bucket() -> None:
    assert places.read_content("var/content/") == "var/content"
    assert places.read_content("/") == "/"
    assert places.read_content("s3://bucket/a/b") == "s3://bucket/a/b"
    assert all(
        refuses(places.read_content, one)
        for one in ("", "gs://b", "s3://", "s3://B", "s3://key:secret@bucket/x", " a", "a\0b", None)
    )
