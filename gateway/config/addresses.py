"""Types of addresses and URLs: listeners, upstreams, subscribers, database and content store."""

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
    """The address of a listener. Port 0: any free port (tests)."""

    host: str
    port: int

    def __str__(self) -> str:
        """Format as in the file, with an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it. Of names, only `localhost` counts as loopback."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def read_listens(value: object) -> tuple[Listen, ...]:
    """Parse one address or a list of addresses."""
    if not isinstance(value, list | tuple):
        return (read_listen(value),)
    found = tuple(read_listen(one) for one in value)
    if not found or len(set(found)) < len(found):
        refuse("one address, or a list of different addresses")
    return found


def read_listen(value: object) -> Listen:
    """Parse `host:port` or `[ipv6]:port`."""
    if isinstance(value, Listen):
        return value
    allowed = "host:port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"
    match = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match["port"]) > 65535:
        refuse(allowed)
    host = match["host"] or match["v6"]
    if match["v6"] and not _is_ipv6(host):
        refuse(allowed)
    if match["host"] and not _is_host(host):
        refuse(allowed)
    return Listen(host, int(match["port"]))


def web_url(what: str) -> Callable[[object], str]:
    """Return a parser of http(s) URLs with an optional path prefix; it drops trailing slashes.

    It rejects a user and password, which would appear in links and logs, a query and a fragment.
    """
    allowed = f"{what}: http(s)://host with an optional port and path; no user, query or fragment"

    def read(value: object) -> str:
        parts = _split(value)
        if parts is None or parts.query or parts.fragment or not isinstance(value, str):
            refuse(allowed)
        if "?" in value or "#" in value:
            refuse(allowed)
        return value.rstrip("/")

    return read


def read_endpoint(value: object) -> str:
    """Parse a subscriber's http(s) URL. It may have a query, but no user and no fragment."""
    parts = _split(value)
    if parts is None or parts.fragment or not isinstance(value, str) or "#" in value:
        refuse("an http:// or https:// URL with a host; no user and password, no fragment")
    return str(value)


def read_database(value: object) -> SecretStr:
    """Parse `sqlite:///relative`, `sqlite:////absolute` or `postgresql://`."""
    url = value.get_secret_value() if isinstance(value, SecretStr) else value
    allowed = (
        "sqlite:///var/gateway.db, sqlite:////absolute/path, or postgresql://user:pass@host/db"
    )
    if not isinstance(url, str) or not url.isprintable() or url != url.strip():
        refuse(allowed)
    if url.startswith("postgresql://") and _has_valid_port(url):
        return SecretStr(str(url))
    path = url.removeprefix("sqlite:///")
    if path == url or not path.strip("/") or path.endswith("/") or "?" in path or "#" in path:
        refuse(allowed)
    if path == ":memory:":
        refuse("a database file; an in-memory database would lose jobs and budgets at a restart")
    return SecretStr(str(url))


def sqlite_path(url: str) -> Path | None:
    """Return the file of a `sqlite:///` URL, None for another database."""
    path = url.removeprefix("sqlite:///")
    return None if path == url else Path(path)


def read_content(value: object) -> str:
    """Parse a folder or `s3://bucket/prefix` (credentials come from the environment)."""
    allowed = "a folder such as var/content, or s3://bucket/prefix"
    if not isinstance(value, str) or not value.isprintable() or not value or value != value.strip():
        refuse(allowed)
    if "://" in value and not _BUCKET.fullmatch(value):
        refuse(allowed)
    return value if value == "/" else value.rstrip("/")


def _split(value: object) -> SplitResult | None:
    """Split an http(s) URL with a valid host, port and characters; None for any other value."""
    if (
        not isinstance(value, str)
        or not value.isascii()
        or re.search(r"[\s\x00-\x20\x7f\\]", value)
    ):
        return None
    if not _has_valid_port(value):
        return None
    parts = urlsplit(value)
    host = parts.hostname or ""
    valid_host = _is_ipv6(host) if parts.netloc.startswith("[") else _is_host(host)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not valid_host:
        return None
    return None if parts.netloc.endswith(":") or parts.port == 0 else parts


def _has_valid_port(url: str) -> bool:
    try:
        return urlsplit(url).port is None or True
    except ValueError:
        return False


def _is_host(text: str) -> bool:
    """Whether it is a host name or an IPv4 address; digits and dots must form an address."""
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
Binds = Annotated[tuple[Listen, ...], PlainValidator(read_listens)]
PublicUrl = Annotated[str, PlainValidator(web_url("the URL at which clients reach the gateway"))]
BaseUrl = Annotated[str, PlainValidator(web_url("the URL before /videos"))]
EndpointUrl = Annotated[str, PlainValidator(read_endpoint)]
DatabaseUrl = Annotated[SecretStr, PlainValidator(read_database)]
ContentUrl = Annotated[str, PlainValidator(read_content)]
