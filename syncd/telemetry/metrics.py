"""Counters and histograms of this process, gauges of the moment, and who asks for them.

    name                          kind        labels                      what
    experiments_logged            counter     remote, platform            runs opened at a remote that held
                                                                          nothing of them
    models_registered             counter     remote, platform            acknowledged versions of artifacts
                                                                          of type "model"
    runs_compared                 counter                                 runs that commands compared in this
                                                                          store, ever (`tracker.usage`)
    tracking_latency_ms           histogram   remote, platform            from when a batch set out to its
                                                                          acknowledgement, with quick attempts
    artifact_upload_size_bytes    histogram   remote, platform            files of artifacts put
    syncd_lanes                   gauge       remote, platform, state     runs: settled, delayed (failed, waits
                                                                          for its next try), open (the rest)
    syncd_pending_events          gauge       remote, platform            events not acknowledged
    syncd_oldest_pending_age_s    gauge       remote, platform            age of the oldest of them, 0 for none
    syncd_parked                  gauge       remote, platform            entries refused for good
    syncd_breaker_state           gauge       remote, platform            0 closed, 1 half-open, 2 open
    syncd_remote_stopped          gauge       remote, platform            1: nothing is sent (credentials, settings)
    syncd_degradation_level       gauge                                   see `syncd.telemetry.level`

As Prometheus wants it, `_total` stands behind a counter's name. Counters begin at 0 with the
process, but for runs_compared. A scrape reads no journal: one pass over the lanes in syncd.db.
"""  # noqa: E501 - a table

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from syncd.telemetry.observer import What, Where
from syncd.telemetry.standing import RemoteStanding, Standing
from tracker import usage
from tracker.store import StoreFolder

HOST = "127.0.0.1"
LATENCY_MS = (50, 100, 500, 1000, 5000)
SIZE_BYTES = tuple(2**power for power in range(10, 35, 4))
"""1 KiB to 16 GiB, each 16 times the one before."""

_BREAKER = {"closed": 0, "half-open": 1, "open": 2}
_LABELS = ("remote", "platform")
_log = logging.getLogger("syncd")


class Metrics:
    """What is counted; `standing` and `level` are asked at each scrape."""

    def __init__(
        self, store: StoreFolder, standing: Callable[[], Standing], level: Callable[[], int]
    ) -> None:
        # A series more for each, which says when this process began.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._runs = Counter(
            "experiments_logged", "Runs opened at a remote that held nothing of them",
            _LABELS, registry=self.registry,
        )  # fmt: skip
        self._models = Counter(
            "models_registered", 'Acknowledged versions of artifacts of type "model"',
            _LABELS, registry=self.registry,
        )  # fmt: skip
        self._latency = Histogram(
            "tracking_latency_ms", "From when a batch set out to its acknowledgement",
            _LABELS, buckets=LATENCY_MS, registry=self.registry,
        )  # fmt: skip
        self._sizes = Histogram(
            "artifact_upload_size_bytes", "Files of artifacts put", _LABELS,
            buckets=SIZE_BYTES, registry=self.registry,
        )  # fmt: skip
        self.registry.register(_Moment(store, standing, level))
        for remote in standing().remotes:  # so that what never happened is 0 and not unknown
            for metric in (self._runs, self._models, self._latency, self._sizes):
                metric.labels(remote.name, remote.platform)

    def tell(self, what: What, where: Where | None, facts: dict[str, Any]) -> None:
        """Count what is counted of it."""
        if where is None:
            return
        labels = (where.remote, where.platform)
        if what is What.RUN_STARTED:
            self._runs.labels(*labels).inc()
        elif what is What.METRICS_LOGGED:
            self._latency.labels(*labels).observe(facts["ms"])
        elif what is What.ARTIFACT_CACHED and facts["type"] == "model":
            self._models.labels(*labels).inc()
        elif what is What.ARTIFACT_UPLOADED:
            self._sizes.labels(*labels).observe(facts["bytes"])

    @contextlib.contextmanager
    def served(self, port: int) -> Iterator[None]:
        """Answer on the loopback address; a port that is taken is said, and no more."""
        try:
            server, _ = start_http_server(port, HOST, self.registry)
        except OSError as error:
            _log.warning(
                "no metrics, as port %d of %s cannot be used (%s). Delivery goes on; choose "
                "another: setting metrics_port", port, HOST, error.strerror or error,
            )  # fmt: skip
            yield
            return
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


class _Moment(Collector):
    """Gauges, made when they are asked for."""

    def __init__(
        self, store: StoreFolder, standing: Callable[[], Standing], level: Callable[[], int]
    ) -> None:
        self._store = store
        self._standing = standing
        self._level = level

    def describe(self) -> list[Metric]:
        """Nothing, so that registering asks for no value."""
        return []

    def collect(self) -> Iterator[Metric]:
        compared = CounterMetricFamily("runs_compared", "Runs that commands compared, ever")
        compared.add_metric([], usage.count(self._store, usage.RUNS_COMPARED))
        yield compared
        yield GaugeMetricFamily("syncd_degradation_level", "0 all well to 3", self._level())
        with contextlib.suppress(sqlite3.Error):  # no gauges while syncd.db cannot be read
            yield from _gauges(self._standing().remotes)


def _gauges(remotes: list[RemoteStanding]) -> Iterator[Metric]:
    lanes = GaugeMetricFamily("syncd_lanes", "Runs by state", labels=[*_LABELS, "state"])
    for remote in remotes:
        for state, number in remote.queue.lanes.items():
            lanes.add_metric([remote.name, remote.platform, state], number)
    yield lanes
    now = time.time()
    values: dict[str, tuple[str, Callable[[RemoteStanding], float]]] = {
        "syncd_pending_events": ("Events not acknowledged", lambda r: r.queue.events),
        "syncd_oldest_pending_age_s": (
            "Age of the oldest of them", lambda r: max(0.0, now - (r.queue.oldest or now)),
        ),
        "syncd_parked": ("Entries refused for good", lambda r: r.queue.parked),
        "syncd_breaker_state": ("0 closed, 1 half-open, 2 open", lambda r: _BREAKER[r.breaker]),
        "syncd_remote_stopped": ("1: nothing is sent", lambda r: float(r.stopped is not None)),
    }  # fmt: skip
    for name, (text, value) in values.items():
        gauge = GaugeMetricFamily(name, text, labels=_LABELS)
        for remote in remotes:
            gauge.add_metric([remote.name, remote.platform], value(remote))
        yield gauge
