"""Build the URLs that clients and upstreams get: absolute, on the gateway, signed for content."""

from datetime import timedelta

from gateway.config.live import Live
from gateway.domain.job import Job
from gateway.domain.signature import sign_link, verify_link
from gateway.ports import Clock

# Longer than a webhook is retried (75 h by default), so that a link in a late delivery still works.
# An expired link still works with an API key, and a poll returns new ones.
LIFETIME = timedelta(hours=96)
_STEP = 12 * 3600  # seconds for which the links of a job stay the same


class Links:
    """Builds and verifies URLs under `server.public_url`.

    See docs/openrouter-contract.md section 9.

    The links of a job change in steps, so that its serialised response can be cached.
    """

    def __init__(self, live: Live, clock: Clock, signing_key: bytes) -> None:
        """Create a builder; `signing_key` has at least 32 bytes."""
        self._live = live
        self._clock = clock
        self._key = signing_key

    def expiry(self) -> int:
        """Return when new links expire, in unix seconds: in steps, at least `LIFETIME` ahead."""
        ahead = int(LIFETIME.total_seconds()) // _STEP + 1
        return (int(self._clock.now().timestamp()) // _STEP + ahead) * _STEP

    def polling_url(self, job_id: str) -> str:
        """Return the URL for polling the job; it requires an API key."""
        return f"{self._base}/api/v1/videos/{job_id}"

    def content_urls(self, job: Job) -> list[str]:
        """Return one link per output; each works without a key until it expires."""
        expires = self.expiry()
        return [self._content_url(job.id, index, expires) for index in range(max(1, job.outputs))]

    def fits(self, job_id: str, index: int, expires: str, signature: str) -> bool:
        """Return whether the signature is valid for this output and not expired."""
        now = int(self._clock.now().timestamp())
        return verify_link(self._key, job_id, index, expires, signature, now)

    def callback_url(self, upstream: str, token: str) -> str | None:
        """Return the URL for the upstream's webhook; None if webhooks are not possible."""
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
