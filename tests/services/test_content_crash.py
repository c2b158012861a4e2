"""Kill -9 at every step of storing: the video is complete or absent, and nothing else is left."""

import asyncio
import hashlib
import multiprocessing
import random
import shutil
import signal
from datetime import timedelta
from pathlib import Path

from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.adapters.local_blobs import LocalBlobs
from gateway.domain.content import Asset
from gateway.services.content.evict import Evictor
from gateway.services.content.fetch import Fetches
from gateway.services.content.store import AssetStore
from gateway.services.job_cache import JobCache
from gateway.store import assets
from gateway.telemetry.bundle import Telemetry
from tests.services.content.test_fetch import JOB
from tests.services.dying_store import FILM, store_once

_STEPS = 500  # more than the whole run needs


async def test_a_process_killed_at_any_step_leaves_the_video_complete_or_absent(
    tmp_path: Path, sqlite_url: str
) -> None:
    template = Path(sqlite_url.removeprefix("sqlite:///"))
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["tests.services.dying_store"])
    outcomes: list[int] = []

    for step in range(1, _STEPS):
        database, folder = tmp_path / f"{step}.db", tmp_path / f"content-{step}"
        shutil.copyfile(template, database)
        process = server.Process(
            target=store_once, args=(str(folder), f"sqlite:///{database}", step)
        )
        process.start()
        await asyncio.to_thread(process.join, 30)

        outcomes.append(len(await _after_a_start(database, folder)))
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL, f"killed at step {step}"

    assert outcomes[-1] == 1, "the last run was not killed"
    assert outcomes.count(0) > 20, "it was killed at many steps before the row"
    assert outcomes.count(1) > 2, "it was killed at some steps after the row"


async def _after_a_start(path: Path, folder: Path) -> list[Asset]:
    """Return the assets after the next start; check that the folder contains exactly these."""
    database = await open_database(f"sqlite:///{path}")
    blobs = LocalBlobs.open_folder(folder, create=True)
    assert blobs is not None
    clock, telemetry = SystemClock(), Telemetry()
    job_cache = JobCache(database, clock, max_age=None)
    asset_store = AssetStore(
        database,
        clock,
        random.Random(1),
        blobs,
        "cache",
        10**9,
        job_cache,
        telemetry,
        installation="us",
    )
    fetches = Fetches(asset_store, telemetry)
    evictor = Evictor(
        database,
        clock,
        blobs,
        asset_store,
        fetches,
        telemetry,
        retention=timedelta(days=1),
        shared=False,
    )
    await evictor.tidy()
    kept = await database.read(lambda tx: assets.of_job(tx, JOB.id))
    await blobs.close()
    await database.close()
    files = _files(folder)
    assert files == {asset.name: FILM for asset in kept}
    assert all(asset.sha256 == hashlib.sha256(FILM).hexdigest() for asset in kept)
    return kept


def _files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("??/*")}
