"""Subscribers without a network: the test sets each URL's response, and requests are recorded."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.delivery import AttemptOutcome, ErrorKind
from gateway.domain.network import BlockedAddress, CallbackPolicy
from gateway.ports import Clock

Answer = Callable[[], AttemptOutcome]


@dataclass(frozen=True)
class Sent:
    """One recorded POST."""

    at: datetime
    url: str
    headers: Mapping[str, str]
    body: bytes
    policy: CallbackPolicy | None

    @property
    def key(self) -> str:
        return self.headers["X-OpenRouter-Idempotency-Key"]


class FakeOutbound:
    """Answers 200 unless a test sets another response (`gateway.ports.Outbound`)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: dict[str, Answer] = {}
        self._gates: dict[str, asyncio.Event] = {}
        self.sent: list[Sent] = []
        self.under_way: dict[str, int] = defaultdict(int)
        self.most_at_once: dict[str, int] = defaultdict(int)

    def says(self, url: str, status: int | None, **more: object) -> None:
        """Set the URL's response from now on; None: no response at all."""
        error = ErrorKind.CONNECT if status is None else None
        outcome = AttemptOutcome(status, 12, error, **more)  # type: ignore[arg-type]
        self._answers[url] = lambda: outcome

    def hangs(self, url: str) -> asyncio.Event:
        """Block requests to the URL until the returned event is set."""
        return self._gates.setdefault(url, asyncio.Event())

    def to(self, url: str) -> list[Sent]:
        return [sent for sent in self.sent if sent.url == url]

    async def send(
        self, url: str, headers: Mapping[str, str], body: bytes, policy: CallbackPolicy | None
    ) -> AttemptOutcome:
        self.sent.append(Sent(self._clock.now(), url, dict(headers), body, policy))
        self.under_way[url] += 1
        self.most_at_once[url] = max(self.most_at_once[url], self.under_way[url])
        try:
            await asyncio.sleep(0)
            if url in self._gates:
                await self._gates[url].wait()
            answer = self._answers.get(url)
            return AttemptOutcome(200, 12, answer="ok") if answer is None else answer()
        finally:
            self.under_way[url] -= 1

    async def inspect(
        self, url: str, policy: CallbackPolicy, timeout: float
    ) -> BlockedAddress | None:
        return None
