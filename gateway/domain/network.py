"""Which addresses the gateway may connect to for a client's URL: kinds of addresses, and rules.

The gateway has its own table (docs/reliability.md (c)): `ipaddress.is_global` treats NAT64, 6to4
and multicast forms of private addresses as global, and differs between patch releases of Python.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Kind(StrEnum):
    """The kind of an address."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link_local"
    METADATA = "metadata"  # a cloud's metadata service, which hands out credentials
    THIS_HOST = "this_host"  # 0.0.0.0 and ::, which Linux connects to loopback
    SHARED = "shared"  # carrier-grade NAT
    MULTICAST = "multicast"
    TRANSLATED = "translated"  # an IPv4 address embedded in IPv6: NAT64, 6to4
    RESERVED = "reserved"
    UNREADABLE = "unreadable"  # not an address in its canonical spelling


# A network in `allow_networks` opens these kinds only if it lies within the table's row.
_GUARDED = frozenset({Kind.LOOPBACK, Kind.LINK_LOCAL, Kind.METADATA, Kind.THIS_HOST})

# The first match wins, so single addresses come before the ranges that contain them.
_TABLE_V4: tuple[tuple[IPv4Network, Kind], ...] = tuple(
    (IPv4Network(text), kind)
    for text, kind in (
        ("169.254.169.254", Kind.METADATA),  # AWS, Azure, Google, and most others
        ("169.254.170.2", Kind.METADATA),  # AWS ECS task credentials
        ("169.254.170.23", Kind.METADATA),  # AWS EKS pod identity
        ("168.63.129.16", Kind.METADATA),  # Azure's host; looks like a public address
        ("100.100.100.200", Kind.METADATA),  # Alibaba
        ("192.0.0.192", Kind.METADATA),  # Oracle
        ("0.0.0.0/8", Kind.THIS_HOST),
        ("10.0.0.0/8", Kind.PRIVATE),
        ("100.64.0.0/10", Kind.SHARED),
        ("127.0.0.0/8", Kind.LOOPBACK),
        ("169.254.0.0/16", Kind.LINK_LOCAL),
        ("172.16.0.0/12", Kind.PRIVATE),
        ("192.0.0.0/24", Kind.RESERVED),
        ("192.0.2.0/24", Kind.RESERVED),
        ("192.31.196.0/24", Kind.RESERVED),
        ("192.52.193.0/24", Kind.RESERVED),
        ("192.88.99.0/24", Kind.RESERVED),  # 6to4 relays
        ("192.168.0.0/16", Kind.PRIVATE),
        ("192.175.48.0/24", Kind.RESERVED),
        ("198.18.0.0/15", Kind.RESERVED),
        ("198.51.100.0/24", Kind.RESERVED),
        ("203.0.113.0/24", Kind.RESERVED),
        ("224.0.0.0/4", Kind.MULTICAST),
        ("240.0.0.0/4", Kind.RESERVED),
    )
)

