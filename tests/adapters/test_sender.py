"""The sender against real servers on loopback, decent and hostile.

The addresses of loopback play the parts: 127.0.0.2 is what a policy allows, 127.0.0.1 is inside.
"""

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.adapters.resolver import Lookup
from gateway.adapters.sender import KEEP, READ_LIMIT, Check, OutboundSender
from gateway.domain.callback import CallbackTarget, check_callback_url
from gateway.domain.delivery import AttemptOutcome, ErrorKind, Judgement, judge
from gateway.domain.network import BlockedAddress, CallbackPolicy, Why
from tests.data.hostile_urls import HOSTILE
from tests.fakes.clock import FakeClock
from tests.fakes.dns import NameServerLookup, name_server
from tests.fakes.lookup import FakeLookup, StuckLookup
from tests.fakes.subscriber import (
    Behaviour,
    answers,
    is_silent,
    repeats,
    resets,
    says,
    subscriber,
    two_subscribers,
)

STRICT = CallbackPolicy(allow_http=True)
SECOND_ONLY = CallbackPolicy(allow_http=True, allow_networks=(ip_network("127.0.0.2/32"),))
BODY = b'{"type":"ping","data":{"text":"\xc3\xa9"}}'
HEADERS = {"Content-Type": "application/json", "webhook-id": "evt_1"}

SHORT = 0.7  # seconds for an attempt on someone who will use them up
HALF_OF_ASYNCIOS_PATIENCE = 15.0  # it waits 30 s for the other side's end of TLS
PROMPT = 20.0  # seconds that a loaded machine may take for what should be instant


def a_sender(
    lookup: Lookup | None = None,
    *,
    strangers: Lookup | None = None,
    clock: FakeClock | None = None,
    timeout: float = PROMPT,
    tls: ssl.SSLContext | None = None,
    check: Check = check_callback_url,
) -> OutboundSender:
    return OutboundSender(
        clock or FakeClock(),
        lookup or FakeLookup(),
        strangers,
        timeout=timeout,
        user_agent="video-gateway/1",
        ssl_context=tls,
        check=check,
    )


async def send(
    sender: OutboundSender, url: str, policy: CallbackPolicy | None = None
) -> AttemptOutcome:
    return await sender.send(url, HEADERS, BODY, policy)


# What arrives.


async def test_the_very_bytes_and_headers_arrive_once() -> None:
    async with subscriber(answers(204)) as peer:
        outcome = await send(a_sender(), peer.url(path="/hook?a=%2F&b=1"))

    assert (outcome.status, outcome.error, outcome.detail) == (204, None, "")
    assert peer.connects == 1
    assert peer.body == BODY
    assert peer.head.startswith("post /hook?a=%2f&b=1 http/1.1\r\n")
    for line in ("content-type: application/json", "webhook-id: evt_1",
                 "user-agent: video-gateway/1", "accept-encoding: identity"):  # fmt: skip
        assert line in peer.head


