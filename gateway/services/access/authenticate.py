"""Authenticate API keys: look up the team of a key by the key's full hash."""

from collections.abc import Mapping

from gateway.config.live import InForce, Live
from gateway.config.schema import Config
from gateway.domain.errors import Reason, Refused
from gateway.domain.team import Principal, hash_key
from gateway.ports import Database
from gateway.store import api_keys


class Authenticator:
    """Looks up keys in the configuration and in the database, as last read.

    `refresh` reads all keys of the database (a team has few) after each change in this process and
    every half second, so that a revoked key stops everywhere within a second.
    """

    def __init__(self, database: Database, live: Live) -> None:
        """Create an authenticator; call `refresh` before the first request."""
        self._database = database
        self._live = live
        self._stored: Mapping[str, api_keys.StoredKey] = {}
        self._configured: tuple[InForce | None, Mapping[str, Principal]] = (None, {})

    async def refresh(self) -> None:
        """Read the stored keys again.

        Raises:
            StorageFailed: the keys that were read last stay in force.

        """
        stored = await self._database.read(api_keys.all_keys)
        self._stored = {key.hash: key for key in stored}

    def principal(self, authorization: str | None) -> Principal:
        """Return the team and key of an `Authorization` header.

        Raises:
            Refused: INVALID_KEY or REVOKED_KEY; the message does not reveal what was wrong.

        """
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Refused(
                Reason.INVALID_KEY,
                "The API key is missing. Send `Authorization: Bearer vg_...` with a key of this"
                " gateway.",
            )
        return self._by_hash(hash_key(key.strip()))

    def _by_hash(self, digest: str) -> Principal:
        principal = self._of_configuration().get(digest)
        if principal is not None:
            return principal
        stored = self._stored.get(digest)
        if stored is None or stored.team not in self._live.config.teams:
            raise Refused(
                Reason.INVALID_KEY,
                "This API key is invalid. Ask the gateway's operators for a key.",
            )
        if stored.revoked_at is not None:
            raise Refused(Reason.REVOKED_KEY, "This API key was revoked.")
        return Principal(stored.team, stored.name)

    def _of_configuration(self) -> Mapping[str, Principal]:
        in_force = self._live.current
        if self._configured[0] is not in_force:
            self._configured = (in_force, _principals(in_force.config))
        return self._configured[1]


def _principals(config: Config) -> Mapping[str, Principal]:
    return {
        key.hash: Principal(name, key.name)
        for name, team in config.teams.items()
        for key in team.keys
    }
