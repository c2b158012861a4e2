"""Create and revoke API keys at run time."""

import random
import re
import string
from dataclasses import dataclass

from gateway.config.live import Live
from gateway.domain.audit import Actor, AuditedAct
from gateway.domain.errors import Reason, Refused
from gateway.domain.team import KEY_PREFIX, hash_key
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Transaction
from gateway.services import audit
from gateway.store import api_keys
from gateway.store.api_keys import StoredKey

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 40  # of 62 characters each: 238 bits


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key; `secret` is shown only once."""

    secret: str
    stored: StoredKey


def new_key(source: random.Random) -> str:
    """Return a new API key: `vg_` and 40 alphanumerics."""
    return KEY_PREFIX + "".join(source.choices(_ALPHABET, k=_LENGTH))


class Keyring:
    """Manages the API keys in the database; keys in the configuration are changed there."""

    def __init__(self, database: Database, clock: Clock, source: random.Random, live: Live) -> None:
        """Create a keyring; `source` is the system's random source."""
        self._database = database
        self._clock = clock
        self._random = source
        self._live = live

    async def create(self, team: str, name: str, by: Actor) -> MadeKey:
        """Create a key for the team and record it in the audit trail.

        Raises:
            Refused: INVALID_REQUEST for an unknown team, an invalid name, or a name in use.

        """
        config = self._live.config
        if team not in config.teams:
            known = ", ".join(sorted(config.teams))
            message = f"unknown team {team!r}; configured teams: {known}"
            raise _invalid("team", team, message, allowed=known)
        if not _NAME.fullmatch(name):
            allowed = "1 to 64 letters, digits, `.`, `_` or `-`, starting with a letter or digit"
            message = f"name {name!r} is invalid; allowed: {allowed}"
            raise _invalid("name", name, message, allowed=allowed)
        if any(key.name == name for key in config.teams[team].keys):
            raise _invalid(
                "name",
                name,
                f"name {name!r} is taken: the configuration has a key of that name for the team;"
                " choose another",
            )
        secret = new_key(self._random)
        now = self._clock.now()
        stored = StoredKey(hash_key(secret), team, name, epoch_ms(now), by.name, None)

        def act(tx: Transaction) -> bool:
            added = api_keys.add(tx, stored)
            if added:
                audit.record(
                    tx, AuditedAct.KEY_CREATED, by, f"{team}/{name}", now, hash=stored.hash
                )
            return added

        if not await self._database.write(act):
            raise _invalid(
                "name",
                name,
                f"name {name!r} is taken: the team already has an active key of that name;"
                " choose another",
            )
        return MadeKey(secret, stored)

    async def revoke(self, team: str, name: str, by: Actor) -> None:
        """Revoke a key and record it in the audit trail; it stops everywhere within a second.

        Raises:
            Refused: INVALID_REQUEST if the team has no active key of this name in the database.

        """
        now = self._clock.now()

        def act(tx: Transaction) -> bool:
            revoked = api_keys.revoke(tx, team, name, now=epoch_ms(now))
            if revoked:
                audit.record(tx, AuditedAct.KEY_REVOKED, by, f"{team}/{name}", now)
            return revoked

        if not await self._database.write(act):
            raise _invalid(
                "name",
                f"{team}/{name}",
                f"team {team!r} has no active key {name!r} in the database; to see the keys, run"
                " `video-gateway keys list`",
            )

    async def stored(self) -> list[StoredKey]:
        """Return every key in the database, including revoked ones."""
        return await self._database.read(api_keys.all_keys)


def _invalid(field: str, value: str, message: str, **allowed: str) -> Refused:
    return Refused(Reason.INVALID_REQUEST, message, {"field": field, "value": value, **allowed})
