"""Callback URLs of requests that are not retained: path and query are stored encrypted.

The key belongs to one job and is deleted after the last delivery, which makes the stored text
unreadable. Scheme and host stay readable: deliveries are grouped by them, and operators see them.
AES-SIV (RFC 5297) is deterministic, so that equal URLs of a job are equal when they are sealed.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_MARK: Final = "sealed+"


class UrlUnreadable(Exception):
    """The URL was sealed with another key, or its key was deleted."""


def seal_url(url: str, key: str, job_id: str) -> str:
    """Return the URL with encrypted path and query; `key` is a random text of the job."""
    parts = urlsplit(url)
    secret = _cipher(key).encrypt(url.encode(), [job_id.encode()])
    return f"{_MARK}{parts.scheme}://{parts.netloc}/{urlsafe_b64encode(secret).decode()}"


def is_sealed(url: str) -> bool:
    """Return whether `seal_url` made the text."""
    return url.startswith(_MARK)


def open_url(url: str, key: str | None, job_id: str) -> str:
    """Return the URL that was sealed; one that is not sealed stays as it is.

    Raises:
        UrlUnreadable: the key was deleted, or is another one.

    """
    if not is_sealed(url):
        return url
    if key is None:
        raise UrlUnreadable("the key of the callback URL was deleted")
    from cryptography.exceptions import InvalidTag

    try:
        secret = urlsafe_b64decode(url.rpartition("/")[2])
        return _cipher(key).decrypt(secret, [job_id.encode()]).decode()
    except (InvalidTag, ValueError) as error:
        raise UrlUnreadable("the callback URL was sealed with another key") from error


def _cipher(key: str) -> "AESSIV":
    # Loaded when it is needed: most gateways have no private callbacks, and it takes 7 MB.
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    return AESSIV(hashlib.sha256(key.encode()).digest())
