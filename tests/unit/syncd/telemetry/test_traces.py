"""Spans: a batch with its requests, one trace in five, nothing in them that is secret."""

from __future__ import annotations

import random
import sys
import time
from contextlib import contextmanager

import httpx
import msgspec
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from syncd.sinks import OutcomeUnknown, Unauthorized
from syncd.sinks.http import HttpClient
from syncd.telemetry import What, Where, observing
from syncd.telemetry.telemetry import Telemetry
from syncd.telemetry.traces import Traces
from tests.doubles.collector import Collector
from tests.servers import free_port
from tracker.settings import Settings
from tracker.store import StoreFolder

LANE = Where("lab", "mlflow", "r1", "digits")


@pytest.fixture
def store(tmp_path):
    return StoreFolder.open(tmp_path / "store", create=True)


@contextmanager
def watched(store, share=1.0):
    """A telemetry with traces in memory, and the spans once it is closed."""
    exporter, spans = InMemorySpanExporter(), []
    telemetry = Telemetry(store, Settings())
    with telemetry:
        telemetry._traces = Traces(exporter, share)
        token = observing.set(telemetry)
        try:
            yield telemetry, spans
        finally:
            observing.reset(token)
            telemetry._traces._provider.force_flush()
            spans += exporter.get_finished_spans()


def client(answer):
    return HttpClient("http://lab.test/base", transport=httpx.MockTransport(answer))


def test_requests_are_children_of_their_batch(store):
    http = client(lambda _: httpx.Response(200, json={}))
    with watched(store) as (telemetry, spans):
        telemetry.tell(What.DEGRADATION_CHANGED, before=0, now=1)
        with telemetry.during("batch", LANE, batch=3, events=7):
            http.request("POST", "/log-batch", params={"token": "s3cret"}, content=b"s3cret")
            http.request("GET", "/runs/get")
    http.close()
    batch = next(span for span in spans if span.name == "batch")
    assert dict(batch.attributes) == {
        "batch": 3, "events": 7, "degradation_level": 1, "experiment_id": "digits",
        "run_id": "r1", "platform": "mlflow", "remote": "lab",
    }  # fmt: skip
    requests = [span for span in spans if span.name == "request"]
    assert [dict(span.attributes) for span in requests] == [
        {"method": method, "path": path, "status": 200, "degradation_level": 1}
        for method, path in (("POST", "/log-batch"), ("GET", "/runs/get"))
    ]
    assert {span.parent.span_id for span in requests} == {batch.context.span_id}
    assert "s3cret" not in "".join(span.to_json() for span in spans)


def _lose(request):
    raise httpx.ReadError("s3cret", request=request)


@pytest.mark.parametrize(
    ("answer", "error", "status"),
    [
        (lambda _: httpx.Response(401, text="s3cret"), Unauthorized, 401),
        (_lose, OutcomeUnknown, None),
    ],
)
def test_a_failed_request_leaves_the_kind_of_its_error_and_no_text(store, answer, error, status):
    http = client(answer)
    with watched(store) as (_, spans), pytest.raises(error):
        http.request("GET", "/runs/get")
    http.close()
    [span] = spans
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, error.__name__)
    assert span.attributes.get("status") == status
    assert "s3cret" not in span.to_json()
    assert span.events == ()


def test_one_trace_in_five_is_kept_whole_or_not_at_all(store):
    """Of 2,000 batches within five standard deviations of 400, each with both its requests."""
    random.seed(20)
    with watched(store, Settings().trace_share) as (telemetry, spans):
        for number in range(2000):
            with telemetry.during("batch", LANE, batch=number):
                for _ in range(2):
                    with telemetry.during("request"):
                        pass
            if number % 100 == 0:
                telemetry._traces._provider.force_flush()
    batches = [span for span in spans if span.name == "batch"]
    assert 310 < len(batches) < 490
    assert len(spans) == 3 * len(batches)


def test_without_an_address_there_are_none_and_nothing_is_loaded(store):
    with Telemetry(store, Settings()) as telemetry:
        assert telemetry._traces is None
        with telemetry.during("batch", LANE) as note:
            note(status=200)


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("http://u:s3cret@collector:4318/v1/traces", "holds credentials"),
        ("collector", "cannot be used"),
        ("http://127.0.0.1:4318/v1/traces", 'pip install "tracker-syncd[otel]"'),
    ],
)
def test_what_cannot_be_traced_to_is_said_and_delivery_goes_on(
    store, endpoint, said, monkeypatch, capfd
):
    if "otel" in said:
        monkeypatch.setitem(sys.modules, "syncd.telemetry.traces", None)
    settings = msgspec.structs.replace(Settings(), trace_endpoint=endpoint)
    with Telemetry(store, settings) as telemetry:
        assert telemetry._traces is None
    err = capfd.readouterr().err
    assert said in err
    assert "s3cret" not in err


def test_spans_arrive_at_a_real_collector(store):
    """By OTLP over HTTP, the last ones as the process ends."""
    with Collector().serves() as collector:
        address = collector.url
        settings = msgspec.structs.replace(Settings(), trace_endpoint=address, trace_share=1.0)
        with Telemetry(store, settings) as telemetry:
            with telemetry.during("batch", LANE, batch=1, events=3):
                pass
            telemetry._traces._provider.force_flush()
    [request] = collector.requests
    [about] = request.resource_spans
    resource = {entry.key: entry.value.string_value for entry in about.resource.attributes}
    assert resource["service.name"] == "syncd"
    assert [span.name for span in collector.spans()] == ["batch"]


def test_a_collector_that_is_away_holds_up_no_end_and_says_so_in_the_log_alone(store, capfd):
    address = f"http://127.0.0.1:{free_port()}/v1/traces"
    settings = msgspec.structs.replace(Settings(), trace_endpoint=address, trace_share=1.0)
    with Telemetry(store, settings) as telemetry:
        with telemetry.during("batch", LANE):
            pass
        began = time.monotonic()
    assert time.monotonic() - began < 2
    assert capfd.readouterr().err == ""
