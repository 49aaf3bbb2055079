"""A proxy on loopback that does to HTTP what networks, gateways and tired servers do.

By the seed, or to the next requests of a kind:

with FaultProxy(server.url, seed=7, rates={"lost": 0.2, "500": 0.1}) as proxy:
    ...  # speak to proxy.url
    proxy.rates = {}  # from here on it only forwards, but for
    proxy.script = {"POST runs/create": ["lost", "502"]}
    assert proxy.faults["lost"] > 0
"""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.doubles.faults import BODIES, FAULTS, STATUSES, kind, own

_HEALS = {"408", "425", "429", "503"}
_WRONG = {"longer": 7, "shorter": -1}  # bytes that Content-Length says too many
_PIECE = 65_536
_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host"}


class FaultProxy:
    """Stands in front of `target_url`. `rates` may be changed at any time; `faults` counts.

    `tls` is a file with a key and its certificate, to speak TLS with.

    Attributes:
        faults: what happened how often; "forwarded" is what reached the target, whatever became
            of the answer.
        instead: by path, what is answered in place of the target, with 200.
        script: by `kind` of request, what happens to the next of that kind, before all else.
        most_bytes: of a request's body; a longer one is answered 413.
        answers: by `kind`, the last whole answer of the target.
        under_way: requests that the target has and has not answered.
    """

    def __init__(
        self,
        target_url: str,
        seed: int,
        rates: dict[str, float] | None = None,
        *,
        max_delay_s: float = 0.2,
        retry_after: str = "0",
        elsewhere: str = "",
        tls: Path | None = None,
    ) -> None:
        self.rates = dict(rates or {})
        self.script: dict[str, list[str]] = {}
        self.faults: Counter[str] = Counter()
        self.instead: dict[str, bytes] = {}
        self.answers: dict[str, bytes] = {}
        self.most_bytes: float = float("inf")
        self.cut_at: int | None = None
        self.max_delay_s = max_delay_s
        self.retry_after = retry_after
        self.elsewhere = elsewhere
        self.under_way = 0
        target = urlsplit(target_url)
        self._target = (target.hostname or "127.0.0.1", target.port or 80)
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._scheme = "https" if tls else "http"
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._server.proxy = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def url(self) -> str:
        """Where to speak to it."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FaultProxy:  # noqa: PYI034 - Self is not in Python 3.10
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def scripted(self, kind: str, length: int) -> str:
        """Say what becomes of a request of this kind and length by the script, "" for nothing."""
        with self._lock:
            fault = self.script[kind].pop(0) if self.script.get(kind) else ""
            fault = fault or ("413" if length > self.most_bytes else "")
            if not fault:
                return ""
            assert fault in FAULTS, f"no such fault: {fault}"
            self.faults[fault] += 1
            return fault

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

    @contextlib.contextmanager
    def forwarding(self) -> Iterator[None]:
        """Count a request that is on its way to the target and back, and that came back."""
        with self._lock:
            self.under_way += 1
        try:
            yield
            with self._lock:
                self.faults["forwarded"] += 1
        finally:
            with self._lock:
                self.under_way -= 1


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
        self._kind = kind(self.command, self.path)
        self._fault = proxy.scripted(self._kind, self._length()) or self._fault
        if self._fault == "refuse":
            self._reset()
        elif self._fault in {*STATUSES, *BODIES, "redirect", "cut again"}:
            self._answer_itself()
        elif (body := proxy.instead.get(self.path)) is not None:
            self._say(200, [body])
        else:
            self._have_answered(proxy)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do  # noqa: N815 - names by http.server

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def _say(self, status: int, body: list[bytes], **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(sum(map(len, body))))
        self.end_headers()
        for piece in body:
            self.wfile.write(piece)

    def _have_answered(self, proxy: FaultProxy) -> None:
        if self._fault == "delay":
            time.sleep(proxy.delay_s())
        with contextlib.closing(proxy.connect()) as target:
            try:
                answer = self._forward(target)
            except (OSError, http.client.HTTPException):
                self._reset()  # the target is down, or the client went away
                return
            with contextlib.closing(answer):
                self._give(answer)

    def _answer_itself(self) -> None:
        proxy, fault = self.server.proxy, self._fault
        for _ in _pieces(self.rfile, self._length()):
            pass
        if fault == "cut again":
            self.wfile.write(proxy.answers[self._kind][: proxy.cut_at])
            self._hang_up()
            return
        content_type, encoding, body = own(fault)
        headers = {"Content_Type": content_type, "Content_Encoding": encoding}
        if fault in _HEALS:
            headers["Retry_After"] = proxy.retry_after
        if fault == "redirect":
            headers["Location"] = proxy.elsewhere + self.path
        status = int(fault) if fault in STATUSES else 307 if fault == "redirect" else 200
        self._say(status, body, **headers)

    def _give(self, answer: http.client.HTTPResponse) -> None:
        if self._fault == "lost":
            self._hang_up()
        elif self._fault == "reset":
            self._reset()
        elif self._fault == "silent":
            self.rfile.peek(1)  # type: ignore[attr-defined]  # returns when the client hangs up
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
        with self.server.proxy.forwarding():
            for piece in _pieces(self.rfile, self._length()):
                target.send(piece)
            return target.getresponse()

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        proxy, fault = self.server.proxy, self._fault
        body = answer.read()
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        for name, value in answer.getheaders():
            if name.lower() not in {*_HOP, "content-length"}:
                lines.append(f"{name}: {value}")
        lines.append(f"Content-Length: {max(0, len(body) + _WRONG.get(fault, 0))}\r\n\r\n")
        head = "\r\n".join(lines).encode("latin-1")
        whole = head + (b"" if self.command == "HEAD" else body)
        if fault == "cut":
            middle = min(len(head) + len(body) // 2, len(whole) - 1)
            self.wfile.write(whole[: middle if proxy.cut_at is None else proxy.cut_at])
            self._hang_up()
        elif fault == "dribble":
            for byte in whole:
                self.wfile.write(bytes([byte]))
                time.sleep(1.0)
        else:
            proxy.answers[self._kind] = whole
            self.wfile.write(whole * 2 if fault == "twice" else whole)

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
