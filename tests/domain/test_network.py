"""Addresses: their kinds, and which ones a policy allows."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.network import (
    CallbackPolicy,
    Kind,
    Network,
    Why,
    check_address,
    classify,
)

STRICT = CallbackPolicy()

BAD = {
    "0.0.0.0": Kind.THIS_HOST,
    "0.1.2.3": Kind.THIS_HOST,
    "10.0.0.1": Kind.PRIVATE,
    "10.255.255.255": Kind.PRIVATE,
    "100.64.0.1": Kind.SHARED,
    "100.100.100.200": Kind.METADATA,
    "100.127.255.255": Kind.SHARED,
    "127.0.0.1": Kind.LOOPBACK,
    "127.255.255.254": Kind.LOOPBACK,
    "168.63.129.16": Kind.METADATA,
    "169.254.0.1": Kind.LINK_LOCAL,
    "169.254.169.254": Kind.METADATA,
    "169.254.170.2": Kind.METADATA,
    "172.16.0.1": Kind.PRIVATE,
    "172.31.255.255": Kind.PRIVATE,
    "192.0.0.8": Kind.RESERVED,
    "192.0.0.192": Kind.METADATA,
    "192.0.2.1": Kind.RESERVED,
    "192.31.196.1": Kind.RESERVED,
    "192.52.193.1": Kind.RESERVED,
    "192.88.99.1": Kind.RESERVED,
    "192.168.1.1": Kind.PRIVATE,
    "192.175.48.1": Kind.RESERVED,
    "198.18.0.1": Kind.RESERVED,
    "198.19.255.255": Kind.RESERVED,
    "198.51.100.7": Kind.RESERVED,
    "203.0.113.7": Kind.RESERVED,
    "224.0.0.1": Kind.MULTICAST,
    "239.255.255.250": Kind.MULTICAST,
    "240.0.0.1": Kind.RESERVED,
    "255.255.255.255": Kind.RESERVED,
    "::": Kind.THIS_HOST,
    "::1": Kind.LOOPBACK,
    "0:0:0:0:0:0:0:1": Kind.LOOPBACK,
    "::127.0.0.1": Kind.RESERVED,
    "::ffff:127.0.0.1": Kind.LOOPBACK,
    "::ffff:a9fe:a9fe": Kind.METADATA,
    "::ffff:10.0.0.1": Kind.PRIVATE,
    "::ffff:0:127.0.0.1": Kind.RESERVED,
    "64:ff9b::a9fe:a9fe": Kind.TRANSLATED,
    "64:ff9b::8.8.8.8": Kind.TRANSLATED,
    "64:ff9b:1::7f00:1": Kind.RESERVED,
    "100::1": Kind.RESERVED,
    "2001::1": Kind.RESERVED,
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": Kind.RESERVED,
    "2001:db8::1": Kind.RESERVED,
    "2002:7f00:1::": Kind.TRANSLATED,
    "2002:808:808::1": Kind.TRANSLATED,
    "2620:4f:8000::1": Kind.RESERVED,
    "3fff::1": Kind.RESERVED,
    "4000::1": Kind.RESERVED,
    "5f00::1": Kind.RESERVED,
    "fc00::1": Kind.PRIVATE,
    "fd00:ec2::254": Kind.METADATA,
    "fd20:ce::254": Kind.METADATA,
    "fdff:ffff::1": Kind.PRIVATE,
    "fe80::1": Kind.LINK_LOCAL,
    "fec0::1": Kind.PRIVATE,
    "ff02::1": Kind.MULTICAST,
}

UNREADABLE = [
    "",
    " ",
    "localhost",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "127.0.0.01",
    "127.0.0.1 ",
    "127.0.0.1\n",
    "127.0.0.1.",
    "127.0.0.256",
    "[::1]",
    "fe80::1%eth0",
    "2606:4700::1%1",
    "::1%",
    "\uff11\uff12\uff17.0.0.1",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    "127\u30020\u30020\u30021",
    "\ud800",
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "3ffe:ffff::1",
]


@pytest.mark.parametrize(("address", "kind"), BAD.items())
def test_a_non_public_address_is_classified_and_refused(address: str, kind: Kind) -> None:
    refusal = check_address(address, STRICT)

    assert classify(address).kind is kind
    assert refusal is not None
    assert refusal.why is Why.ADDRESS
    assert address in refusal.message


@pytest.mark.parametrize("address", UNREADABLE, ids=ascii)
def test_a_non_canonical_address_is_refused_by_every_policy(address: str) -> None:
    everything = CallbackPolicy(allow_networks=networks("0.0.0.0/0", "::/0"))

    assert classify(address).kind is Kind.UNREADABLE
    assert check_address(address, everything) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_next_to_other_ranges_are_allowed(address: str) -> None:
    assert classify(address).kind is Kind.PUBLIC
    assert check_address(address, STRICT) is None


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.0.0.7", "10.0.0.0/8"),
        ("10.0.0.7", "0.0.0.0/0"),
        ("::ffff:10.0.0.7", "10.0.0.0/8"),
        ("100.64.0.1", "100.64.0.0/10"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("127.0.0.1", "127.0.0.1/32"),
        ("169.254.1.1", "169.254.0.0/16"),
        ("169.254.169.254", "169.254.169.254/32"),
        ("fd12::1", "fd00::/8"),
        ("::1", "::1/128"),
        ("fe80::1", "fe80::/10"),
    ],
)
def test_a_listed_network_is_allowed(address: str, allowed: str) -> None:
    assert check_address(address, STRICT) is not None
    assert check_address(address, CallbackPolicy(allow_networks=networks(allowed))) is None


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", "0.0.0.0/0"),
        ("127.0.0.1", "126.0.0.0/7"),
        ("0.0.0.0", "0.0.0.0/0"),
        ("169.254.1.1", "0.0.0.0/0"),
        ("169.254.169.254", "169.254.0.0/16"),
        ("::ffff:169.254.169.254", "169.254.0.0/16"),
        ("100.100.100.200", "100.64.0.0/10"),
        ("168.63.129.16", "168.63.0.0/16"),
        ("fd00:ec2::254", "fd00::/8"),
        ("::1", "::/0"),
        ("fe80::1", "::/0"),
        ("::", "::/0"),
    ],
)
def test_a_wide_network_never_opens_loopback_link_local_or_metadata(
    address: str, allowed: str
) -> None:
    assert check_address(address, CallbackPolicy(allow_networks=networks(allowed))) is not None


def test_an_address_behind_a_listed_translator_must_itself_be_allowed() -> None:
    """An IPv6-only host with DNS64 allows the translator, but not every address behind it."""
    translator = CallbackPolicy(allow_networks=networks("64:ff9b::/96"))
    both = CallbackPolicy(allow_networks=networks("64:ff9b::/96", "10.0.0.0/8"))

    assert check_address("64:ff9b::8.8.8.8", translator) is None
    assert check_address("64:ff9b::10.0.0.7", translator) is not None
    assert check_address("64:ff9b::10.0.0.7", both) is None
    assert check_address("64:ff9b::169.254.169.254", both) is not None
    assert check_address("10.0.0.7", translator) is not None


def test_an_address_behind_6to4_must_itself_be_allowed() -> None:
    listed = CallbackPolicy(allow_networks=networks("2002::/16"))

    assert check_address("2002:808:808::1", listed) is None
    assert check_address("2002:7f00:1::1", listed) is not None


@given(st.ip_addresses())
def test_a_mapped_address_is_checked_as_its_ipv4_address(address: object) -> None:
    text = str(address)
    if ":" in text:
        assert classify(text) == classify(text.upper())
    else:
        assert classify(f"::ffff:{text}") == classify(text)


@given(st.text(max_size=60))
def test_no_address_text_raises(text: str) -> None:
    found = classify(text)

    assert (found.kind is Kind.UNREADABLE) == (found.address is None)


def networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)
