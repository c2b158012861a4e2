"""Logs, metrics and traces as one object, for services, workers and handlers."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import IO, Any

from gateway.domain.errors import GatewayError
from gateway.telemetry.context import log_context
from gateway.telemetry.logging import Format, Level, Logger, configure_logging, get_logger
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.pipe import LogPipe
from gateway.telemetry.tracing import Span, Tracer

DISTRIBUTION = "video-gateway"


class TelemetryUnavailable(GatewayError):
    """Traces are configured, but their exporter is not installed."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The log, the metrics and the tracer."""

    log: Logger = field(default_factory=get_logger)
    metrics: Metrics = field(default_factory=Metrics)
    tracer: Tracer = field(default_factory=Tracer)
    pipe: LogPipe | None = None

    def trusted(self, event: str, facts: Mapping[str, Any]) -> None:
        """Log a line whose texts are all the gateway's own, without redaction."""
        pipe = self.pipe
        if pipe is None or not pipe.put_trusted(event, facts):
            self.log.info(event, **facts)

    @contextmanager
    def request(
        self, request_id: str, traceparent: str | None, name: str = "http.request"
    ) -> Iterator[Span]:
        """Add the request's id and trace id to every line inside, the client's own if it has one.

        Also in tasks that are started inside. `name` is the span's: a method and a route.
        """
        with (
            self.tracer.span(name, kind="server", parent=traceparent or "") as span,
            log_context(request_id=request_id),
        ):
            yield span

    @contextmanager
    def work(self, name: str, request_id: str, traceparent: str | None) -> Iterator[Span]:
        """Continue the trace of a request in background work, perhaps in another process.

        `traceparent` is the value of `tracer.inject()` in the request; None begins a trace.
        """
        with (
            self.tracer.span(name, parent=traceparent or "") as span,
            log_context(request_id=request_id),
        ):
            yield span

    def close(self, timeout: float = 5.0) -> bool:
        """Flush spans and log lines, at the very end; False if a reader did not accept them.

        Blocks the thread, for each reader at most `timeout` seconds.
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
    """Open logs to `stream` (default: standard error), metrics, and a tracer.

    Raises:
        TelemetryUnavailable: `otlp_endpoint` is set, but the extra `otel` is not installed;
            nothing was opened.

    """
    tracer = Tracer() if otlp_endpoint is None else _recording(otlp_endpoint)
    pipe = configure_logging(level, format, stream)
    metrics = Metrics(teams=teams, upstreams=upstreams, version=version(DISTRIBUTION))
    metrics.log_lines_dropped(lambda: pipe.dropped)
    metrics.spans_dropped(lambda: tracer.dropped)
    return Telemetry(get_logger(), metrics, tracer, pipe)


def _recording(endpoint: str) -> Tracer:
    try:
        # OpenTelemetry is needed only to export traces.
        from gateway.telemetry.otlp import OtlpRecorder
    except ModuleNotFoundError as error:
        raise TelemetryUnavailable(
            "telemetry.otlp_endpoint needs OpenTelemetry: install video-gateway[otel]"
        ) from error
    return Tracer(OtlpRecorder(endpoint, version=version(DISTRIBUTION)))
