"""Send spans to an OTLP collector over HTTP, by OpenTelemetry's SDK (extra `otel`).

A thread sends batches. Ending a span puts it into a bounded queue, so a slow or missing collector
loses spans and delays nothing. The SDK's variables for credentials (`OTEL_EXPORTER_OTLP_HEADERS`,
`..._CERTIFICATE`) apply; proxies of the environment don't.
"""

import threading
from collections.abc import Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from gateway.telemetry.traceparent import Traceparent
from gateway.telemetry.tracing import Attribute
from gateway.telemetry.tracing import SpanKind as Kind

QUEUE_LIMIT: Final = 4096  # spans that wait; about 1 kB each
_BATCH: Final = 512
_EVERY: Final = 2.0  # seconds between batches
_REQUEST_TIMEOUT: Final = 5.0  # seconds, with retries; also the longest wait of a shutdown

_KINDS: Final = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}


class OtlpRecorder:
    """Records spans and sends them to `endpoint`, a collector's base URL or its traces URL."""

    def __init__(
        self, endpoint: str, *, version: str, every: float = _EVERY, queue: int = QUEUE_LIMIT
    ) -> None:
        session = requests.Session()
        session.trust_env = False
        exporter = OTLPSpanExporter(
            endpoint=traces_url(endpoint),
            timeout=_REQUEST_TIMEOUT,
            compression=Compression.Gzip,
            session=session,
        )
        self._door = _Door(exporter, every, queue)
        self._provider = TracerProvider(
            sampler=ParentBased(ALWAYS_ON),
            resource=Resource({"service.name": "video-gateway", "service.version": version}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(self._door)
        self._tracer = self._provider.get_tracer("gateway", version)

    def start(self, name: str, kind: Kind, parent: Traceparent | None) -> "OtlpSpan":
        """Begin a span; a client's "not sampled" is respected."""
        return OtlpSpan(
            self._tracer.start_span(
                name,
                context=_context(parent),
                kind=_KINDS[kind],
                record_exception=False,  # the SDK would record messages and local variables
                set_status_on_exception=False,
            )
        )

    @property
    def dropped(self) -> int:
        """The number of spans that the queue or the collector did not accept."""
        return self._door.dropped

    def close(self, timeout: float) -> bool:
        """Send what waits, at most `timeout` seconds; False if it took longer."""
        # A daemon: the SDK waits up to 30 s for a stuck collector, a shutdown must not.
        closing = threading.Thread(target=self._provider.shutdown, name="otlp-close", daemon=True)
        closing.start()
        closing.join(timeout)
        return not closing.is_alive()


class OtlpSpan:
    """A span of the SDK."""

    def __init__(self, span: Span) -> None:
        self._span = span
        context = span.get_span_context()
        self.place = Traceparent(
            f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags.sampled
        )

    def set(self, name: str, value: Attribute) -> None:
        """Set an attribute."""
        self._span.set_attribute(name, value)

    def end(self, failure: str | None) -> None:
        """End the span; `failure` is a kind or a reason, never a message."""
        if failure is not None:
            self._span.set_attribute("error.type", failure)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class _Door(SpanProcessor):
    """Puts spans into the SDK's queue if there is room, and counts lost ones.

    The SDK would drop the oldest one and log a line for each.
    """

    def __init__(self, exporter: SpanExporter, every: float, queue: int) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limit = queue
        self.dropped = 0
        self._batches = BatchSpanProcessor(
            _Counting(exporter, self._left),
            max_queue_size=queue,
            schedule_delay_millis=every * 1000,
            max_export_batch_size=min(_BATCH, queue),
            export_timeout_millis=_REQUEST_TIMEOUT * 1000,
        )

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """Do nothing: spans are sent when they end."""

    def on_end(self, span: ReadableSpan) -> None:
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        with self._lock:
            if self._inside >= self._limit:
                self.dropped += 1
                return
            self._inside += 1
        self._batches.on_end(span)

    def _left(self, spans: int, *, lost: bool) -> None:
        with self._lock:
            self._inside -= spans
            self.dropped += spans if lost else 0

    def shutdown(self) -> None:
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._batches.force_flush(timeout_millis)


class _Left(Protocol):
    def __call__(self, spans: int, *, lost: bool) -> None: ...


class _Counting(SpanExporter):
    """An exporter that reports how many spans left the queue, and whether they arrived."""

    def __init__(self, exporter: SpanExporter, left: _Left) -> None:
        self._exporter = exporter
        self._left = left

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        lost = True
        try:
            result = self._exporter.export(spans)
            lost = result is not SpanExportResult.SUCCESS
            return result
        finally:
            self._left(len(spans), lost=lost)

    def shutdown(self) -> None:
        self._exporter.shutdown()


def traces_url(endpoint: str) -> str:
    """Return the URL for spans: `/v1/traces` under a base URL, or the URL as it is."""
    if urlsplit(endpoint).path.rstrip("/").endswith("/v1/traces"):
        return endpoint
    return f"{endpoint.rstrip('/')}/v1/traces"


def _context(parent: Traceparent | None) -> Context:
    """Return an explicit context, so that the SDK's global one is not used."""
    if parent is None:
        return Context()
    place = SpanContext(
        int(parent.trace_id, 16),
        int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT),
    )
    return set_span_in_context(NonRecordingSpan(place), Context())
