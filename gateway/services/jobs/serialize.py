"""Serialise a job for its clients: OpenRouter's fields, the gateway's id and URLs."""

from collections import OrderedDict
from typing import Any

import orjson

from gateway.domain.event import UNEXPLAINED
from gateway.domain.job import Job, Status
from gateway.services.links import Links

_CAPACITY = 20_000  # serialised responses of about 1 kB


class JobSerializer:
    """Serialises jobs into responses; unknown fields are left out, never null.

    See docs/openrouter-contract.md section 9.
    """

    def __init__(self, links: Links) -> None:
        """Create a serialiser; `links` builds the URLs."""
        self._links = links
        self._ready: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()

    def submitted(self, job: Job) -> bytes:
        """Return the response to a submit: exactly id, polling_url and status.

        See docs/openrouter-contract.md section 2.
        """
        return orjson.dumps(
            {
                "id": job.id,
                "polling_url": self._links.polling_url(job.id),
                "status": job.status.on_the_wire,
            }
        )

    def polled(self, job: Job) -> bytes:
        """Return the response to a poll, from the cache if the job has not changed."""
        key = (job.id, job.version, self._links.expiry())
        ready = self._ready.get(key)
        if ready is None:
            ready = orjson.dumps(self.facts(job))
            self._ready[key] = ready
            if len(self._ready) > _CAPACITY:
                self._ready.popitem(last=False)
        return ready

    def facts(self, job: Job) -> dict[str, Any]:
        """Return the fields of a poll (docs/openrouter-contract.md section 3)."""
        facts: dict[str, Any] = {
            "id": job.id,
            "generation_id": job.id,
            "polling_url": self._links.polling_url(job.id),
            "status": job.status.on_the_wire,
        }
        if job.status is Status.COMPLETED:
            urls = self._links.content_urls(job)
            facts["unsigned_urls"] = urls
            if job.copy_expires_at is not None:
                facts["urls"] = urls
                facts["expires_at"] = job.copy_expires_at
        elif job.status.terminal:
            facts["error"] = job.error or UNEXPLAINED[job.status]
        if job.usage is not None:
            facts["usage"] = job.usage
        return facts
