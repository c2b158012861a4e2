"""HMAC-SHA256 signatures: OpenRouter's and Standard Webhooks' headers, and download links.

Received values are compared as bytes in constant time. They may be any text: verification never
raises because of them.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

TOLERANCE_SECONDS = (
    300  # both ways: the stricter of OpenRouter's two samples (docs/openrouter-contract.md 7)
)

_HEADER_LIMIT = 4096  # a real header has 80 characters; a rotation adds signatures
_TIMESTAMP = re.compile(r"[0-9]{1,15}")
_STANDARD_PREFIX = "whsec_"
_LINK_PURPOSE = "video-gateway/download/1"  # separates links from other uses of the key
_LINK_KEY_BYTES = 32
_LINK_INDEX_LIMIT = 10_000
_LINK_EXPIRES = re.compile(r"(0|[1-9][0-9]{0,11})")


class Verdict(StrEnum):
    """The result of verifying a webhook's signature. The values are stable (metrics, logs)."""

    VERIFIED = "verified"
    UNVERIFIABLE = "unverifiable"  # no secret is configured: the webhook is only a hint
    MISSING = "missing"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"  # forged, altered, or signed with an unknown secret
    STALE = "stale"  # valid, but older than the tolerance: a replay or a wrong clock
    FUTURE = "future"  # valid, but further in the future than the tolerance

    @property
    def verified(self) -> bool:
        """Whether the body can be trusted."""
        return self is Verdict.VERIFIED


def verify_openrouter(header: str | None, body: bytes, secrets: Sequence[str], now: int) -> Verdict:
    """Verify `X-OpenRouter-Signature` over the exact bytes received.

    See docs/openrouter-contract.md section 7.

    Any secret and any `v1` may match; there must be exactly one `t`, of ASCII digits. A secret that
    is only white space is ignored, so an unset variable verifies nothing. The age is checked last:
    `STALE` and `FUTURE` imply a valid signature. `now` is in unix seconds.
    """
    usable = [secret for secret in secrets if secret.strip()]
    if not usable:
        return Verdict.UNVERIFIABLE
    if header is None or not header.strip():
        return Verdict.MISSING
    claim = _parse(header)
    if claim is None:
        return Verdict.MALFORMED
    if not _matches(claim, body, usable):
        return Verdict.MISMATCH
    return _judge_age(now - int(claim.timestamp))


def is_well_formed(header: str) -> bool:
    """Return whether the header has the form of `X-OpenRouter-Signature`, without verifying it."""
    return _parse(header) is not None


def sign_openrouter(body: bytes, secret: str, t: int) -> str:
    """Return `X-OpenRouter-Signature`: one `t` and one `v1` (receivers read only the first).

    Raises:
        ValueError: the secret is empty; anyone could create such a signature.

    """
    if not secret.strip():
        raise ValueError("the secret must not be empty")
    return f"t={t},v1={_openrouter_digest(secret, str(t), body)}"


def sign_standard(message_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> str:
    """Return `webhook-signature` (Standard Webhooks 1.0.0): one `v1,<base64>` per secret.

    Spaces separate the signatures of a rotation. `standard_key` turns a secret into a key.
    `message_id` must not contain a dot, because dots separate the parts of the signed text.

    Raises:
        ValueError: there is no secret, one is empty, or the id has a dot.

    """
    if not secrets:
        raise ValueError("at least one secret is required")
    if "." in message_id:
        raise ValueError("a message id must not contain dots")
    message = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(standard_key(secret), message, "sha256") for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def standard_key(secret: str) -> bytes:
    """Return a secret as a Standard Webhooks key.

    `whsec_` followed by base64 (padding optional) stands for the decoded bytes, as in every
    Standard Webhooks library. Any other text, including `whsec_` before something that is not
    base64, stands for its UTF-8 bytes; a receiver passes these to its library as bytes.
    OpenRouter's own scheme always uses the whole text verbatim.

    Raises:
        ValueError: the key is empty.

    """
    key = _decode_standard(secret)
    if not key.strip():
        raise ValueError("the secret must not be empty")
    return key


def sign_link(key: bytes, job_id: str, index: int, expires: int) -> str:
    """Return the signature of a link to one output of one job until `expires` (unix seconds).

    It has 43 characters that need no quoting in a URL.

    Raises:
        ValueError: the key has fewer than 32 bytes.

    """
    if len(key) < _LINK_KEY_BYTES:
        raise ValueError(f"a signing key must have at least {_LINK_KEY_BYTES} bytes")
    # The numbers come last, so that no two links yield the same message, whatever the id contains.
    message = _bytes(f"{_LINK_PURPOSE}:{job_id}:{index}:{expires}")
    return base64.urlsafe_b64encode(hmac.digest(key, message, "sha256")).decode().rstrip("=")


def verify_link(
    key: bytes, job_id: str, index: int, expires: str, signature: str, now: int
) -> bool:
    """Return whether the gateway signed a link to this output and `expires` is after `now`.

    `expires` and `signature` come from the URL unchanged; no value of them raises an error.
    """
    if not 0 <= index <= _LINK_INDEX_LIMIT or not _LINK_EXPIRES.fullmatch(expires):
        return False
    expected = sign_link(key, job_id, index, int(expires))
    return hmac.compare_digest(_bytes(expected), _bytes(signature)) and now < int(expires)


@dataclass(frozen=True, slots=True)
class _Claim:
    timestamp: str  # as sent, because leading zeros are part of the signed text
    digests: tuple[str, ...]


def _parse(header: str) -> _Claim | None:
    if len(header) > _HEADER_LIMIT:
        return None
    parts = [part.strip(" \t").partition("=") for part in header.split(",")]
    timestamps = [value for name, _, value in parts if name == "t"]
    digests = tuple(value for name, _, value in parts if name == "v1" and value)
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]) or not digests:
        return None
    return _Claim(timestamps[0], digests)


def _matches(claim: _Claim, body: bytes, secrets: Sequence[str]) -> bool:
    """Compare every pair, so that the duration does not reveal which secret matched."""
    found = False
    for secret in secrets:
        expected = _bytes(_openrouter_digest(secret, claim.timestamp, body))
        for digest in claim.digests:
            found |= hmac.compare_digest(expected, _bytes(digest))
    return found


def _judge_age(age: int) -> Verdict:
    if age > TOLERANCE_SECONDS:
        return Verdict.STALE
    return Verdict.FUTURE if age < -TOLERANCE_SECONDS else Verdict.VERIFIED


def _openrouter_digest(secret: str, timestamp: str, body: bytes) -> str:
    mac = hmac.new(_bytes(secret), timestamp.encode() + b",", hashlib.sha256)
    mac.update(body)
    return mac.hexdigest()


def _decode_standard(secret: str) -> bytes:
    if not secret.startswith(_STANDARD_PREFIX):
        return _bytes(secret)
    text = _bytes(secret.removeprefix(_STANDARD_PREFIX)).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return _bytes(secret)


def _bytes(text: str) -> bytes:
    """Return any text as UTF-8, even lone surrogates (`compare_digest` of str requires ASCII)."""
    return text.encode("utf-8", "surrogatepass")