async def test_the_time_an_attempt_took_is_told() -> None:
    clock = FakeClock()

    async def takes_a_while(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await clock.advance(0.25)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with subscriber(takes_a_while) as peer:
        outcome = await send(a_sender(clock=clock), peer.url())

    assert (outcome.status, outcome.latency_ms) == (200, 250)


@pytest.mark.parametrize("status", [200, 301, 404, 410, 500, 503])
async def test_every_status_is_an_answer(status: int) -> None:
    async with subscriber(answers(status, b"because")) as peer:
        outcome = await send(a_sender(), peer.url())

    assert (outcome.status, outcome.error, outcome.answer) == (status, None, "because")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120), ("Sun, 22 Nov 2026 12:02:00 GMT", 120), ("soon", None)],
)
async def test_retry_after_is_read_against_the_clock(header: str, seconds: int | None) -> None:
    clock = FakeClock(datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    async with subscriber(answers(503, b"", f"Retry-After: {header}")) as peer:
        outcome = await send(a_sender(clock=clock), peer.url())

    assert outcome.retry_after == seconds


async def test_an_answer_is_kept_in_its_beginning_and_made_harmless() -> None:
    async with subscriber(answers(500, b"no\0\x1b[31m\xff\n" + b"x" * 5000)) as peer:
        outcome = await send(a_sender(), peer.url())

    assert outcome.answer.startswith("no\ufffd\ufffd[31m\ufffd\nxxx")
    assert len(outcome.answer) == KEEP


async def test_nothing_is_kept_between_attempts() -> None:
    """No pooled connection that outlives a policy, and no cookie."""
    async with subscriber(answers(200, b"", "Set-Cookie: a=b", "Connection: keep-alive")) as peer:
        sender = a_sender()
        await send(sender, peer.url())
        await send(sender, peer.url())

    assert peer.connects == 2
    assert "cookie" not in peer.head


# Where it may go.


@pytest.mark.parametrize("url", [url for url, _ in HOSTILE], ids=lambda url: ascii(url)[:60])
async def test_no_hostile_url_gets_as_far_as_a_lookup(url: str) -> None:
    lookup = FakeLookup(["127.0.0.2"])

    outcome = await send(a_sender(lookup), url, CallbackPolicy())

    assert (outcome.status, outcome.error) == (None, ErrorKind.BLOCKED_ADDRESS)
    assert outcome.detail
    assert lookup.asked == []
    assert judge(outcome) is Judgement.RETRY


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "inner.example"])
async def test_a_forbidden_address_is_never_connected_to(host: str) -> None:
    async with two_subscribers(answers(200), "127.0.0.1", "::1") as (four, six):
        sender = a_sender(FakeLookup(["127.0.0.1", "::1"]))
        outcome = await send(sender, four.url(host), STRICT)
        assert (four.connects, six.connects) == (0, 0)
        await send(sender, four.url(host), None)  # the listeners do listen
        assert four.connects + six.connects == 1

    assert (outcome.status, outcome.error) == (None, ErrorKind.BLOCKED_ADDRESS)


async def test_what_fools_the_reader_of_urls_is_still_stopped_at_the_socket() -> None:
    """aiohttp asks no resolver about a literal address: only the socket's own check is left."""

    def fooled(url: str, _: CallbackPolicy) -> CallbackTarget:
        return CallbackTarget(url, "http", "hooks.example", 80, literal=False)

    async with two_subscribers(answers(200), "127.0.0.1", "::1") as (four, six):
        for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):
            outcome = await send(a_sender(check=fooled), four.url(host), STRICT)
            assert outcome.error is ErrorKind.BLOCKED_ADDRESS

    assert (four.connects, six.connects) == (0, 0)


async def test_an_operators_own_subscriber_may_be_anywhere() -> None:
    async with subscriber(answers(200)) as peer:
        outcome = await send(a_sender(FakeLookup(["127.0.0.1"])), peer.url("render"), None)

    assert outcome.status == 200


async def test_a_name_that_turns_inward_between_attempts_is_refused() -> None:
    """DNS rebinding, over a real name server: the permitted address first, then the inner one."""
    async with (
        name_server(["127.0.0.2"], ["127.0.0.1"]) as names,
        two_subscribers(answers(200), "127.0.0.2", "127.0.0.1") as (permitted, inner),
    ):
        sender = a_sender(NameServerLookup(names.port))
        first = await send(sender, permitted.url("rebind.example"), SECOND_ONLY)
        second = await send(sender, permitted.url("rebind.example"), SECOND_ONLY)

        assert names.questions == ["rebind.example"] * 2
        assert (permitted.connects, inner.connects) == (1, 0)
    assert first.status == 200
    assert second.error is ErrorKind.BLOCKED_ADDRESS


