"""Construct the services around the content store."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from gateway.config.schema import ContentConfig
from gateway.ports import Blobs, Clock, Database, Upstream
from gateway.services.content.archive import Archive
from gateway.services.content.delete import AssetDeleter
from gateway.services.content.download import Downloader
from gateway.services.content.evict import Evictor
from gateway.services.content.fetch import Fetches
from gateway.services.content.store import AssetStore
from gateway.services.job_cache import JobCache
from gateway.telemetry.bundle import Telemetry


@dataclass(frozen=True, slots=True)
class Content:
    """The services around the content store. Close `fetches` before the store."""

    asset_store: AssetStore
    fetches: Fetches
    downloader: Downloader
    archive: Archive
    evictor: Evictor | None  # None: there is no store
    asset_deleter: AssetDeleter

    @classmethod
    def over(
        cls,
        blobs: Blobs | None,
        database: Database,
        clock: Clock,
        source: random.Random,
        upstreams: Mapping[str, Upstream],
        job_cache: JobCache,
        config: ContentConfig,
        telemetry: Telemetry,
        *,
        installation: str,
        shared: bool,
    ) -> Self:
        """Construct the services. `shared`: other processes may use the same database."""
        asset_store = AssetStore(
            database,
            clock,
            source,
            blobs,
            config.mode,
            config.max_bytes,
            job_cache,
            telemetry,
            installation=installation,
            gone_after=config.gone_after.total_seconds(),
        )
        fetches = Fetches(asset_store, telemetry)
        downloader = Downloader(upstreams, asset_store, fetches, telemetry)
        evictor = None
        if blobs is not None:
            evictor = Evictor(
                database,
                clock,
                blobs,
                asset_store,
                fetches,
                telemetry,
                retention=config.retention,
                shared=shared,
            )
        archive = Archive(database, clock, source, downloader, asset_store, telemetry)
        asset_deleter = AssetDeleter(database, clock, blobs, telemetry)
        return cls(asset_store, fetches, downloader, archive, evictor, asset_deleter)
