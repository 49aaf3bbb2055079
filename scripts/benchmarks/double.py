"""A quick stand-in for an MLflow server: takes everything, keeps nothing but a count.

It serves figures about syncd itself, for which a real server is only slow. What MLflow does
with data is never measured, or tested, against it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

INFO = {
    "run_id": "0" * 32, "experiment_id": "1", "status": "RUNNING", "lifecycle_stage": "active",
    "artifact_uri": "mlflow-artifacts:/1/run/artifacts",
}  # fmt: skip
RUN: dict[str, Any] = {"info": INFO, "data": {"metrics": [], "params": [], "tags": []}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    server: Double

    def do_GET(self) -> None:
        """Answer a question."""
        self._answer({
            "get-by-name": {"experiment": {"experiment_id": "1", "lifecycle_stage": "active"}},
            "get": {"run": RUN},
        }.get(self._call, {}))  # fmt: skip

    def do_POST(self) -> None:
        """Take data."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.points += body.count(b'"timestamp"')
        self.server.created |= self._call == "create"
        found = [RUN] if self.server.created else []
        self._answer({"search": {"runs": found}, "create": {"run": RUN}}.get(self._call, {}))

    def do_PUT(self) -> None:
        """Take a file."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({})

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    @property
    def _call(self) -> str:
        return urlsplit(self.path).path.rsplit("/", 1)[-1]

    def _answer(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Double(ThreadingHTTPServer):
    """Listens on a free loopback port; serve with `serving`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.points = 0
        self.created = False
        self.url = f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def serving(self) -> Iterator[Double]:
        """Serve as long as the context lasts."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
