"""API keys are stored as hashes."""

import hashlib

from gateway.domain.team import hash_key


def test_a_key_is_stored_as_its_sha256() -> None:
    assert hash_key("vg_abc") == f"sha256:{hashlib.sha256(b'vg_abc').hexdigest()}"


def test_a_header_that_is_no_text_has_a_hash_too() -> None:
    assert hash_key(b"\xff".decode("utf-8", "surrogateescape")).startswith("sha256:")
