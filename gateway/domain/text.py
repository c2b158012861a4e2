"""Texts from outside, made safe to store and to show."""

from urllib.parse import urlsplit


def storable(text: str) -> str:
    """Return text that UTF-8 and PostgreSQL can hold.

    A lone surrogate or a NUL in an upstream's text must not prevent a job from ending.
    """
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, because its path and query may be secret."""
    parts = urlsplit(url.removeprefix("sealed+"))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
