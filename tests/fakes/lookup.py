"""A DNS lookup with answers from the test."""

import asyncio
import socket
from collections.abc import Sequence


class FakeLookup:
    """Answers the n-th question with the n-th list, and repeats the last; empty: no such name."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def addresses(self, host: str) -> Sequence[str]:
        turn = min(len(self.asked), len(self._answers) - 1)
        self.asked.append(host)
        await asyncio.sleep(0)
        if not self._answers or not self._answers[turn]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self._answers[turn]


class StuckLookup:
    """A lookup that never answers."""

    async def addresses(self, host: str) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError
