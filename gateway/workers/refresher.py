"""Refresh what is in memory: the upstreams' catalogs, and the stored API keys."""

import asyncio

from gateway.config.live import Live
from gateway.ports import Clock
from gateway.services.access.authenticate import Authenticator
from gateway.services.catalog import Catalogs

_KEYS_EVERY = 0.4  # seconds; a revoked key stops within one second everywhere
_CATALOG_LOOK = 0.5  # seconds within which the catalog of a new upstream is fetched
_RETRY_AFTER = 5.0  # seconds, after a catalog could not be fetched


class KeyRefresher:
    """Reads the stored keys, which is also the heartbeat of the database."""

    def __init__(self, authenticator: Authenticator, clock: Clock) -> None:
        """A Loop runs `step`."""
        self._authenticator = authenticator
        self._clock = clock
        self._answered_at = clock.monotonic()

    @property
    def silent_for(self) -> float:
        """The seconds since the last answer of the database."""
        return self._clock.monotonic() - self._answered_at

    async def step(self) -> float:
        """Read once; return the seconds until the next time."""
        await self._authenticator.refresh()
        self._answered_at = self._clock.monotonic()
        return _KEYS_EVERY


class CatalogRefresher:
    """Fetches each upstream's catalog, every `catalog.refresh`."""

    def __init__(self, catalogs: Catalogs, live: Live, clock: Clock) -> None:
        """A Loop runs `step`."""
        self._catalogs = catalogs
        self._live = live
        self._clock = clock
        self._due: dict[str, float] = {}

    async def step(self) -> float:
        """Fetch due catalogs concurrently; return the seconds until the next check."""
        now = self._clock.monotonic()
        due = [name for name in self._live.config.upstreams if self._due.get(name, 0.0) <= now]
        await asyncio.gather(*(self._fetch(name) for name in due))
        return _CATALOG_LOOK

    async def _fetch(self, upstream: str) -> None:
        fetched = await self._catalogs.refresh(upstream)
        every = self._live.config.catalog.refresh.total_seconds()
        pause = every if fetched else min(_RETRY_AFTER, every)
        self._due[upstream] = self._clock.monotonic() + pause
