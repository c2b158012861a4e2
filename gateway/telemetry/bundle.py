"""Logs, metrics and traces in one hand: what services, workers and handlers are given."""

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
    """Traces were asked for, and what exports them is not installed."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Where facts are told."""

    log: Logger = field(default_factory=get_logger)
    metrics: Metrics = field(default_factory=Metrics)
    tracer: Tracer = field(default_factory=Tracer)
    pipe: LogPipe | None = None

    def trusted(self, event: str, facts: Mapping[str, Any]) -> None:
        """Log a line all of whose texts are the gateway's own: nothing in it is redacted."""
        pipe = self.pipe
        if pipe is None or not pipe.put_trusted(event, facts):
            self.log.info(event, **facts)

    @contextmanager
    def request(
        self, request_id: str, traceparent: str | None, name: str = "http.request"
    ) -> Iterator[Span]:
        """Every line inside bears the request's id and its trace's, the client's if it has one.

        So do the lines of the tasks that it starts. `name` is the span's: a method and a route.
        """
        with (
            self.tracer.span(name, kind="server", parent=traceparent or "") as span,
            log_context(request_id=request_id),
        ):
            yield span

    @contextmanager
    def work(self, name: str, request_id: str, traceparent: str | None) -> Iterator[Span]:
        """Background work that goes on with what a request began, perhaps in another process.

        `traceparent` is what `tracer.inject()` said in the request; None begins a trace.
        """
        with (
            self.tracer.span(name, parent=traceparent or "") as span,
            log_context(request_id=request_id),
        ):
            yield span

    def close(self, timeout: float = 5.0) -> bool:
        """Hand over what was recorded and logged; last of all. False if somebody did not take it.

        Blocks the thread, each reader for at most `timeout` seconds.
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
    """Logs to standard error or `stream`, a registry of metrics, a tracer that records if asked to.

    Raises:
        TelemetryUnavailable: an `otlp_endpoint` is set and the extra `otel` is not installed;
            nothing was begun.

    """
    tracer = Tracer() if otlp_endpoint is None else _recording(otlp_endpoint)
    pipe = configure_logging(level, format, stream)
    metrics = Metrics(teams=teams, upstreams=upstreams, version=version(DISTRIBUTION))
    metrics.log_lines_dropped(lambda: pipe.dropped)
    metrics.spans_dropped(lambda: tracer.dropped)
    return Telemetry(get_logger(), metrics, tracer, pipe)


def _recording(endpoint: str) -> Tracer:
    try:
        # Only who exports traces needs OpenTelemetry.
        from gateway.telemetry.otlp import OtlpRecorder
    except ModuleNotFoundError as error:
        raise TelemetryUnavailable(
            "telemetry.otlp_endpoint needs OpenTelemetry: install video-gateway[otel]"
        ) from error
    return Tracer(OtlpRecorder(endpoint, version=version(DISTRIBUTION)))