# For IPv6 the default is the opposite: an address that matches no row is reserved.
_TABLE_V6: tuple[tuple[IPv6Network, Kind], ...] = tuple(
    (IPv6Network(text), kind)
    for text, kind in (
        ("fd00:ec2::254", Kind.METADATA),  # AWS
        ("fd00:ec2::23", Kind.METADATA),  # AWS EKS pod identity
        ("fd20:ce::254", Kind.METADATA),  # Google
        ("::", Kind.THIS_HOST),
        ("::1", Kind.LOOPBACK),
        ("64:ff9b::/96", Kind.TRANSLATED),
        ("2002::/16", Kind.TRANSLATED),
        ("2001::/23", Kind.RESERVED),  # Teredo and other protocol assignments
        ("2001:db8::/32", Kind.RESERVED),
        ("3fff::/20", Kind.RESERVED),
        ("2620:4f:8000::/48", Kind.RESERVED),
        ("2000::/3", Kind.PUBLIC),
        ("fc00::/7", Kind.PRIVATE),
        ("fe80::/10", Kind.LINK_LOCAL),
        ("fec0::/10", Kind.PRIVATE),  # site-local, deprecated in 2004, still in use
        ("ff00::/8", Kind.MULTICAST),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ANY_V4 = IPv4Network("0.0.0.0/0")
_ANY_V6 = IPv6Network("::/0")


@dataclass(frozen=True, slots=True)
class Classified:
    """An address as the gateway would connect to it, and its kind.

    An IPv4-mapped IPv6 address is treated as its IPv4 address, as the kernel does.
    """

    kind: Kind
    address: Address | None = None  # None if it is unreadable
    row: Network | None = None  # the table's row that matched
    embedded: IPv4Address | None = None  # the IPv4 address behind a translator


@dataclass(frozen=True, slots=True)
class CallbackPolicy:
    """The operator's rules for clients' callback URLs (`callbacks` in the configuration)."""

    allow_http: bool = False
    allow_networks: tuple[Network, ...] = ()
    allow_hosts: tuple[str, ...] = ()  # globs; empty: any public host


class Why(StrEnum):
    """Why a callback is refused. The values are stable."""

    UNREADABLE = "unreadable_url"
    TOO_LONG = "url_too_long"
    SCHEME = "scheme_not_allowed"
    USER_INFO = "user_info"
    HOST = "host_not_allowed"
    HOST_SPELLING = "host_spelling"
    PORT = "port_not_allowed"
    ADDRESS = "address_not_allowed"


@dataclass(frozen=True, slots=True)
class BlockedAddress:
    """The refusal of a callback: a stable reason, and a message for the client."""

    why: Why
    message: str


def classify(address: str) -> Classified:
    """Classify an address. Zones, leading zeros, short and numeric forms are unreadable."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return Classified(Kind.UNREADABLE)
    if isinstance(parsed, IPv4Address):
        return _look_up(parsed)
    if parsed.scope_id is not None:
        return Classified(Kind.UNREADABLE)
    return _look_up(parsed.ipv4_mapped or parsed)


def check_address(address: str, policy: CallbackPolicy) -> BlockedAddress | None:
    """Return why the gateway must not connect to this address; None: it may.

    An address that is not public must lie in one of `allow_networks`. For loopback, link-local and
    metadata addresses a network counts only if it is no wider than that range (`0.0.0.0/0` opens
    none of them). For a translated address both the translator's range and the embedded address
    must be allowed.
    """
    found = classify(address)
    if _may_reach(found, policy):
        return None
    return BlockedAddress(
        Why.ADDRESS, f"{address} is not an allowed callback address ({found.kind})"
    )


def _may_reach(found: Classified, policy: CallbackPolicy) -> bool:
    if found.address is None:
        return False
    if found.kind is Kind.PUBLIC:
        return True
    if not any(_opens(network, found) for network in policy.allow_networks):
        return False
    return found.embedded is None or _may_reach(_look_up(found.embedded), policy)


def _opens(network: Network, found: Classified) -> bool:
    if found.address not in network:
        return False
    return found.kind not in _GUARDED or _within(network, found.row)


def _within(network: Network, row: Network | None) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(row, IPv4Network) and network.subnet_of(row)
    return isinstance(row, IPv6Network) and network.subnet_of(row)


def _look_up(address: Address) -> Classified:
    if isinstance(address, IPv4Address):
        for row, kind in _TABLE_V4:
            if address in row:
                return Classified(kind, address, row)
        return Classified(Kind.PUBLIC, address, _ANY_V4)
    for row6, kind in _TABLE_V6:
        if address in row6:
            return Classified(kind, address, row6, _embedded(address, kind))
    return Classified(Kind.RESERVED, address, _ANY_V6)


def _embedded(address: IPv6Address, kind: Kind) -> IPv4Address | None:
    if kind is not Kind.TRANSLATED:
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour
