"""Check a client's `callback_url` against a strict grammar and return an explained refusal.

Attackers bypass URL filters where two parsers read one URL differently. The grammar is therefore
narrow (ASCII, no user info, one spelling of an address), and the gateway later connects to the URL
that this module rebuilds from the parsed parts, never to the client's text.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.domain.network import BlockedAddress, CallbackPolicy, Why, check_address

_LENGTH_LIMIT = 2048
_HOST_LIMIT = 253  # RFC 1035
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Only the characters of RFC 3986: no white space, control characters, backslashes or Unicode.
_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_SHAPE = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)(?:#.*)?")
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a last label like this makes the host an address
_DOTTED_QUAD = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")

# Names that public DNS does not resolve: they can only point into the operator's own network.
_INNER_NAMES = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa")

# The ports that browsers block, because a service there may misread HTTP as its own protocol
# (Fetch standard, "bad port"), and 0, which is not a valid port.
_BAD_PORTS = frozenset(
    {0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
     102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427,
     465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990,
     993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667,
     6668, 6669, 6679, 6697, 10080}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallbackTarget:
    """An allowed callback: the canonical URL and its parts.

    Only the text has been checked. The addresses of the host are checked at every resolution.
    """

    url: str  # ASCII, lower-case scheme and host, no fragment; store and connect to this one
    scheme: str
    host: str  # without brackets
    port: int
    literal: bool  # the host is an address, and has been checked


def check_callback_url(
    url: str, policy: CallbackPolicy, *, longest: int = _LENGTH_LIMIT
) -> CallbackTarget | BlockedAddress:
    """Return the target that a client's URL names, or the refusal. Never raises, for any text.

    The URL must be https (or http if allowed), without user info, with a host in `allow_hosts` and
    a port that no other protocol uses. An IP address must have its canonical spelling and pass
    `check_address`.
    """
    if len(url) > longest:
        return BlockedAddress(Why.TOO_LONG, f"longer than {longest} characters")
    if not _CHARACTERS.fullmatch(url):
        return BlockedAddress(
            Why.UNREADABLE,
            "contains characters that a URL must not contain: percent-encode them, and write the"
            " host in its ASCII form (xn--)",
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
        return BlockedAddress(Why.PORT, f"port {port} is not allowed for webhooks")
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
    """Check a lower-case host, brackets included: its spelling, its name and its address."""
    if host.startswith("["):
        return _check_named(host, policy) or check_address(host.strip("[]"), policy)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        if not _DOTTED_QUAD.fullmatch(host):
            return BlockedAddress(
                Why.HOST_SPELLING, "an IP address must have its canonical form, like 192.0.2.1"
            )
        return _check_named(host, policy) or check_address(host, policy)
    if len(host) > _HOST_LIMIT or not all(_LABEL.fullmatch(label) for label in labels):
        return BlockedAddress(Why.HOST_SPELLING, "the host is not a valid DNS name")
    if not policy.allow_hosts and not policy.allow_networks and _is_inner(host):
        return BlockedAddress(Why.HOST, f"{host} is not a public host")
    return _check_named(host, policy)


def _check_named(host: str, policy: CallbackPolicy) -> BlockedAddress | None:
    name = host.strip("[]")
    if policy.allow_hosts and not any(
        fnmatchcase(name, glob.lower()) for glob in policy.allow_hosts
    ):
        return BlockedAddress(Why.HOST, f"{name} is not one of the allowed callback hosts")
    return None


def _is_inner(host: str) -> bool:
    return "." not in host or any(host.endswith(f".{name}") for name in _INNER_NAMES)


def _is_literal(host: str) -> bool:
    return host.startswith("[") or _DOTTED_QUAD.fullmatch(host) is not None
