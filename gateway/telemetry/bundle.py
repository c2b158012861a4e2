"""Log, metrics and traces in one hand: what services, workers and handlers are given."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import IO, Any

from gateway.domain.errors import GatewayError
from gateway.telemetry.context import log_context
from gateway.telemetry.logging import Format, Level, Logger, configure_logging, get_logger
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.pipe import LogPipe
from gateway.telemetry.tracing import Recorder, Span, Tracer


class TelemetryUnavailable(GatewayError):
    """Traces were asked for, and what exports them is not installed."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Where facts are told."""

    log: Logger
    metrics: Metrics
    pipe: LogPipe | None = None
    tracer: Tracer = field(default_factory=Tracer)

    @contextmanager
    def request(self, request_id: str, traceparent: str | None) -> Iterator[Span]:
        """Around one request: its id and its trace's (the client's where it has one) in every line.

        Also in the lines of the tasks that it starts.
        """
        with (
            log_context(request_id=request_id),
            self.tracer.span("request", kind="server", parent=traceparent or "") as span,
        ):
            yield span

    @contextmanager
    def resumed(
        self, name: str, traceparent: str | None, *, request_id: str | None = None, **facts: object
    ) -> Iterator[Span]:
        """Around work that goes on where a request left off: a poll, a webhook, a delivery.

        `traceparent` is what `Telemetry.traceparent` said then; None begins a trace. The facts
        become the span's attributes.
        """
        ids = {} if request_id is None else {"request_id": request_id}
        with (
            log_context(**ids),
            self.tracer.span(name, attributes=facts, parent=traceparent or "") as span,
        ):
            yield span

    def traceparent(self) -> str | None:
        """The trace of the work under way, to be kept with what is begun by it or sent along."""
        return self.tracer.inject()

    def close(self, timeout: float = 5.0) -> bool:
        """Hand over what waits, spans first; the last act. False if somebody did not take it.

        Blocks the thread.
        """
        sent = self.tracer.close(timeout)
        written = self.pipe is None or self.pipe.close(timeout)
        return sent and written


def open_telemetry(
    level: Level,
    format: Format,  # noqa: A002 - the word of the configuration
    *,
    teams: Iterable[str],
    upstreams: Iterable[str],
    otlp_endpoint: str | None = None,
    stream: IO[Any] | None = None,
) -> Telemetry:
    """Begin to log (to standard error unless told otherwise), to count, and to trace if asked to.

    Raises:
        TelemetryUnavailable: `otlp_endpoint` without the extra `otel`; nothing was begun.

    """
    release = version("video-gateway")
    tracer = Tracer(None if otlp_endpoint is None else _recorder(otlp_endpoint, release))
    pipe = configure_logging(level, format, stream)
    metrics = Metrics(teams=teams, upstreams=upstreams, version=release)
    metrics.log_lines_dropped(lambda: pipe.dropped)
    metrics.spans_dropped(lambda: tracer.dropped)
    return Telemetry(get_logger(), metrics, pipe, tracer)


def _recorder(endpoint: str, release: str) -> Recorder:
    try:
        from gateway.telemetry.otlp import OtlpRecorder
    except ModuleNotFoundError as error:
        raise TelemetryUnavailable(
            "telemetry.otlp_endpoint needs OpenTelemetry: install video-gateway[otel]"
        ) from error
    return OtlpRecorder(endpoint, version=release)
