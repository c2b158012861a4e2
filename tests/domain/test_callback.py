"""Callback URLs: hostile ones are refused with a reason, valid ones are rebuilt."""

from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from gateway.domain.callback import CallbackTarget, check_callback_url
from gateway.domain.network import BlockedAddress, CallbackPolicy, Why
from tests.data.hostile_urls import HOSTILE

STRICT = CallbackPolicy()
# The most permissive policy possible: hostile spellings must still be refused.
LOOSE = CallbackPolicy(
    allow_http=True, allow_networks=(ip_network("0.0.0.0/0"), ip_network("::/0"))
)


@pytest.mark.parametrize(("url", "why"), HOSTILE, ids=[ascii(url)[:60] for url, _ in HOSTILE])
def test_hostile_urls_are_refused_for_a_stable_reason(url: str, why: Why) -> None:
    refusal = check_callback_url(url, STRICT)

    assert isinstance(refusal, BlockedAddress)
    assert refusal.why is why
    assert refusal.message


def test_the_table_has_more_than_forty_attacks() -> None:
    assert len({url for url, _ in HOSTILE}) == len(HOSTILE) >= 40


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (
            "https://hooks.example.com/video",
            CallbackTarget(
                "https://hooks.example.com/video", "https", "hooks.example.com", 443, literal=False
            ),
        ),
        (
            "HTTPS://Hooks.Example.COM:443/Video?Token=a%2Fb&x=[1]#part",
            CallbackTarget(
                "https://hooks.example.com/Video?Token=a%2Fb&x=[1]",
                "https",
                "hooks.example.com",
                443,
                literal=False,
            ),
        ),
        (
            "https://xn--bcher-kva.example:8443?x=1",
            CallbackTarget(
                "https://xn--bcher-kva.example:8443/?x=1",
                "https",
                "xn--bcher-kva.example",
                8443,
                literal=False,
            ),
        ),
        (
            "https://8.8.8.8",
            CallbackTarget("https://8.8.8.8/", "https", "8.8.8.8", 443, literal=True),
        ),
        (
            "https://[2606:4700::1111]:8443/x",
            CallbackTarget(
                "https://[2606:4700::1111]:8443/x", "https", "2606:4700::1111", 8443, literal=True
            ),
        ),
        (
            "https://a_b.0x7f.example/x@y:z",
            CallbackTarget(
                "https://a_b.0x7f.example/x@y:z", "https", "a_b.0x7f.example", 443, literal=False
            ),
        ),
    ],
)  # fmt: skip
def test_valid_urls_are_accepted_and_rebuilt(url: str, target: CallbackTarget) -> None:
    assert check_callback_url(url, STRICT) == target


def test_http_requires_the_operators_permission() -> None:
    url = "http://hooks.example.com/"

    assert refused(url, STRICT) is Why.SCHEME
    assert isinstance(check_callback_url(url, CallbackPolicy(allow_http=True)), CallbackTarget)
    assert refused("ftp://hooks.example.com/", CallbackPolicy(allow_http=True)) is Why.SCHEME


def test_allow_hosts_restricts_callbacks_to_the_listed_hosts() -> None:
    policy = CallbackPolicy(allow_hosts=("*.Example.com", "one.test", "8.8.*"))

    for url in (
        "https://a.example.com",
        "https://A.B.example.COM",
        "https://one.test",
        "https://8.8.4.4",
    ):
        assert isinstance(check_callback_url(url, policy), CallbackTarget), url
    for url in ("https://example.com", "https://a.example.com.evil.test", "https://9.9.9.9",
                "https://evil.test/?.example.com", "https://[2606:4700::1111]"):  # fmt: skip
        assert refused(url, policy) is Why.HOST, url


def test_a_listed_host_does_not_allow_its_addresses() -> None:
    policy = CallbackPolicy(allow_hosts=("*",))

    assert refused("https://10.0.0.7/", policy) is Why.ADDRESS
    assert refused("https://[::1]/", policy) is Why.ADDRESS


@pytest.mark.parametrize("host", ["render", "render.internal", "printer.local", "localhost"])
def test_internal_names_require_allow_hosts_or_allow_networks(host: str) -> None:
    url = f"https://{host}/hooks"
    opened = CallbackPolicy(allow_networks=(ip_network("10.0.0.0/8"),))
    named = CallbackPolicy(allow_hosts=(host,))

    assert refused(url, STRICT) is Why.HOST
    assert isinstance(check_callback_url(url, opened), CallbackTarget)
    assert isinstance(check_callback_url(url, named), CallbackTarget)


def test_an_allowed_network_accepts_only_canonical_address_spellings() -> None:
    policy = CallbackPolicy(allow_networks=(ip_network("127.0.0.0/8"),))

    assert isinstance(check_callback_url("https://127.0.0.1:9000/x", policy), CallbackTarget)
    assert refused("https://2130706433/x", policy) is Why.HOST_SPELLING
    assert refused("https://0x7f.0.0.1/x", policy) is Why.HOST_SPELLING


@pytest.mark.parametrize(("url", "why"), HOSTILE, ids=[ascii(url)[:60] for url, _ in HOSTILE])
def test_no_policy_allows_a_non_canonical_spelling(url: str, why: Why) -> None:
    if why in (Why.UNREADABLE, Why.USER_INFO, Why.HOST_SPELLING, Why.PORT, Why.TOO_LONG):
        assert refused(url, LOOSE) is why


@pytest.mark.parametrize("port", [0, 22, 25, 53, 6000, 6667, 65_536, 99_999])
def test_ports_of_other_protocols_are_refused(port: int) -> None:
    assert refused(f"https://hooks.example.com:{port}/", STRICT) is Why.PORT


ATOMS = st.sampled_from(
    ["http", "https", "://", ":", "/", "//", "\\", "@", "#", "?", "[", "]", "%", "%25", ".", "..",
     "127", "0x7f", "0177", "1", "::1", "::ffff:", "localhost", "example", "com", "a", "-", "_",
     "80", "443", "x", " ", "\t", "\n", "\0", "\u3002", "\uff11", "\u2460", "\ud800", "\u00e9"]
)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.one_of(st.lists(ATOMS, max_size=12).map("".join), st.text(max_size=80)))
def test_no_text_raises_and_three_parsers_agree_on_accepted_urls(text: str) -> None:
    """The HTTP client and Python's own parser read every accepted URL as the gateway does."""
    for candidate in (text, f"https://{text}"):
        target = check_callback_url(candidate, LOOSE)
        if isinstance(target, BlockedAddress):
            continue
        split, dialled = urlsplit(target.url), URL(target.url, encoded=True)

        assert target.url.isascii()
        assert split.hostname == target.host == dialled.raw_host
        assert (split.port or {"http": 80, "https": 443}[split.scheme]) == target.port
        assert dialled.port == target.port
        assert dialled.scheme == split.scheme == target.scheme
        assert split.username is split.password is dialled.user is None


@given(st.lists(ATOMS, max_size=12).map("".join))
def test_an_accepted_url_is_accepted_again_unchanged(text: str) -> None:
    target = check_callback_url(f"https://{text}", LOOSE)

    if isinstance(target, CallbackTarget):
        assert check_callback_url(target.url, LOOSE) == target


def refused(url: str, policy: CallbackPolicy) -> Why | None:
    verdict = check_callback_url(url, policy)
    return verdict.why if isinstance(verdict, BlockedAddress) else None
