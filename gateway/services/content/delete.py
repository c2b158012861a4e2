"""Delete a job's videos for an operator, so that the gateway never serves them again."""

from dataclasses import dataclass

from gateway.domain.audit import Actor, AuditedAct
from gateway.domain.content import Asset, BlobFailed
from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Job
from gateway.domain.units import epoch_ms
from gateway.ports import Blobs, Clock, Database, Transaction
from gateway.services import audit
from gateway.store import archivals, assets, job_content, jobs, withdrawals
from gateway.store.assets import Removal
from gateway.store.withdrawals import Withdrawal
from gateway.telemetry.bundle import Telemetry


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The result of a withdrawal. `left`: copies whose files a later cleanup deletes."""

    withdrawal: Withdrawal
    removed: tuple[Asset, ...]
    left: tuple[Asset, ...]


class AssetDeleter:
    """Deletes every stored copy of a job's videos and prevents storing them again."""

    def __init__(
        self, database: Database, clock: Clock, blobs: Blobs | None, telemetry: Telemetry
    ) -> None:
        """Create a deleter; `blobs` is this process's store, or None without one."""
        self._database = database
        self._clock = clock
        self._blobs = blobs
        self._telemetry = telemetry

    async def withdraw(self, job_id: str, by: Actor, why: str | None) -> Withdrawn:
        """Delete the videos and record it; safe to repeat.

        A copy in another replica's folder, or in a store that does not respond, loses its row now
        and its file at the next cleanup of that store.

        Raises:
            Refused: JOB_NOT_FOUND; NOT_COMPLETED: the job is open and may still produce a video.
            StorageFailed: nothing was deleted, or the outcome is unknown.

        """
        moment = self._clock.now()
        wanted = Withdrawal(job_id, epoch_ms(moment), by.name, why)

        def act(tx: Transaction) -> tuple[Job, Withdrawal, tuple[Asset, ...]]:
            done = withdraw(tx, wanted)
            digests = [asset.sha256 for asset in done[2]]
            audit.record(
                tx, AuditedAct.CONTENT_DELETED, by, job_id, moment, why=why, sha256=digests
            )
            return done

        job, withdrawal, removed = await self._database.write(act)
        left = tuple([asset for asset in removed if not await self._deleted(asset)])
        for asset in removed:
            self._telemetry.metrics.content_evicted("operator")
            self._telemetry.log.info(
                "content.deleted",
                job=job.id,
                output=asset.output,
                store=asset.store,
                sha256=asset.sha256,
                by=by.name,
            )
        return Withdrawn(withdrawal, removed, left)

    async def _deleted(self, asset: Asset) -> bool:
        if self._blobs is None or self._blobs.store != asset.store:
            return False
        try:
            await self._blobs.delete(asset.name)
        except BlobFailed as error:
            self._telemetry.log.error("content.not_removed", name=asset.name, why=error.why)
            return False
        return True


def withdraw(tx: Transaction, wanted: Withdrawal) -> tuple[Job, Withdrawal, tuple[Asset, ...]]:
    """Withdraw the job's videos; return the job, the withdrawal in force and removed assets."""
    job = jobs.find(tx, wanted.job_id)
    if job is None:
        raise Refused(Reason.JOB_NOT_FOUND, f"Job {wanted.job_id} not found")
    if not job.status.terminal:
        raise Refused(
            Reason.NOT_COMPLETED,
            f"Job {job.id} is {job.status.value}: its videos can be deleted after it has ended.",
            {"status": job.status.value},
        )
    jobs.lock(tx, job.id)  # a concurrent store of the video waits, or is already visible
    withdrawals.add(tx, wanted)
    removal = Removal("operator", wanted.made_by, last_copy=True, at=wanted.withdrawn_at)
    held = assets.of_job(tx, job.id)
    for asset in held:
        assets.remove(tx, asset, removal)
    archivals.settle(tx, job.id)
    job_content.lose(tx, job.id)
    return job, withdrawals.find(tx, job.id) or wanted, tuple(held)
