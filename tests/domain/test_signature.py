"""Signatures: the published vectors, forgeries, and a comparison with a second implementation."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from gateway.domain.signature import (
    Verdict,
    sign_link,
    sign_openrouter,
    sign_standard,
    standard_key,
    verify_link,
    verify_openrouter,
)

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "webhook-vectors.json").read_text("utf-8")
)["vectors"]

# Why each invalid vector is refused; the file itself does not state the reason.
REASONS = {
    "multiple_v1_none_good": Verdict.MISMATCH,
    "wrong_secret": Verdict.MISMATCH,
    "wrong_secret_case": Verdict.MISMATCH,
    "tampered_body_cost": Verdict.MISMATCH,
    "tampered_body_trailing_newline": Verdict.MISMATCH,
    "reserialised_body": Verdict.MISMATCH,
    "tampered_timestamp": Verdict.MISMATCH,
    "stale_301": Verdict.STALE,
    "stale_one_day": Verdict.STALE,
    "future_301": Verdict.FUTURE,
    "missing_t": Verdict.MALFORMED,
    "missing_v1": Verdict.MALFORMED,
    "empty_v1": Verdict.MALFORMED,
    "empty_header": Verdict.MISSING,
    "absent_header": Verdict.MISSING,
    "non_numeric_t": Verdict.MALFORMED,
    "millisecond_t": Verdict.FUTURE,
    "uppercase_hex": Verdict.MISMATCH,
    "truncated_v1": Verdict.MISMATCH,
    "base64_digest": Verdict.MISMATCH,
    "dot_separator": Verdict.MISMATCH,
    "body_only_signature": Verdict.MISMATCH,
}

SECRET = "whsec_test_4f9c1d7e2b8a"
NOW = 1_790_983_600
BODY = b'{"type":"video.generation.completed"}'
KEY = bytes(range(32))
JOB = "gen-vid-1790983457-BXyYqhSkuztnVdDoZpef"


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_every_vector_gets_its_strict_verdict(vector: dict[str, Any]) -> None:
    body = bytes.fromhex(vector["raw_body_hex"])

    verdict = verify_openrouter(vector["signature_header"], body, [vector["secret"]], vector["now"])

    assert hashlib.sha256(body).hexdigest() == vector["raw_body_sha256"]
    assert verdict.verified is vector["expect"]["recommended"]
    assert verdict is REASONS.get(vector["name"], Verdict.VERIFIED)


def test_every_vector_is_tested() -> None:
    refused = {vector["name"] for vector in VECTORS if not vector["expect"]["recommended"]}

    assert len(VECTORS) == 38
    assert refused == set(REASONS)


def test_our_signature_equals_openrouters() -> None:
    vector = VECTORS[0]
    body = bytes.fromhex(vector["raw_body_hex"])

    assert sign_openrouter(body, vector["secret"], 1_790_983_595) == vector["signature_header"]


def test_any_of_the_secrets_may_match() -> None:
    header = sign_openrouter(BODY, "the-new-secret-123", NOW)

    assert verify_openrouter(header, BODY, ["the-old-secret-123"], NOW) is Verdict.MISMATCH
    assert verify_openrouter(
        header, BODY, ["the-old-secret-123", "the-new-secret-123"], NOW
    ).verified


@pytest.mark.parametrize("secrets", [[], [""], ["", "  \t"]])
def test_without_a_secret_nothing_verifies(secrets: list[str]) -> None:
    """Anyone can compute the HMAC under an empty key."""
    digest = hmac.new(b"", f"{NOW},".encode() + BODY, "sha256").hexdigest()

    assert verify_openrouter(f"t={NOW},v1={digest}", BODY, secrets, NOW) is Verdict.UNVERIFIABLE


def test_an_unset_second_secret_verifies_nothing() -> None:
    digest = hmac.new(b"", f"{NOW},".encode() + BODY, "sha256").hexdigest()

    assert verify_openrouter(f"t={NOW},v1={digest}", BODY, [SECRET, ""], NOW) is Verdict.MISMATCH


@pytest.mark.parametrize(
    ("offset", "verdict"),
    [
        (-301, Verdict.STALE),
        (-300, Verdict.VERIFIED),
        (0, Verdict.VERIFIED),
        (300, Verdict.VERIFIED),
        (301, Verdict.FUTURE),
    ],
)
def test_the_tolerance_is_five_minutes_in_both_directions(offset: int, verdict: Verdict) -> None:
    header = sign_openrouter(BODY, SECRET, NOW + offset)

    assert verify_openrouter(header, BODY, [SECRET], NOW) is verdict


def test_an_old_forgery_is_a_mismatch() -> None:
    """`stale` implies a valid signature: a wrong clock, or a replay."""
    header = sign_openrouter(BODY, "some-other-secret", NOW - 9999)

    assert verify_openrouter(header, BODY, [SECRET], NOW) is Verdict.MISMATCH


GOOD = sign_openrouter(BODY, SECRET, NOW).partition("v1=")[2]


@pytest.mark.parametrize(
    "header",
    [
        f"t={NOW},t={NOW},v1={GOOD}",
        f"t={NOW},v1={GOOD},t=1",
        f"t=\u0663{NOW},v1={GOOD}",
        f"t=\uff11\uff17\uff19\uff10\uff19\uff18\uff13\uff16\uff10\uff10,v1={GOOD}",
        f"t=+{NOW},v1={GOOD}",
        f"t={NOW}.0,v1={GOOD}",
        f"t=1_790_983_600,v1={GOOD}",
        f"t={'9' * 16},v1={GOOD}",
        f"T={NOW},V1={GOOD}",
        f"t={NOW};v1={GOOD}",
        f"t={NOW},v1={GOOD}" + ",v0=x" * 2000,
        "t=" + "9" * 1_000_000,
        "," * 4096,
        "\udcff\udcfe",
        "=",
    ],
    ids=lambda header: ascii(header)[:40],
)
def test_a_header_without_exactly_one_timestamp_and_a_digest_is_malformed(header: str) -> None:
    assert verify_openrouter(header, BODY, [SECRET], NOW) is Verdict.MALFORMED


@pytest.mark.parametrize(
    "digest",
    ["é" * 64, "\udc80" * 64, "\ud800", "\uff10" * 64, "x" * 3000],
    ids=lambda digest: ascii(digest)[:20],
)
def test_a_digest_of_any_characters_is_a_mismatch(digest: str) -> None:
    assert verify_openrouter(f"t={NOW},v1={digest}", BODY, [SECRET], NOW) is Verdict.MISMATCH


@given(st.text(max_size=300), st.binary(max_size=50))
def test_no_header_or_body_raises(header: str, body: bytes) -> None:
    assert not verify_openrouter(header, body, [SECRET], NOW).verified


@settings(max_examples=1000, deadline=None)
@given(st.data())
def test_no_altered_delivery_verifies(data: st.DataObject) -> None:
    """Changing one byte of the body or one character of the header invalidates the signature."""
    header = sign_openrouter(BODY, SECRET, NOW)
    if data.draw(st.booleans(), label="change the body"):
        place = data.draw(st.integers(0, len(BODY) - 1))
        flip = data.draw(st.integers(1, 255))
        body = BODY[:place] + bytes([BODY[place] ^ flip]) + BODY[place + 1 :]
    else:
        body = BODY
        place = data.draw(st.integers(0, len(header) - 1))
        other = data.draw(st.characters().filter(lambda c: c != header[place]))
        header = header[:place] + other + header[place + 1 :]

    assert not verify_openrouter(header, body, [SECRET], NOW).verified


@pytest.mark.parametrize("secret", ["", "  "])
def test_an_empty_secret_is_rejected(secret: str) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        sign_openrouter(BODY, secret, NOW)
    with pytest.raises(ValueError, match="must not be empty"):
        sign_standard("evt_1", NOW, BODY, [secret])


# Standard Webhooks: the reference package verifies.

STANDARD = "whsec_" + base64.b64encode(bytes(range(24))).decode()
ROTATED = "whsec_" + base64.b64encode(bytes(range(40, 70))).decode().rstrip("=")


def headers(signature: str, at: int) -> dict[str, str]:
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(at),
        "webhook-signature": signature,
    }


def right_now() -> int:
    """The package reads the wall clock itself, with a tolerance of five minutes."""
    return int(datetime.now(UTC).timestamp())


@pytest.mark.parametrize("secret", [STANDARD, ROTATED])
def test_the_reference_package_accepts_what_we_sign(secret: str) -> None:
    at = right_now()
    signature = sign_standard("evt_1", at, BODY, [secret])

    assert Webhook(secret).verify(BODY, headers(signature, at)) == json.loads(BODY)


def test_during_a_rotation_both_secrets_verify() -> None:
    at = right_now()
    signature = sign_standard("evt_1", at, BODY, [ROTATED, STANDARD])

    assert len(signature.split(" ")) == 2
    for secret in (STANDARD, ROTATED):
        assert Webhook(secret).verify(BODY, headers(signature, at)) == json.loads(BODY)


@pytest.mark.parametrize(
    "secret", ["a plain secret, 24 chars", SECRET, "sécret-☃-of-sixteen", "whsec_not base64!"]
)
def test_a_plain_secret_stands_for_its_bytes(secret: str) -> None:
    at = right_now()
    signature = sign_standard("evt_1", at, BODY, [secret])

    assert standard_key(secret) == secret.encode()
    assert Webhook(secret.encode()).verify(BODY, headers(signature, at)) == json.loads(BODY)


def test_the_reference_package_refuses_another_body_and_another_id() -> None:
    at = right_now()
    signature = sign_standard("evt_1", at, BODY, [STANDARD])

    with pytest.raises(WebhookVerificationError):
        Webhook(STANDARD).verify(BODY + b" ", headers(signature, at))
    with pytest.raises(WebhookVerificationError):
        Webhook(STANDARD).verify(BODY, headers(signature, at) | {"webhook-id": "evt_2"})


def test_a_binary_body_is_signed_unchanged() -> None:
    signature = sign_standard("evt_1", NOW, b"\xff\x00", [STANDARD])
    digest = hmac.digest(bytes(range(24)), b"evt_1.%d.\xff\x00" % NOW, "sha256")

    assert signature == "v1," + base64.b64encode(digest).decode()


def test_a_message_id_with_a_dot_is_rejected() -> None:
    with pytest.raises(ValueError, match="dots"):
        sign_standard("evt.1", NOW, BODY, [STANDARD])


@pytest.mark.parametrize("secrets", [[], ["whsec_"], [STANDARD, ""]])
def test_signing_requires_a_non_empty_secret(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match=r"must not be empty|at least one secret"):
        sign_standard("evt_1", NOW, BODY, secrets)


# Download links.


def test_a_link_is_valid_until_it_expires() -> None:
    signature = sign_link(KEY, JOB, 0, NOW)

    assert verify_link(KEY, JOB, 0, str(NOW), signature, NOW - 1)
    assert not verify_link(KEY, JOB, 0, str(NOW), signature, NOW)


def test_a_link_needs_no_quoting() -> None:
    signature = sign_link(KEY, JOB, 0, NOW)

    assert len(signature) == 43
    assert set(signature) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_link_is_valid_for_one_output_only() -> None:
    signature = sign_link(KEY, JOB, 1, NOW)
    before = NOW - 10

    assert verify_link(KEY, JOB, 1, str(NOW), signature, before)
    assert not verify_link(KEY, JOB[:-1] + "X", 1, str(NOW), signature, before)
    assert not verify_link(KEY, JOB, 0, str(NOW), signature, before)
    assert not verify_link(KEY, JOB, 1, str(NOW + 86_400), signature, before)
    assert not verify_link(KEY[::-1], JOB, 1, str(NOW), signature, before)


def test_no_two_links_have_the_same_signed_message() -> None:
    """Ambiguous fields would make one job's link valid for another job's video."""
    fields = [("a", 1, 11), ("a", 11, 1), ("a:1", 1, 1), ("a", 1, 1), ("a:1:1", 1, 1), ("", 1, 1)]

    assert len({sign_link(KEY, *each) for each in fields}) == len(fields)


@pytest.mark.parametrize(
    "expires",
    ["", " ", f" {NOW}", f"0{NOW}", f"+{NOW}", f"{NOW}\n", f"{NOW}.0", "-1", "1e12", "\uff19" * 10,
     "9" * 5000, "nan", "\udcff"],
    ids=lambda expires: ascii(expires)[:20],
)  # fmt: skip
def test_an_expiry_has_one_spelling(expires: str) -> None:
    assert not verify_link(KEY, JOB, 0, expires, sign_link(KEY, JOB, 0, NOW), NOW - 10)


@pytest.mark.parametrize("index", [-1, 10_001, 10**400])
def test_an_implausible_index_does_not_verify(index: int) -> None:
    assert not verify_link(KEY, JOB, index, str(NOW), "x", NOW - 10)


@given(st.text(), st.text(), st.text())
def test_no_link_raises(job: str, expires: str, signature: str) -> None:
    assert not verify_link(KEY, job, 0, expires, signature, NOW)
    assert not verify_link(KEY, job, 0, str(NOW + 1), signature, NOW)


def test_a_signature_with_trailing_characters_does_not_verify() -> None:
    signature = sign_link(KEY, JOB, 0, NOW)

    for other in (signature + "=", signature + "A", signature[:-1], "", signature.swapcase()):
        assert not verify_link(KEY, JOB, 0, str(NOW), other, NOW - 10)


def test_a_short_key_signs_no_links() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        sign_link(b"short", JOB, 0, NOW)
