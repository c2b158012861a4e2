"""Upstreams with answers from the test."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from gateway.domain.content import RangeRequest
from gateway.domain.upstream import CatalogOutcome, PollOutcome, SubmitOutcome, Unanswered
from gateway.ports import ContentStream


class PolledUpstream:
    """Answers the n-th poll with the n-th of `says`, and repeats the last; or never answers."""

    def __init__(self, name: str = "main", *says: PollOutcome) -> None:
        self.says: list[PollOutcome] = list(says)
        self.hanging = False
        self.polled: list[str] = []  # the polled upstream ids, in order
        self.under_way = 0
        self.most_at_once = 0
        self._name = name
        self._turn = 0

    @property
    def name(self) -> str:
        return self._name

    async def poll(self, upstream_id: str) -> PollOutcome:
        self.polled.append(upstream_id)
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            if self.hanging:
                await asyncio.Event().wait()
            await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        if not self.says:
            return Unanswered("nothing to say")
        said = self.says[min(self._turn, len(self.says) - 1)]
        self._turn += 1
        return said

    async def submit(
        self, body: bytes, headers: Mapping[str, str], *, timeout: float
    ) -> SubmitOutcome:
        raise NotImplementedError

    def content(
        self, upstream_id: str, index: int, wanted: RangeRequest | None = None
    ) -> AbstractAsyncContextManager[ContentStream]:
        raise NotImplementedError

    async def models(self) -> CatalogOutcome:
        raise NotImplementedError
