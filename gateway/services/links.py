"""Every URL that is handed out: absolute, on the gateway, and for content signed."""

from datetime import timedelta

from gateway.config.live import Live
from gateway.domain.job import Job
from gateway.domain.signature import sign_link, verify_link
from gateway.ports import Clock

# Longer than a webhook is retried (75 h by default): a link in a late delivery still works. With a
# key an expired link works too, and a poll hands out fresh ones.
LIFETIME = timedelta(hours=96)
_STEP = 12 * 3600  # seconds for which the links of a job stay the same


class Links:
    """Builds and checks URLs under `server.public_url`.

    See docs/openrouter-contract.md section 9.

    Links of one job stay the same for a while, so that its ready answer can be kept.
    """

    def __init__(self, live: Live, clock: Clock, signing_key: bytes) -> None:
        """`signing_key`: at least 32 bytes."""
        self._live = live
        self._clock = clock
        self._key = signing_key

    def expiry(self) -> int:
        """Unix seconds at which links made now end; moves in steps, at least a lifetime ahead."""
        ahead = int(LIFETIME.total_seconds()) // _STEP + 1
        return (int(self._clock.now().timestamp()) // _STEP + ahead) * _STEP

    def polling_url(self, job_id: str) -> str:
        """Where the job is polled; needs a key."""
        return f"{self._base}/api/v1/videos/{job_id}"

    def content_urls(self, job: Job) -> list[str]:
        """One link per output, each working without a key until it expires."""
        expires = self.expiry()
        return [self._content_url(job.id, index, expires) for index in range(max(1, job.outputs))]

    def fits(self, job_id: str, index: int, expires: str, signature: str) -> bool:
        """Whether the signature is ours, for this very output, and not expired."""
        now = int(self._clock.now().timestamp())
        return verify_link(self._key, job_id, index, expires, signature, now)

    def callback_url(self, upstream: str, token: str) -> str | None:
        """Where the upstream reports a job's end; None where webhooks are not possible."""
        config = self._live.config
        if not config.server.public_url.startswith("https://") and not config.callbacks.allow_http:
            return None
        return f"{self._base}/webhooks/{upstream}/{token}"

    def _content_url(self, job_id: str, index: int, expires: int) -> str:
        signature = sign_link(self._key, job_id, index, expires)
        query = f"index={index}&expires={expires}&signature={signature}"
        return f"{self._base}/api/v1/videos/{job_id}/content?{query}"

    @property
    def _base(self) -> str:
        return self._live.config.server.public_url.rstrip("/")