async def test_a_name_that_turns_inward_after_the_check_has_nothing_to_gain() -> None:
    """What is asked once can't change between the check and the connection."""
    async with (
        name_server(["127.0.0.2"], ["127.0.0.1"]) as names,
        two_subscribers(answers(200), "127.0.0.2", "127.0.0.1") as (permitted, inner),
    ):
        sender = a_sender(NameServerLookup(names.port))
        outcome = await send(sender, permitted.url("rebind.example"), SECOND_ONLY)

        assert len(names.questions) == 1
        assert (permitted.connects, inner.connects) == (1, 0)
    assert outcome.status == 200


@pytest.mark.parametrize("addresses", [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
async def test_a_public_and_a_private_answer_at_once_is_refused(addresses: Sequence[str]) -> None:
    async with (
        name_server(addresses) as names,
        two_subscribers(answers(200), "127.0.0.2", "127.0.0.1") as (permitted, inner),
    ):
        sender = a_sender(NameServerLookup(names.port))
        outcome = await send(sender, permitted.url("both.example"), SECOND_ONLY)

        assert (permitted.connects, inner.connects) == (0, 0)
    assert outcome.error is ErrorKind.BLOCKED_ADDRESS


async def test_a_policy_that_was_narrowed_holds_from_the_next_attempt_on() -> None:
    async with subscriber(answers(200), "127.0.0.2") as peer:
        sender = a_sender()
        before = await send(sender, peer.url("127.0.0.2"), SECOND_ONLY)
        after = await send(sender, peer.url("127.0.0.2"), STRICT)

    assert (before.status, after.error) == (200, ErrorKind.BLOCKED_ADDRESS)
    assert peer.connects == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_not_followed(status: int) -> None:
    async with subscriber(answers(200)) as inner:
        target = f"Location: {inner.url(path='/latest/meta-data/')}"
        async with subscriber(answers(status, b"", target), "127.0.0.2") as peer:
            for policy in (SECOND_ONLY, None):
                outcome = await send(a_sender(), peer.url("127.0.0.2"), policy)
                assert outcome.status == status
                assert judge(outcome) is Judgement.RETRY

    assert (peer.connects, inner.connects) == (2, 0)


async def test_proxies_and_netrc_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with subscriber(answers(200)) as proxy, subscriber(answers(200)) as peer:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url(path=""))
        outcome = await send(a_sender(), peer.url())

    assert outcome.status == 200
    assert (proxy.connects, peer.connects) == (0, 1)
    assert "authorization" not in peer.head


async def test_strangers_names_are_looked_up_apart_from_the_operators() -> None:
    own, theirs = FakeLookup(["127.0.0.2"]), FakeLookup(["127.0.0.2"])
    async with subscriber(answers(200), "127.0.0.2") as peer:
        sender = a_sender(own, strangers=theirs)
        await send(sender, peer.url("theirs.example"), SECOND_ONLY)
        await send(sender, peer.url("own.example"), None)

    assert (own.asked, theirs.asked) == (["own.example"], ["theirs.example"])


# What a hostile or broken subscriber can do.

OK = b"HTTP/1.1 200 OK\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("behave", "status", "error"),
    [
        (is_silent, None, ErrorKind.TIMEOUT),
        (repeats(b"", b"H", pause=0.02), None, ErrorKind.PROTOCOL),
        (repeats(OK, b"X: y", pause=0.02), None, ErrorKind.TIMEOUT),
        (repeats(b"", CONTINUE, pause=0.001), None, ErrorKind.TIMEOUT),
        (repeats(b"", CONTINUE * 1000), None, ErrorKind.TIMEOUT),
        (repeats(OK + b"Content-Length: 99\r\n\r\n", b"x", pause=0.02), 200, ErrorKind.TIMEOUT),
        (repeats(CHUNKED, b"1\r\nx\r\n", pause=0.02), 200, ErrorKind.TIMEOUT),
        (resets, None, ErrorKind.RESET),
        (says(b""), None, ErrorKind.RESET),
        (says(b"220 mail.example ESMTP\r\n"), None, ErrorKind.PROTOCOL),
        (says(b"\0" * 100), None, ErrorKind.PROTOCOL),
        (says(OK + b"X: " + b"y" * 20_000 + b"\r\n\r\n"), None, ErrorKind.PROTOCOL),
        (says(OK + b"X: y\r\n" * 100_000 + b"\r\n"), None, ErrorKind.PROTOCOL),
        (says(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), None, ErrorKind.PROTOCOL),
        (says(CHUNKED + b"zz\r\nx\r\n"), None, ErrorKind.PROTOCOL),
        (says(OK + b"Content-Length: 100\r\n\r\nshort"), 200, ErrorKind.PROTOCOL),
    ],
    ids=["silence", "status drip", "header drip", "100 for ever", "100 flood", "body drip",
         "chunk drip", "reset", "close", "mail server", "zeros", "long header", "100000 headers",
         "two lengths", "bad chunk", "short body"],
)  # fmt: skip
async def test_what_goes_wrong_is_told_apart_and_ends_in_time(
    behave: Behaviour, status: int | None, error: ErrorKind
) -> None:
    loop = asyncio.get_running_loop()
    async with subscriber(behave) as peer:
        started = loop.time()
        timeout = SHORT if error is ErrorKind.TIMEOUT else PROMPT
        outcome = await send(a_sender(timeout=timeout), peer.url())
        elapsed = loop.time() - started

    assert (outcome.status, outcome.error) == (status, error)
    assert outcome.detail
    assert elapsed < PROMPT


