"""Fifty hostile clients of one team: bodies, headers and connections that try to stop the others.

python -m bench.hostile PORT SECONDS KEY
"""

import asyncio
import gzip
import itertools
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress

CLIENTS = 50

_PARKED = 2.0  # seconds for which a half-sent request is kept open
_GROK = {"model": "x-ai/grok-imagine-video", "prompt": "a fox", "duration": 1}


class Hostile:
    """The attacks on one port; `answers` counts the status codes of each."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._key = key
        self._numbers = itertools.count()
        self.answers: Counter[str] = Counter()
        image = "data:image/png;base64," + "A" * 60_000_000
        frame = {"type": "image_url", "image_url": {"url": image}, "frame_type": "first_frame"}
        self._image = json.dumps({**_GROK, "frame_images": [frame]}).encode()
        self._bodies: dict[str, bytes] = {
            "deep": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
            "wide": json.dumps({**_GROK, **{f"field_{n}": n for n in range(20_000)}}).encode(),
            "options": json.dumps(
                {**_GROK, "provider": {"options": {"xai": {f"o{n}": n for n in range(20_000)}}}}
            ).encode(),
            "long": json.dumps({**_GROK, "resolution": "8" * 2_000_000}).encode(),
            "numbers": json.dumps({**_GROK, "duration": 1e300, "seed": 2**80}).encode(),
            "frames": json.dumps({**_GROK, "frame_images": [{}] * 5_000}).encode(),
            "garbage": b"\xff" * 100_000,
        }
        self._bomb = gzip.compress(b" " * 50_000_000)

    def attacks(self) -> list[Callable[[], Coroutine[None, None, None]]]:
        """Every attack, the dear ones less often."""
        return [
            *(lambda name=name: self._post(name, self._bodies[name]) for name in self._bodies),
            *(lambda name=name: self._post(name, self._bodies[name]) for name in self._bodies),
            lambda: self._post("bomb", self._bomb, "Content-Encoding: gzip\r\n"),
            lambda: self._post("image", self._image),
            self._refused,
            self._refused,
            self._half,
            self._parked_webhook,
            self._parked_webhook,
            self._hint,
        ]

    async def run(self, seconds: float, source: random.Random) -> None:
        """One client, attack after attack."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                async with asyncio.timeout(20):
                    await source.choice(self.attacks())()

    async def _refused(self) -> None:
        body = {**_GROK, "model": f"nobody/{next(self._numbers)}", "resolution": "x" * 4000}
        await self._post("refused", json.dumps(body).encode())

    async def _post(self, name: str, body: bytes, headers: str = "") -> None:
        head = (
            f"POST /api/v1/videos HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Authorization: Bearer {self._key}\r\nContent-Type: application/json\r\n"
            f"{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        await self._send(name, head.encode(), body)

    async def _hint(self) -> None:
        body = json.dumps({"type": "video.generation.completed", "data": {"id": "x" * 50_000}})
        head = (
            f"POST /webhooks/stub HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        await self._send("hint", head.encode(), body.encode())

    async def _half(self) -> None:
        await self._park(b"GET /api/v1/videos/models HTTP/1.1\r\nHost: x\r\nX-Slow:")

    async def _parked_webhook(self) -> None:
        head = (
            f"POST /webhooks/stub/token HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"X-OpenRouter-Signature: t={int(time.time())},v1={'0' * 64}\r\n"
            "Content-Length: 900000\r\n\r\n"
        )
        await self._park(head.encode() + b"x" * 800_000)

    async def _park(self, half: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(half)
            await asyncio.sleep(_PARKED)
            self.answers["parked"] += 1
        finally:
            writer.transport.abort()

    async def _send(self, name: str, head: bytes, body: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(head)
            for start in range(0, len(body), 1 << 18):
                writer.write(body[start : start + (1 << 18)])
                with suppress(ConnectionError):  # an early answer is still read
                    await writer.drain()
            line = await reader.readline()
            self.answers[f"{name} {line.split(b' ')[1].decode() if b' ' in line else 'cut'}"] += 1
        finally:
            writer.transport.abort()


async def main(port: int, seconds: float, key: str) -> None:
    """Attack for so long, then print what was answered."""
    os.nice(15)  # real ones have machines of their own: these must not take the honest client's
    hostile = Hostile(port, key)
    sources = [random.Random(number) for number in range(CLIENTS)]
    await asyncio.gather(*(hostile.run(seconds, source) for source in sources))
    print(json.dumps(hostile.answers))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]))
