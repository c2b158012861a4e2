"""Who pays: the team behind a key."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Team and key after authentication; nothing of a request is kept in it."""

    team: str
    key: str


KEY_PREFIX = "vg_"


def hash_key(key: str) -> str:
    """`sha256:<hex>` of a bearer key: the only form in which a key is kept."""
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
