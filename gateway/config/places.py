"""Addresses and URLs: where the gateway listens, what it calls, where it keeps things."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import PlainValidator, SecretStr

from gateway.config.values import refuse

_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.(?!-)[A-Za-z0-9_-]{1,63})*")
_LISTEN = re.compile(r"(\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w!.*'()/-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server listens. Port 0: any free port (tests)."""

    host: str
    port: int

    def __str__(self) -> str:
        """As the file writes it; an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it; a name other than `localhost` counts as no."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def read_listen(value: object) -> Listen:
    """`host:port`, `[ipv6]:port`."""
    if isinstance(value, Listen):
        return value
    words = "host:port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"
    match = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match["port"]) > 65535:
        refuse(words)
    host = match["host"] or match["v6"]
    if match["v6"] and not _is_ipv6(host):
        refuse(words)
    if match["host"] and not _is_host(host):
        refuse(words)
    return Listen(host, int(match["port"]))


def web_url(what: str) -> Callable[[object], str]:
    """A reader of http(s) URLs with an optional path prefix; slashes at the end are dropped.

    No user and password (they would travel in links and logs), no query, no fragment.
    """
    words = (
        f"{what}: http:// or https://, a host, maybe a port and a path; no user, query or fragment"
    )

    def read(value: object) -> str:
        parts = _split(value)
        if parts is None or parts.query or parts.fragment or not isinstance(value, str):
            refuse(words)
        if "?" in value or "#" in value:
            refuse(words)
        return value.rstrip("/")

    return read


def read_endpoint(value: object) -> str:
    """A subscriber's URL: http(s), kept as it is; a query is allowed, user and fragment are not."""
    parts = _split(value)
    if parts is None or parts.fragment or not isinstance(value, str) or "#" in value:
        refuse("an http:// or https:// URL with a host; no user and password, no fragment")
    return str(value)


def read_database(value: object) -> SecretStr:
    """`sqlite:///relative`, `sqlite:////absolute`, or `postgresql://`, maybe with a password."""
    url = value.get_secret_value() if isinstance(value, SecretStr) else value
    words = "sqlite:///var/gateway.db, sqlite:////absolute/path, or postgresql://user:pass@host/db"
    if not isinstance(url, str) or not url.isprintable() or url != url.strip():
        refuse(words)
    if url.startswith("postgresql://") and _splits(url):
        return SecretStr(str(url))
    path = url.removeprefix("sqlite:///")
    if path == url or not path.strip("/") or path.endswith("/") or "?" in path or "#" in path:
        refuse(words)
    if path == ":memory:":
        refuse("a database that survives a restart: it holds money")
    return SecretStr(str(url))


def sqlite_path(url: str) -> Path | None:
    """The file of a `sqlite:///` URL, None for another database."""
    path = url.removeprefix("sqlite:///")
    return None if path == url else Path(path)


def read_content(value: object) -> str:
    """A folder, or `s3://bucket/prefix` (credentials come from the environment)."""
    words = "a folder such as var/content, or s3://bucket/prefix"
    if not isinstance(value, str) or not value.isprintable() or not value or value != value.strip():
        refuse(words)
    if "://" in value and not _BUCKET.fullmatch(value):
        refuse(words)
    return value if value == "/" else value.rstrip("/")


def _split(value: object) -> SplitResult | None:
    """The parts of an http(s) URL whose host, port and characters are sound; else None."""
    if (
        not isinstance(value, str)
        or not value.isascii()
        or re.search(r"[\s\x00-\x20\x7f\\]", value)
    ):
        return None
    if not _splits(value):
        return None
    parts = urlsplit(value)
    host = parts.hostname or ""
    sound = _is_ipv6(host) if parts.netloc.startswith("[") else _is_host(host)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not sound:
        return None
    return None if parts.netloc.endswith(":") or parts.port == 0 else parts


def _splits(url: str) -> bool:
    try:
        return urlsplit(url).port is None or True
    except ValueError:
        return False


def _is_host(text: str) -> bool:
    """A host name, or an IPv4 address; all digits and dots must be a true address."""
    if re.fullmatch(r"[0-9.]+", text):
        return _is_ipv4(text)
    return len(text) <= 253 and _HOST.fullmatch(text.removesuffix(".")) is not None


def _is_ipv4(text: str) -> bool:
    try:
        return ip_address(text).version == 4
    except ValueError:
        return False


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


Bind = Annotated[Listen, PlainValidator(read_listen)]
PublicUrl = Annotated[str, PlainValidator(web_url("the URL at which clients reach the gateway"))]
BaseUrl = Annotated[str, PlainValidator(web_url("the URL before /videos"))]
EndpointUrl = Annotated[str, PlainValidator(read_endpoint)]
DatabaseUrl = Annotated[SecretStr, PlainValidator(read_database)]
ContentUrl = Annotated[str, PlainValidator(read_content)]
