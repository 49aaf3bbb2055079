"""A proxy on loopback that does to HTTP what networks and tired servers do, by the seed.

with FaultProxy(server.url, seed=7, rates={"lost": 0.2, "500": 0.1}) as proxy:
    ...  # speak to proxy.url
    proxy.rates = {}  # from here on it only forwards
    assert proxy.faults["lost"] > 0
"""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any
from urllib.parse import urlsplit

FAULTS = {
    "refuse": "reset before the request is read",
    "delay": "forwarded after up to `max_delay_s`",
    "500": "answered 500, not forwarded",
    "503": "answered 503, not forwarded",
    "429": "answered 429 with Retry-After, not forwarded",
    "lost": "forwarded, closed in place of the answer",
    "reset": "forwarded, reset in place of the answer",
    "cut": "forwarded, closed in the middle of the answer",
}
"""What may happen to a request; its rate is a share of all requests, the sum at most 1."""

_PIECE = 65_536
_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host"}


class FaultProxy:
    """Stands in front of `target_url`. `rates` may be changed at any time; `faults` counts.

    `faults["forwarded"]` counts what reached the target, whatever became of the answer.
    """

    def __init__(
        self,
        target_url: str,
        seed: int,
        rates: dict[str, float] | None = None,
        *,
        max_delay_s: float = 0.2,
        retry_after: str = "0",
    ) -> None:
        self.rates = dict(rates or {})
        self.faults: Counter[str] = Counter()
        self.max_delay_s = max_delay_s
        self.retry_after = retry_after
        target = urlsplit(target_url)
        self._target = (target.hostname or "127.0.0.1", target.port or 80)
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def url(self) -> str:
        """Where to speak to it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FaultProxy:  # noqa: PYI034 - Self is not in Python 3.10
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def draw(self) -> str:
        """Say what happens to the next request: a fault, or "" for none."""
        with self._lock:
            at = self._random.random()
            for fault, rate in self.rates.items():
                assert fault in FAULTS, f"no such fault: {fault}"
                if at < rate:
                    self.faults[fault] += 1
                    return fault
                at -= rate
            return ""

    def delay_s(self) -> float:
        """Draw a delay."""
        with self._lock:
            return self._random.uniform(0, self.max_delay_s)

    def connect(self) -> http.client.HTTPConnection:
        """Make a connection to the target."""
        return http.client.HTTPConnection(*self._target, timeout=60)

    def forwarded(self) -> None:
        """Count a request that the target took."""
        with self._lock:
            self.faults["forwarded"] += 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client may keep an idle connection open for as long as it likes
    proxy: FaultProxy

    def handle_error(self, *_: Any) -> None:
        """Stay silent: clients that are killed leave broken connections behind."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Server

    def handle_one_request(self) -> None:
        """Draw the fault before the request line is parsed: "refuse" reads nothing."""
        first = self.rfile.peek(1)[:1]  # type: ignore[attr-defined]  # a BufferedReader
        if not first:
            self.close_connection = True
            return
        self._fault = self.server.proxy.draw()
        if self._fault == "refuse":
            self._reset()
            return
        super().handle_one_request()

    def do(self) -> None:
        """Carry out one request of any method."""
        proxy = self.server.proxy
        if self._fault.isdecimal():
            self._answer_itself(int(self._fault))
            return
        if self._fault == "delay":
            time.sleep(proxy.delay_s())
        with contextlib.closing(self.server.proxy.connect()) as target:
            try:
                answer = self._forward(target)
            except (OSError, http.client.HTTPException):
                self._reset()  # the target is down, or the client went away
                return
            with contextlib.closing(answer):
                self._give(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do  # noqa: N815 - names by http.server

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def _answer_itself(self, status: int) -> None:
        for _ in _pieces(self.rfile, self._length()):
            pass
        self.send_response(status)
        if status == http.HTTPStatus.TOO_MANY_REQUESTS:
            self.send_header("Retry-After", self.server.proxy.retry_after)
        body = b"a fault of the proxy's own"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _give(self, answer: http.client.HTTPResponse) -> None:
        if self._fault == "lost":
            self._hang_up()
        elif self._fault == "reset":
            self._reset()
        else:
            self._pass_on(answer)

    def _forward(self, target: http.client.HTTPConnection) -> http.client.HTTPResponse:
        # As the proxy that HTTP_PROXY names, it is asked for whole addresses.
        path = self.path.removeprefix(f"http://{target.host}:{target.port}")
        target.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
        target.putheader("Host", f"{target.host}:{target.port}")
        for name, value in self.headers.items():
            if name.lower() not in _HOP:
                target.putheader(name, value)
        target.putheader("Connection", "close")
        target.endheaders()
        for piece in _pieces(self.rfile, self._length()):
            target.send(piece)
        answer = target.getresponse()
        self.server.proxy.forwarded()
        return answer

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        body = answer.read()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in {*_HOP, "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self._fault == "cut":
            self.wfile.write(body[: len(body) // 2])
            self._hang_up()
        elif self.command != "HEAD":
            self.wfile.write(body)

    def _length(self) -> int:
        assert "chunked" not in self.headers.get("Transfer-Encoding", ""), "not spoken here"
        return int(self.headers.get("Content-Length") or 0)

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    def _reset(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            # Lingering for 0 s makes close send a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _pieces(source: BufferedIOBase, length: int) -> Iterator[bytes]:
    while length > 0:
        piece = source.read(min(length, _PIECE))
        if not piece:
            raise ConnectionError("the client went away in the middle of its request")
        length -= len(piece)
        yield piece
