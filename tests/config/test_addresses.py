from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from gateway.config import addresses
from gateway.config.addresses import Listen


def rejects(read: Callable[[object], object], value: object) -> bool:
    try:
        read(value)
    except PydanticCustomError:
        return True
    return False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", Listen("127.0.0.1", 8080)),
        ("0.0.0.0:0", Listen("0.0.0.0", 0)),
        ("localhost:80", Listen("localhost", 80)),
        ("gateway.internal:65535", Listen("gateway.internal", 65535)),
        ("[::1]:8080", Listen("::1", 8080)),
        ("[::]:8080", Listen("::", 8080)),
    ],
)
def test_an_address_is_parsed_and_formatted(text: str, expected: Listen) -> None:
    assert addresses.read_listen(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    "text",
    ["", "8080", ":8080", "host", "host:", "host:x", "host:65536", "::1:80", "[::1]", "[x]:80",
     "1.2.3.4.5:80", "256.0.0.1:80", "a b:80", "http://host:80", "[127.0.0.1]:80", None, 8080],
)  # fmt: skip
def test_an_invalid_address_is_rejected(text: object) -> None:
    assert rejects(addresses.read_listen, text)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("gateway.internal", False)],
)  # fmt: skip
def test_loopback_addresses_are_recognised(host: str, loopback: bool) -> None:
    assert Listen(host, 1).loopback is loopback


WEB = addresses.web_url("a URL")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://video.example.com", "https://video.example.com"),
        ("https://video.example.com/", "https://video.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://example.com/team/gateway//", "https://example.com/team/gateway"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("HTTPS://Example.com", "HTTPS://Example.com"),
    ],
)
def test_a_web_url_may_have_a_path_and_never_ends_in_a_slash(text: str, expected: str) -> None:
    assert WEB(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "example.com", "//example.com", "https://", "https:///x", "ftp://example.com",
     "https://user@example.com", "https://user:pw@example.com", "https://example.com?x=1",
     "https://example.com/?", "https://example.com#", "https://example.com/#x",
     "https://example.com:0", "https://example.com:", "https://example.com:99999",
     "https://example.com:x", "https://exa mple.com", "https://example.com/a b",
     "https://example.com\n", "https://1.2.3", "https://999.1.1.1", "https://[::1",
     "https://[v1.x]", "https://-a.example", "https://ex\\ample.com", "https://exämple.com",
     "javascript:alert(1)", None, 5],
)  # fmt: skip
def test_an_invalid_web_url_is_rejected(text: object) -> None:
    assert rejects(WEB, text)


def test_a_subscribers_url_keeps_its_query_and_trailing_slash() -> None:
    assert addresses.read_endpoint("http://10.0.0.7/hooks/?a=1") == "http://10.0.0.7/hooks/?a=1"
    assert all(
        rejects(addresses.read_endpoint, one)
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
    assert addresses.read_database(url).get_secret_value() == url
    assert addresses.sqlite_path(url) == path


@pytest.mark.parametrize(
    "url",
    ["", "sqlite:///", "sqlite:////", "sqlite://a.db", "sqlite:a.db", "sqlite:///a/", "a.db",
     "sqlite:///a.db?mode=ro", "sqlite:///:memory:", "postgres://h/db", "mysql://h/db",
     "postgresql://h:port/db", " sqlite:///a", "sqlite:///a\n", None, 5],
)  # fmt: skip
def test_an_unsupported_database_is_rejected(url: object) -> None:
    assert rejects(addresses.read_database, url)


def test_content_is_a_folder_or_a_bucket() -> None:
    assert addresses.read_content("var/content/") == "var/content"
    assert addresses.read_content("/") == "/"
    assert addresses.read_content("s3://bucket/a/b") == "s3://bucket/a/b"
    assert all(
        rejects(addresses.read_content, one)
        for one in ("", "gs://b", "s3://", "s3://B", "s3://key:secret@bucket/x", " a", "a\0b", None)
    )