async def test_an_endless_body_is_read_to_its_limit_and_hung_up_on() -> None:
    behave = repeats(CHUNKED, b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
    async with subscriber(behave) as peer:
        outcome = await send(a_sender(), peer.url())
        await asyncio.wait_for(peer.left.wait(), PROMPT)

    assert (outcome.status, outcome.error) == (200, None)
    assert outcome.answer == "x" * KEEP


async def test_no_more_than_the_limit_of_an_answer_is_read() -> None:
    """The rest stays in the sockets' buffers: the subscriber can't even get rid of 16 MB."""
    body = b"x" * 16_000_000
    finished = asyncio.Event()

    async def floods(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: %d\r\n\r\n" % len(body))
        writer.write(body)
        await writer.drain()
        finished.set()

    async with subscriber(floods) as peer:
        outcome = await send(a_sender(), peer.url())
        await asyncio.wait_for(peer.left.wait(), PROMPT)

    assert (outcome.status, len(outcome.answer)) == (200, KEEP)
    assert not finished.is_set()
    assert READ_LIMIT == 64 * 1024


async def test_a_decent_subscriber_gets_to_finish_its_answer() -> None:
    finished = asyncio.Event()

    async def talks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 60000\r\n\r\n")
        for piece in [b"y" * 10_000] * 6:
            writer.write(piece)
            await writer.drain()
        finished.set()

    async with subscriber(talks) as peer:
        outcome = await send(a_sender(), peer.url())

    assert (outcome.status, outcome.error) == (200, None)
    assert finished.is_set()


async def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(b"A" * 50_000_000)
    async with subscriber(answers(200, bomb, "Content-Encoding: gzip")) as peer:
        outcome = await send(a_sender(), peer.url())

    assert (outcome.status, outcome.error) == (200, None)
    assert "AAAA" not in outcome.answer


async def test_one_address_that_is_down_leaves_the_other() -> None:
    async with subscriber(answers(200), "127.0.0.2") as peer:
        sender = a_sender(FakeLookup(["127.0.0.1", "127.0.0.2"]))
        outcome = await send(sender, peer.url("two.example"), None)

    assert outcome.status == 200


async def test_nobody_listening_is_a_failed_connection() -> None:
    async with subscriber(answers(200)) as peer:
        url = peer.url()
    outcome = await send(a_sender(), url)

    assert (outcome.status, outcome.error) == (None, ErrorKind.CONNECT)


async def test_a_name_that_is_not_known_is_told_as_such() -> None:
    outcome = await send(a_sender(FakeLookup([])), "http://nowhere.example/", STRICT)

    assert (outcome.status, outcome.error) == (None, ErrorKind.DNS)


async def test_a_name_server_that_never_answers_ends_with_the_attempt() -> None:
    outcome = await send(a_sender(StuckLookup(), timeout=SHORT), "http://slow.example/", STRICT)

    assert (outcome.status, outcome.error) == (None, ErrorKind.TIMEOUT)


@pytest.mark.parametrize(
    "url", ["", "x", "http://", "ftp://a.example/", "http://a:b:c/", "http://[/"]
)
async def test_an_operators_url_that_is_none_is_an_outcome(url: str) -> None:
    outcome = await send(a_sender(), url, None)

    assert (outcome.status, outcome.error) == (None, ErrorKind.PROTOCOL)


async def test_an_operators_url_in_his_own_script_is_quoted() -> None:
    async with subscriber(answers(200)) as peer:
        outcome = await send(a_sender(), peer.url(path="/h\u00f6ok?x=1 2"))

    assert outcome.status == 200
    assert peer.head.startswith("post /h%c3%b6ok?x=1+2 http/1.1")


@pytest.mark.parametrize("behave", [is_silent, resets, says(b"zzz"), says(CHUNKED + b"zz\r\n")])
async def test_no_failure_tells_the_secret_part_of_a_url(behave: Behaviour) -> None:
    async with subscriber(behave) as peer:
        sender = a_sender(timeout=SHORT)
        outcomes = [
            await send(sender, peer.url(path="/p4th?token=s3cret")),
            await send(sender, peer.url(path="/p4th?token=s3cret"), STRICT),
            await send(sender, f"http://{'x' * 70}:1:1/p4th?token=s3cret"),
            await send(sender, f"http://nowhere.example:{peer.port}/p4th?token=s3cret"),
        ]

    for outcome in outcomes:
        assert outcome.error is not None
        assert "s3cret" not in outcome.detail
        assert "p4th" not in outcome.detail


async def test_a_cancelled_attempt_is_cancelled_and_hangs_up() -> None:
    reached = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()

    async with subscriber(waits) as peer:
        task = asyncio.create_task(send(a_sender(), peer.url()))
        await asyncio.wait_for(reached.wait(), PROMPT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(peer.left.wait(), PROMPT)


async def test_one_that_hangs_holds_up_no_other() -> None:
    async with subscriber(is_silent) as dead, subscriber(answers(200)) as alive:
        sender = a_sender(timeout=PROMPT)
        hanging = [asyncio.create_task(send(sender, dead.url())) for _ in range(20)]
        outcomes = await asyncio.gather(*(send(sender, alive.url()) for _ in range(50)))
        still_hanging = [task for task in hanging if not task.done()]
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    assert [outcome.status for outcome in outcomes] == [200] * 50
    assert len(still_hanging) == 20


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for hooks.example, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl command here to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    both = folder / "both.pem"
    key, crt = folder / "key.pem", folder / "crt.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", key, "-out", crt, "-days", "2", "-subj", "/CN=hooks.example",
         "-addext", "subjectAltName=DNS:hooks.example"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    both.write_bytes(key.read_bytes() + crt.read_bytes())
    return both


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def test_tls_keeps_the_name_while_the_address_is_pinned(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    lookup = FakeLookup(["127.0.0.2"])
    tls = server_tls(certificate)
    async with subscriber(answers(200, b"hi"), "127.0.0.2", tls=tls) as peer:
        sender = a_sender(lookup, tls=trusting)
        outcome = await send(sender, peer.url("hooks.example", scheme="https"), SECOND_ONLY)

    assert (outcome.status, outcome.error, outcome.answer) == (200, None, "hi")
    assert f"host: hooks.example:{peer.port}" in peer.head


@pytest.mark.parametrize(("host", "trusted"), [("hooks.example", False), ("other.example", True)])
async def test_a_certificate_that_does_not_fit_ends_the_attempt_before_a_byte_is_sent(
    certificate: Path, host: str, *, trusted: bool
) -> None:
    context = ssl.create_default_context(cafile=str(certificate) if trusted else None)
    tls = server_tls(certificate)
    async with subscriber(answers(200), "127.0.0.2", tls=tls) as peer:
        sender = a_sender(FakeLookup(["127.0.0.2"]), tls=context)
        outcome = await send(sender, peer.url(host, scheme="https"), SECOND_ONLY)

    assert (outcome.status, outcome.error) == (None, ErrorKind.TLS)
    assert peer.requests == []


async def test_a_peer_that_never_says_goodbye_keeps_no_connection(certificate: Path) -> None:
    """TLS ends with a word from both sides; a hostile peer would hold the socket by its silence."""
    trusting = ssl.create_default_context(cafile=str(certificate))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://hooks.example:{listener.getsockname()[1]}/"
        silent = asyncio.create_task(asyncio.to_thread(_never_says_goodbye, listener, certificate))
        outcome = await send(a_sender(FakeLookup(["127.0.0.1"]), tls=trusting), url)

        assert (outcome.status, outcome.answer) == (200, "hi")
        assert await silent == "we hung up"


def _never_says_goodbye(listener: socket.socket, certificate: Path) -> str:
    listener.settimeout(HALF_OF_ASYNCIOS_PATIENCE)
    accepted, _ = listener.accept()
    accepted.settimeout(HALF_OF_ASYNCIOS_PATIENCE)
    secured = server_tls(certificate).wrap_socket(accepted, server_side=True)
    secured.recv(65_536)
    secured.sendall(OK + b"Content-Length: 2\r\n\r\nhi")
    with socket.socket(fileno=secured.detach()) as raw:
        raw.settimeout(HALF_OF_ASYNCIOS_PATIENCE)
        with suppress(ConnectionResetError):
            while raw.recv(65_536):
                pass
    return "we hung up"


async def test_a_server_that_speaks_no_tls_is_told_as_such() -> None:
    async def babbles(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(babbles, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await send(a_sender(), f"https://127.0.0.1:{port}/", None)

    assert (outcome.status, outcome.error) == (None, ErrorKind.TLS)


# What can be said before a job is paid for.


async def test_inspection_tells_what_an_attempt_would_refuse() -> None:
    refusal = await a_sender(FakeLookup(["10.0.0.7"])).inspect("http://inner.example/", STRICT)
    literal = await a_sender().inspect("http://10.0.0.7/", STRICT)
    scheme = await a_sender().inspect("http://hooks.example/", CallbackPolicy())

    assert isinstance(refusal, BlockedAddress)
    assert (refusal.why, "10.0.0.7" in refusal.message) == (Why.ADDRESS, True)
    assert isinstance(literal, BlockedAddress)
    assert isinstance(scheme, BlockedAddress)
    assert scheme.why is Why.SCHEME


async def test_inspection_connects_to_nobody() -> None:
    async with subscriber(answers(200), "127.0.0.2") as peer:
        sender = a_sender(FakeLookup(["127.0.0.2"]))

        assert await sender.inspect(peer.url("hooks.example"), SECOND_ONLY) is None
        assert await sender.inspect(peer.url("127.0.0.2"), SECOND_ONLY) is None
        assert peer.connects == 0


async def test_inspection_leaves_a_name_that_nobody_answers_for_to_the_attempts() -> None:
    url = "http://hooks.example/"

    assert await a_sender(FakeLookup([])).inspect(url, STRICT) is None
    assert await a_sender(StuckLookup()).inspect(url, STRICT, timeout=0.05) is None
