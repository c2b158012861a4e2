"""Where the gateway may connect on a stranger's word: addresses by kind, and the rules for them.

The table is our own (docs/reliability.md (c)): `ipaddress.is_global` calls NAT64, 6to4 and
multicast forms of private addresses global, and differs between patch releases of Python.
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
    """What an address leads to."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link_local"
    METADATA = "metadata"  # a cloud's own service, where credentials are to be had
    THIS_HOST = "this_host"  # 0.0.0.0 and ::, which Linux connects to loopback
    SHARED = "shared"  # carrier-grade NAT
    MULTICAST = "multicast"
    TRANSLATED = "translated"  # an IPv4 address in IPv6 clothes: NAT64, 6to4
    RESERVED = "reserved"
    UNREADABLE = "unreadable"  # not an address in its plain spelling


# Never opened by a wide network in `allow_networks`: only by one that lies within the row.
_GUARDED = frozenset({Kind.LOOPBACK, Kind.LINK_LOCAL, Kind.METADATA, Kind.THIS_HOST})

# First match wins, so single addresses come before the ranges they lie in.
_TABLE_V4: tuple[tuple[IPv4Network, Kind], ...] = tuple(
    (IPv4Network(text), kind)
    for text, kind in (
        ("169.254.169.254", Kind.METADATA),  # AWS, Azure, Google, and most others
        ("169.254.170.2", Kind.METADATA),  # AWS ECS task credentials
        ("169.254.170.23", Kind.METADATA),  # AWS EKS pod identity
        ("168.63.129.16", Kind.METADATA),  # Azure's host; a public address by its looks
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

# IPv6 is the other way round: what is not here, and not in 2000::/3, is reserved.
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
        ("fec0::/10", Kind.PRIVATE),  # site-local, given up in 2004, still routed by some
        ("ff00::/8", Kind.MULTICAST),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ANY_V4 = IPv4Network("0.0.0.0/0")
_ANY_V6 = IPv6Network("::/0")


@dataclass(frozen=True, slots=True)
class Classified:
    """An address as it will be dialled, and what it leads to.

    An IPv4-mapped IPv6 address is its IPv4 address: the kernel makes no difference either.
    """

    kind: Kind
    address: Address | None = None  # None where it is unreadable
    row: Network | None = None  # the line of the table that decided
    embedded: IPv4Address | None = None  # what a translator would make of it


@dataclass(frozen=True, slots=True)
class CallbackPolicy:
    """The operator's rules for URLs that clients give (`callbacks` of the configuration)."""

    allow_http: bool = False
    allow_networks: tuple[Network, ...] = ()
    allow_hosts: tuple[str, ...] = ()  # globs; empty: any public host


class Why(StrEnum):
    """Why a callback is refused; stable."""

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
    """A callback is refused: a stable reason, and words for the client."""

    why: Why
    message: str


def classify(address: str) -> Classified:
    """What the address leads to; a zone, a leading zero, a short or numeric form is unreadable."""
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
    """Whether a connection may go to this address; None is yes.

    What is not public must lie in one of `allow_networks`; for loopback, link-local and metadata a
    network counts only if it is no wider than that range itself (`0.0.0.0/0` opens none of them).
    For a translated address both the translator's range and the address within must be allowed.
    """
    found = classify(address)
    if _may_reach(found, policy):
        return None
    return BlockedAddress(
        Why.ADDRESS, f"{address} is not an address callbacks may go to ({found.kind})"
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
