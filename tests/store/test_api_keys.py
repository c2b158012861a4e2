"""Stored API keys."""

from gateway.ports import Database
from gateway.store import api_keys
from gateway.store.api_keys import StoredKey


def a_key(name: str = "ci", digest: str = "sha256:1") -> StoredKey:
    return StoredKey(digest, "growth", name, 10, "ops", None)


async def test_a_name_has_one_active_key_and_is_free_after_its_revocation(
    database: Database,
) -> None:
    assert await database.write(lambda tx: api_keys.add(tx, a_key()))
    assert not await database.write(lambda tx: api_keys.add(tx, a_key(digest="sha256:2")))
    assert not await database.write(lambda tx: api_keys.add(tx, a_key("other")))  # the same key

    assert await database.write(lambda tx: api_keys.revoke(tx, "growth", "ci", now=20))
    assert not await database.write(lambda tx: api_keys.revoke(tx, "growth", "ci", now=30))
    assert await database.write(lambda tx: api_keys.add(tx, a_key(digest="sha256:2")))

    stored = await database.read(api_keys.all_keys)
    assert sorted((k.hash, k.revoked_at) for k in stored) == [("sha256:1", 20), ("sha256:2", None)]
