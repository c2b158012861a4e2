"""An upstream that answers at once, from memory: never the bottleneck. A process of its own.

python -m bench.stub PORT

A prompt decides what becomes of its job: `... stays pending` never ends, `... has N MB` gives a
video of that size; every other job is completed at the first poll, with a small video.
"""

import asyncio
import itertools
import json
import re
import sys
from contextlib import suppress
from importlib import resources

_CHUNK = b"10000\r\n" + b"v" * 0x10000 + b"\r\n"  # 64 KiB of video, framed
_SIZE = re.compile(rb"has (\d+) MB")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = "HTTP/1.1 {}\r\nContent-Type: {}\r\n{}\r\n\r\n"


class Stub:
    """Four endpoints of docs/openrouter-contract.md, as little of each as the gateway reads."""

    def __init__(self) -> None:
        self._numbers = itertools.count(10_000_000)
        listed = resources.files("gateway.sandbox") / "data" / "models.json"
        self._models = _answer("200 OK", json.loads(listed.read_text()))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request, until the client closes it."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                method, path, _ = head.split(b" ", 2)
                await self._respond(writer, method, path.decode(), body)
        writer.close()

    async def _respond(
        self, writer: asyncio.StreamWriter, method: bytes, path: str, body: bytes
    ) -> None:
        if method == b"POST":
            writer.write(self._submitted(body))
        elif path.endswith("/models"):
            writer.write(self._models)
        elif "/content" in path:
            await _video(writer, int(path.split("/")[-2][-8:-4]))
        else:
            writer.write(_polled(path.rsplit("/", 1)[1]))
        await writer.drain()

    def _submitted(self, body: bytes) -> bytes:
        asked = _SIZE.search(body)
        size = int(asked[1]) if asked else 1
        end = "wait" if b"stays pending" in body else "done"
        job_id = f"gen-vid-1790000000-{next(self._numbers)}{size:08d}{end}"
        return _answer(
            "202 Accepted", {"id": job_id, "polling_url": f"/{job_id}", "status": "pending"}
        )


def _polled(job_id: str) -> bytes:
    job: dict[str, object] = {"id": job_id, "polling_url": f"/{job_id}", "status": "pending"}
    if job_id.endswith("done"):
        usage = {"cost": 0.05, "is_byok": False}
        job |= {"status": "completed", "unsigned_urls": [f"/{job_id}/content"], "usage": usage}
    return _answer("200 OK", job)


async def _video(writer: asyncio.StreamWriter, megabytes: int) -> None:
    """Chunked, without a length, as the real service sends it."""
    writer.write(_HEAD.format("200 OK", "video/mp4", "Transfer-Encoding: chunked").encode())
    for _ in range(16 * megabytes):
        writer.write(_CHUNK)
        await writer.drain()
    writer.write(b"0\r\n\r\n")


def _answer(status: str, body: object) -> bytes:
    data = json.dumps(body).encode()
    return _HEAD.format(status, "application/json", f"Content-Length: {len(data)}").encode() + data


async def main(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(Stub().serve, "127.0.0.1", port, limit=1 << 20)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
