"""Traces from a client's `traceparent` through submit, upstream calls, polls and deliveries.

Without a collector nothing is recorded, but log lines and the job's row still have the trace's id,
and later work on the job uses it.

    with tracer.span("submit", kind="server", parent=request.headers.get("traceparent")):
        stored = tracer.inject()                  # stored with the job
    ...
    with tracer.span("job.poll", parent=stored):  # later, perhaps in another process
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
        """Its position in the trace."""

    def set(self, name: str, value: Attribute) -> None:
        """Set an attribute."""

    def end(self, failure: str | None) -> None:
        """End the span; `failure` is the kind of its error."""


class Recorder(Protocol):
    """Records and exports spans (`otlp.py`); no method may block."""

    def start(self, name: str, kind: SpanKind, parent: Traceparent | None) -> Recording:
        """Begin a span; None begins a trace."""

    @property
    def dropped(self) -> int:
        """The number of lost spans since the start."""

    def close(self, timeout: float) -> bool:
        """Send the queued spans; False after `timeout`. Blocks the thread."""


class Span:
    """A span, recorded or not."""

    def __init__(self, place: Traceparent, recording: Recording | None = None) -> None:
        self._recording = recording
        self._failure: str | None = None
        self.place = place

    def set(self, **attributes: object) -> None:
        """Set attributes, redacted like log lines; None is omitted."""
        if self._recording is None:
            return
        for name, value in attributes.items():
            told = redact_field(name, value)
            if told is not None:
                attribute = told if isinstance(told, str | bool | int | float) else str(told)
                self._recording.set(name, attribute)

    def fail(self, reason: str) -> None:
        """Mark the span as failed without an exception, by a stable word, never a message."""
        self._failure = reason

    def end(self, error: BaseException | None = None) -> None:
        """Called by `Tracer.span` only."""
        if self._recording is not None:
            self._recording.end(self._failure if error is None else summary(error))


class Tracer:
    """Opens spans; without a recorder they only pass the trace's id on."""

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
        """Open a span around the block; it is the current one inside, and in tasks started there.

        `parent`: a `traceparent` of a header or of `inject`; None: the current span. An invalid
        one, or none at all, begins a new trace.
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
        """Whether spans are recorded."""
        return self._recorder is not None

    def inject(self) -> str | None:
        """Return the current span as a `traceparent`, to store with a job or to forward."""
        current = CURRENT.get()
        return None if current is None else str(current)

    @property
    def dropped(self) -> int:
        """The number of spans lost since the start, because the collector did not accept them."""
        return 0 if self._recorder is None else self._recorder.dropped

    def close(self, timeout: float = 5.0) -> bool:
        """Send the queued spans; False if the collector was too slow. Blocks the thread."""
        return self._recorder is None or self._recorder.close(timeout)
