"""A real OTLP/HTTP receiver on loopback that keeps what it is sent, and may misbehave."""

import asyncio
import gzip
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """`url` is what the configuration would hold."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    resource: dict[str, str] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    status: int = 200
    silent: bool = False
    received: asyncio.Event = field(default_factory=asyncio.Event)
    _hanging: asyncio.Event = field(default_factory=asyncio.Event)

    def named(self, name: str) -> Span:
        (span,) = [span for span in self.spans if span.name == name]
        return span

    async def receive(self, request: web.Request) -> web.Response:
        if self.silent:
            await self._hanging.wait()
        body = await request.read()  # aiohttp has inflated it
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        self.bodies.append(body)
        if self.status == 200:
            self._keep(ExportTraceServiceRequest.FromString(body))
        return web.Response(
            status=self.status,
            body=ExportTraceServiceResponse().SerializeToString(),
            content_type="application/x-protobuf",
        )

    def _keep(self, message: ExportTraceServiceRequest) -> None:
        for resource in message.resource_spans:
            for attribute in resource.resource.attributes:
                self.resource[attribute.key] = attribute.value.string_value
            for scope in resource.scope_spans:
                self.spans += scope.spans
        self.received.set()

    async def start(self) -> TestServer:
        app = web.Application()
        app.router.add_post("/v1/traces", self.receive)
        server = TestServer(app)
        await server.start_server()
        self.url = str(server.make_url("/")).rstrip("/")
        return server

    def release(self) -> None:
        """Let go of the calls that hang."""
        self._hanging.set()


def attributes(span: Span) -> dict[str, object]:
    """A span's attributes as plain values."""
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
        for one in span.attributes
    }
