"""Who says so: OpenRouter's and Standard Webhooks' signatures, and our own on download links.

All are HMAC-SHA256. Everything that comes from outside is compared as bytes in constant time and
may be any text at all: verifying never raises on it.
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

_HEADER_LIMIT = 4096  # a genuine header has 80 characters; some room for secrets in rotation
_TIMESTAMP = re.compile(r"[0-9]{1,15}")
_STANDARD_PREFIX = "whsec_"
_LINK_PURPOSE = "video-gateway/download/1"  # no other use of the same key can be taken for a link
_LINK_KEY_BYTES = 32
_LINK_INDEX_LIMIT = 10_000
_LINK_EXPIRES = re.compile(r"(0|[1-9][0-9]{0,11})")


class Verdict(StrEnum):
    """What became of a webhook's signature; the values are stable (metrics, logs)."""

    VERIFIED = "verified"
    UNVERIFIABLE = "unverifiable"  # no secret to verify with: a hint at most, never a fact
    MISSING = "missing"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"  # forged, altered, or signed with a secret that we do not hold
    STALE = "stale"  # genuine, but older than the tolerance: a replay, or a clock that is off
    FUTURE = "future"  # genuine, but from further ahead than the tolerance

    @property
    def verified(self) -> bool:
        """Whether the body may be believed."""
        return self is Verdict.VERIFIED


def verify_openrouter(header: str | None, body: bytes, secrets: Sequence[str], now: int) -> Verdict:
    """Check `X-OpenRouter-Signature` over the exact bytes received.

    See docs/openrouter-contract.md section 7.

    Any of the secrets and any `v1` may match; there must be exactly one `t`, of ASCII digits. A
    secret of nothing but white space counts as none, so an unset variable lets nobody in. The age
    is judged last: `STALE` and `FUTURE` are said only of what was truly signed. `now` is in unix
    seconds.
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
    """Return whether the header has the form of `X-OpenRouter-Signature`; its key is not asked."""
    return _parse(header) is not None


def sign_openrouter(body: bytes, secret: str, t: int) -> str:
    """The value of `X-OpenRouter-Signature`: one `t`, one `v1` (receivers read only the first).

    Raises:
        ValueError: the secret is empty: such a signature could be made by anyone.

    """
    if not secret.strip():
        raise ValueError("an empty secret signs nothing")
    return f"t={t},v1={_openrouter_digest(secret, str(t), body)}"


def sign_standard(message_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> str:
    """The value of `webhook-signature` (Standard Webhooks 1.0.0): one `v1,<base64>` per secret.

    During a rotation both secrets sign, separated by a space. For what a secret is as a key see
    `standard_key`. `message_id` must not contain a dot that could move into the timestamp.

    Raises:
        ValueError: there is no secret, one is empty, or the id has a dot.

    """
    if not secrets:
        raise ValueError("nothing to sign with")
    if "." in message_id:
        raise ValueError("a message id has no dots")
    message = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(standard_key(secret), message, "sha256") for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def standard_key(secret: str) -> bytes:
    """A secret as a Standard Webhooks key.

    `whsec_` and then base64 (padding optional) means the decoded bytes, as every Standard Webhooks
    library reads it. Any other text, also `whsec_` before something that is not base64, means its
    UTF-8 bytes: a receiver hands those to its library as bytes. OpenRouter's own scheme always uses
    the whole text verbatim.

    Raises:
        ValueError: nothing is left to sign with.

    """
    key = _decode_standard(secret)
    if not key.strip():
        raise ValueError("an empty secret signs nothing")
    return key


def sign_link(key: bytes, job_id: str, index: int, expires: int) -> str:
    """A download link's signature for one output of one job until `expires` (unix seconds).

    43 characters that need no quoting in a URL.

    Raises:
        ValueError: the key has fewer than 32 bytes.

    """
    if len(key) < _LINK_KEY_BYTES:
        raise ValueError(f"a signing key has at least {_LINK_KEY_BYTES} bytes")
    # Whatever the id holds, the two numbers behind it are found from the right: no two links agree.
    message = _bytes(f"{_LINK_PURPOSE}:{job_id}:{index}:{expires}")
    return base64.urlsafe_b64encode(hmac.digest(key, message, "sha256")).decode().rstrip("=")


def verify_link(
    key: bytes, job_id: str, index: int, expires: str, signature: str, now: int
) -> bool:
    """Whether the signature is ours, for this very output, and `expires` is still ahead of `now`.

    `expires` and `signature` are as they stood in the URL; whatever they are, nothing is raised.
    """
    if not 0 <= index <= _LINK_INDEX_LIMIT or not _LINK_EXPIRES.fullmatch(expires):
        return False
    expected = sign_link(key, job_id, index, int(expires))
    return hmac.compare_digest(_bytes(expected), _bytes(signature)) and now < int(expires)


@dataclass(frozen=True, slots=True)
class _Claim:
    timestamp: str  # as sent: leading zeros are part of what was signed
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
    """Every pair is compared, so that the time taken does not tell which secret came close."""
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
    """UTF-8 of any text whatever, lone surrogates too (`compare_digest` of str wants ASCII)."""
    return text.encode("utf-8", "surrogatepass")
