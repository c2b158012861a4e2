"""A webhook endpoint on loopback with configurable responses."""

from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class Received:
    """One received request."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers with the queued statuses, then 204; 3xx points back at itself."""

    statuses: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    _server: TestServer | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return str(self._server.make_url("/hooks"))

    async def open(self) -> None:
        app = web.Application()
        app.router.add_post("/hooks", self._receive)
        self._server = TestServer(app)
        await self._server.start_server()

    async def close(self) -> None:
        if self._server is not None:
            await self._server.close()

    async def _receive(self, request: web.Request) -> web.Response:
        self.received.append(Received(dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": self.url})
