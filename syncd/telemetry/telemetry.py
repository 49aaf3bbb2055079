"""The observer of a process of syncd: hands on what it is told to logs, metrics and traces."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from syncd.sinks.http import check_url
from syncd.telemetry.logs import Logs
from syncd.telemetry.observer import Note, Observer, What, Where, nothing
from syncd.telemetry.standing import Standing
from tracker.errors import BadInput
from tracker.settings import Settings
from tracker.store import StoreFolder
from tracker.unexpected import unexpected

_log = logging.getLogger("syncd")


class _Listener(Protocol):
    def tell(self, what: What, where: Where | None, facts: dict[str, Any]) -> None: ...


class _Traces(Protocol):
    degradation_level: int

    def close(self) -> None: ...

    def span(
        self, name: str, where: Where | None, facts: dict[str, Any]
    ) -> contextlib.AbstractContextManager[Note]: ...


class Telemetry(Observer):
    """A context: the log is open in it, spans are exported if an address for them is set."""

    def __init__(self, store: StoreFolder, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._logs = Logs(store.sync / "syncd.log", settings.log_level)
        self._listeners: list[_Listener] = [self._logs]
        self._traces: _Traces | None = None
        self._level = 0

    def __enter__(self) -> Telemetry:  # noqa: PYI034 - Self is not in Python 3.10
        """Begin to listen."""
        self._logs.open()
        self._traces = _traces(self._settings)
        return self

    def __exit__(self, *exception: object) -> None:
        """Have the last spans exported, and close the log."""
        if self._traces is not None:
            self._traces.close()
        self._logs.close()

    @contextlib.contextmanager
    def serving(self, standing: Callable[[], Standing]) -> Iterator[None]:
        """Within the context, answer to Prometheus if a port for that is set.

        Errors are said on standard error too, as a process that serves says nothing else.
        """
        self._logs.console.errors = True
        if not self._settings.metrics_port:
            yield
            return
        from syncd.telemetry.metrics import Metrics  # noqa: PLC0415 - for those who ask for it

        metrics = Metrics(self._store, standing, lambda: self._level)
        self._listeners.append(metrics)
        with metrics.served(self._settings.metrics_port):
            yield

    def tell(self, what: What, where: Where | None = None, /, **facts: Any) -> None:
        """Hand it on to everybody; what goes wrong there is said in the log."""
        if what is What.DEGRADATION_CHANGED:
            self._level = self._logs.degradation_level = facts["now"]
            if self._traces is not None:
                self._traces.degradation_level = facts["now"]
        for listener in self._listeners:
            try:
                listener.tell(what, where, facts)
            except Exception as error:  # noqa: BLE001, PERF203 - the edge: who watches harms nothing
                _log.warning("%s could not be told of: %s", what.value, unexpected(error))

    def during(
        self, name: str, where: Where | None = None, /, **facts: Any
    ) -> contextlib.AbstractContextManager[Note]:
        """Go on within a span, if there are traces."""
        if self._traces is None:
            return contextlib.nullcontext(nothing)
        return self._traces.span(name, where, facts)


def _traces(settings: Settings) -> _Traces | None:
    """Traces to the address that is set; what is wrong with it is said, and there are none."""
    if not settings.trace_endpoint:
        return None
    try:
        from syncd.telemetry.traces import Traces  # noqa: PLC0415 - an extra, for those who ask

        return Traces.to(check_url(settings.trace_endpoint), settings.trace_share)
    except ImportError:
        _log.warning(
            "no traces, as OpenTelemetry is not installed. Delivery goes on; install it: "
            'pip install "tracker-syncd[otel]"'
        )
    except BadInput as error:
        _log.warning("no traces, setting trace_endpoint: %s", error)
    return None
