"""A client's `callback_url`: read strictly, by one grammar, and refused in words.

Two readers that differ on a URL are how filters are passed. So the grammar is narrow (ASCII, no
user info, one spelling of an address), and what is dialled later is the URL as it was put together
again here, never the text that came in.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.domain.network import BlockedAddress, CallbackPolicy, Why, check_address

_LENGTH_LIMIT = 2048
_HOST_LIMIT = 253  # RFC 1035
_DEFAULT_PORTS = {"http": 80, "https": 443}

# RFC 3986's characters and no others: no white space, no control, no backslash, no Unicode.
_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_SHAPE = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)(?:#.*)?")
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a last label like this makes the host an address
_DOTTED_QUAD = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")

# Names that no public DNS answers for; with them a client can only mean the operator's own network.
_INNER_NAMES = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa")

# The ports that browsers refuse, because what listens there may take HTTP for its own language
# (Fetch standard, "bad port"; with 0, which is no port).
_BAD_PORTS = frozenset(
    {0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
     102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427,
     465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990,
     993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667,
     6668, 6669, 6679, 6697, 10080}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallbackTarget:
    """A callback that may be tried: the canonical URL and its parts.

    Only the text has been judged. Where the host leads is judged when it is resolved, each time.
    """

    url: str  # ASCII, lower-case scheme and host, no fragment: the one to store and to dial
    scheme: str
    host: str  # without brackets
    port: int
    literal: bool  # the host is an address, and has been checked


def check_callback_url(
    url: str, policy: CallbackPolicy, *, longest: int = _LENGTH_LIMIT
) -> CallbackTarget | BlockedAddress:
    """The target that a client's URL names, or why it is refused. Never raises, whatever the text.

    Https (http if allowed), no user info, a host by `allow_hosts`, no port that speaks another
    protocol. An address is taken only in its plain spelling, and only if `check_address` takes it.
    """
    if len(url) > longest:
        return BlockedAddress(Why.TOO_LONG, f"longer than {longest} characters")
    if not _CHARACTERS.fullmatch(url):
        return BlockedAddress(
            Why.UNREADABLE,
            "has characters a URL can't have: percent-encode them, a host in its ASCII form (xn--)",
        )
    shape = _SHAPE.fullmatch(url)
    if shape is None:
        return BlockedAddress(Why.UNREADABLE, "not an absolute URL like https://host/path")
    scheme, authority, rest = shape["scheme"].lower(), shape["authority"], shape["rest"]
    if scheme != "https" and not (scheme == "http" and policy.allow_http):
        return BlockedAddress(Why.SCHEME, "must be https" + " or http" * policy.allow_http)
    return _check_authority(scheme, authority, rest, policy)


def _check_authority(
    scheme: str, authority: str, rest: str, policy: CallbackPolicy
) -> CallbackTarget | BlockedAddress:
    if "@" in authority:
        return BlockedAddress(Why.USER_INFO, "must not contain a user name or password")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        return BlockedAddress(Why.UNREADABLE, "the host or the port can't be read")
    port = _DEFAULT_PORTS[scheme] if parts["port"] is None else int(parts["port"])
    if port in _BAD_PORTS or port > 65_535:
        return BlockedAddress(Why.PORT, f"port {port} is not one for webhooks")
    written = parts["host"].lower()
    refusal = _check_host(written, policy)
    if refusal is not None:
        return refusal
    shown = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    path = rest if rest.startswith("/") else f"/{rest}"
    return CallbackTarget(
        url=f"{scheme}://{written}{shown}{path}",
        scheme=scheme,
        host=written.strip("[]"),
        port=port,
        literal=_is_literal(written),
    )


def _check_host(host: str, policy: CallbackPolicy) -> BlockedAddress | None:
    """Judge a lower-case host, brackets included: by its spelling, its name, its address."""
    if host.startswith("["):
        return _check_named(host, policy) or check_address(host.strip("[]"), policy)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        if not _DOTTED_QUAD.fullmatch(host):
            return BlockedAddress(
                Why.HOST_SPELLING, "an address must be written plainly, like 192.0.2.1"
            )
        return _check_named(host, policy) or check_address(host, policy)
    if len(host) > _HOST_LIMIT or not all(_LABEL.fullmatch(label) for label in labels):
        return BlockedAddress(Why.HOST_SPELLING, "the host is not a plain DNS name")
    if not policy.allow_hosts and not policy.allow_networks and _is_inner(host):
        return BlockedAddress(Why.HOST, f"{host} is not a public host")
    return _check_named(host, policy)


def _check_named(host: str, policy: CallbackPolicy) -> BlockedAddress | None:
    name = host.strip("[]")
    if policy.allow_hosts and not any(
        fnmatchcase(name, glob.lower()) for glob in policy.allow_hosts
    ):
        return BlockedAddress(Why.HOST, f"{name} is not one of the hosts callbacks may go to")
    return None


def _is_inner(host: str) -> bool:
    return "." not in host or any(host.endswith(f".{name}") for name in _INNER_NAMES)


def _is_literal(host: str) -> bool:
    return host.startswith("[") or _DOTTED_QUAD.fullmatch(host) is not None
