"""Everything that has to do with the bytes of videos, put together."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from gateway.config.schema import Content as ContentConfig
from gateway.ports import Blobs, Clock, Database, Upstream
from gateway.services.archive import Archive
from gateway.services.download import Downloader
from gateway.services.evict import Evictor
from gateway.services.fetch import Fetches
from gateway.services.shelf import Shelf
from gateway.services.views import JobViews
from gateway.services.withdraw import Withdrawer
from gateway.telemetry.bundle import Telemetry


@dataclass(frozen=True, slots=True)
class Content:
    """The services around the content store. Close `fetches` before the store."""

    shelf: Shelf
    fetches: Fetches
    downloader: Downloader
    archive: Archive
    evictor: Evictor | None  # None: there is no store
    withdrawer: Withdrawer

    @classmethod
    def over(
        cls,
        blobs: Blobs | None,
        database: Database,
        clock: Clock,
        source: random.Random,
        upstreams: Mapping[str, Upstream],
        views: JobViews,
        config: ContentConfig,
        telemetry: Telemetry,
        *,
        installation: str,
        shared: bool,
    ) -> Self:
        """The services over a store. `shared`: other processes may use the same database."""
        shelf = Shelf(
            database,
            clock,
            source,
            blobs,
            config.mode,
            config.max_bytes,
            views,
            telemetry,
            installation=installation,
        )
        fetches = Fetches(shelf, telemetry)
        downloader = Downloader(upstreams, shelf, fetches, telemetry)
        evictor = None
        if blobs is not None:
            evictor = Evictor(
                database,
                clock,
                blobs,
                shelf,
                fetches,
                telemetry,
                retention=config.retention,
                shared=shared,
            )
        archive = Archive(database, clock, source, downloader, shelf, telemetry)
        withdrawer = Withdrawer(database, clock, blobs, telemetry)
        return cls(shelf, fetches, downloader, archive, evictor, withdrawer)
