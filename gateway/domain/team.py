"""The authenticated team and its API key."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Team and key after authentication, without any data of the request."""

    team: str
    key: str


KEY_PREFIX = "vg_"


def hash_key(key: str) -> str:
    """Return `sha256:<hex>` of an API key: the only form in which a key is stored."""
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
