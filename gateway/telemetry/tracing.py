"""Traces: one from a client's `traceparent` over submit, upstream calls, polls and deliveries.

Without a collector nothing is recorded, but the trace's id still travels: into log lines, into the
job's row, and back from there into the work that follows it hours later.

    with tracer.span("submit", kind="server", parent=request.headers.get("traceparent")):
        stored = tracer.inject()                  # kept with the job
    ...
    with tracer.span("job.poll", parent=stored):  # another day, perhaps another process
        ...
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, Protocol

from gateway.telemetry.context import CURRENT
from gateway.telemetry.failure import summary
from gateway.telemetry.redaction import redact_field
from gateway.telemetry.traceparent import Traceparent, fresh, parse

SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
Attribute = str | bool | int | float


class Recording(Protocol):
    """A span that is being recorded."""

    @property
    def place(self) -> Traceparent:
        """Where it is in its trace."""

    def set(self, name: str, value: Attribute) -> None:
        """Put down an attribute."""

    def end(self, failure: str | None) -> None:
        """It is over; `failure` says how it went wrong."""


class Recorder(Protocol):
    """What records spans and sends them away (`otlp.py`); no call of it may block."""

    def start(self, name: str, kind: SpanKind, parent: Traceparent | None) -> Recording:
        """Begin a span; None begins a trace."""

    @property
    def dropped(self) -> int:
        """Spans lost since the start."""

    def close(self, timeout: float) -> bool:
        """Send what waits; False if that took longer. Blocks the thread."""


class Span:
    """A piece of work in a trace, recorded or not."""

    def __init__(self, place: Traceparent, recording: Recording | None = None) -> None:
        self._recording = recording
        self._failure: str | None = None
        self.place = place

    def set(self, **attributes: object) -> None:
        """Put down facts, redacted as log lines are; None is left out."""
        if self._recording is None:
            return
        for name, value in attributes.items():
            told = redact_field(name, value)
            if told is not None:
                attribute = told if isinstance(told, str | bool | int | float) else str(told)
                self._recording.set(name, attribute)

    def fail(self, reason: str) -> None:
        """Mark the span as failed where no exception passes: a stable word, never a message."""
        self._failure = reason

    def end(self, error: BaseException | None = None) -> None:
        """Called by `Tracer.span` alone."""
        if self._recording is not None:
            self._recording.end(self._failure if error is None else summary(error))


class Tracer:
    """Opens spans. Without a recorder they only carry the trace's id along."""

    def __init__(self, recorder: Recorder | None = None) -> None:
        self._recorder = recorder

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: SpanKind = "internal",
        attributes: Mapping[str, object] | None = None,
        parent: str | None = None,
    ) -> Iterator[Span]:
        """A span around the block, and the present one for what runs inside and is started there.

        `parent`: a `traceparent`, from a header or `inject`; without one the present span is the
        parent, and without that a new trace begins. An unreadable one begins a new trace.
        """
        span = self._open(name, kind, CURRENT.get() if parent is None else parse(parent))
        span.set(**(attributes or {}))
        token = CURRENT.set(span.place)
        try:
            yield span
        except BaseException as error:
            span.end(error)
            raise
        else:
            span.end()
        finally:
            CURRENT.reset(token)

    def _open(self, name: str, kind: SpanKind, parent: Traceparent | None) -> Span:
        if self._recorder is None:
            return Span(parent or fresh())
        recording = self._recorder.start(name, kind, parent)
        return Span(recording.place, recording)

    @property
    def records(self) -> bool:
        """Whether spans are recorded, and not only their ids carried along."""
        return self._recorder is not None

    def inject(self) -> str | None:
        """The present span as a `traceparent`: to store with a job, or to send along."""
        current = CURRENT.get()
        return None if current is None else str(current)

    @property
    def dropped(self) -> int:
        """Spans lost since the start: the collector was away, slow, or refused them."""
        return 0 if self._recorder is None else self._recorder.dropped

    def close(self, timeout: float = 5.0) -> bool:
        """Send what waits; False if the collector did not take it in time. Blocks the thread."""
        return self._recorder is None or self._recorder.close(timeout)
