"""OpenTelemetry spans: a "batch", the "request"s that it took, and requests beside batches.

One in five traces is kept (setting `trace_share`), a batch with all of its requests or none.
Spans go to `trace_endpoint` (OTLP over HTTP) from a thread of their own; the exporter obeys
the usual OTEL_EXPORTER_OTLP_ variables for all else, such as headers. A span holds the
method and path of a request, never a query, a header or an error's text.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, Status, StatusCode

from syncd.telemetry.observer import Note, Where

_EXPORT_S = 2.0
"""Longest request of the exporter."""

_FLUSH_S = 0.5
"""What the end of the process spends on the last spans."""


class Traces:
    """Makes spans and has them exported, until `close`.

    Attributes:
        degradation_level: an attribute of each span.
    """

    def __init__(self, exporter: SpanExporter, share: float) -> None:
        self.degradation_level = 0
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(share)),
            resource=Resource.create({"service.name": "syncd"}),
            shutdown_on_exit=False,  # it would wait for a collector that is away
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("syncd")

    @classmethod
    def to(cls, endpoint: str, share: float) -> Traces:
        """Export to an address such as http://127.0.0.1:4318/v1/traces."""
        return cls(OTLPSpanExporter(endpoint, timeout=_EXPORT_S), share)

    def close(self) -> None:
        """Export what is left, for a moment at most."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(_FLUSH_S)

    @contextlib.contextmanager
    def span(self, name: str, where: Where | None, facts: dict[str, Any]) -> Iterator[Note]:
        """Go on within a span; an error leaves its type in it."""
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            _add(span, facts | {"degradation_level": self.degradation_level})
            if where is not None:
                _add(span, {"experiment_id": where.project, "run_id": where.run_id})
                _add(span, {"platform": where.platform, "remote": where.remote})
            try:
                yield lambda **more: _add(span, more)
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise


def _add(span: Span, facts: dict[str, Any]) -> None:
    for name, value in facts.items():
        if value is not None:
            span.set_attribute(name, value)
