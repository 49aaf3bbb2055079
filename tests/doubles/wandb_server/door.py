"""The server's HTTP: who may come in, how often, and what happens on the way."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import math
import socket
import struct
import sys
import threading
import time
import zlib
from collections import defaultdict, deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from tests.doubles.wandb_server.document import GraphqlError, read
from tests.doubles.wandb_server.storage import Refused, Storage

MOST_STREAM_BYTES = 10 << 20
"""A longer request of a stream is answered 413."""

_FAULTS = {"", "refuse", "lost", "reset"}


@dataclass(frozen=True)
class Request:
    """A request that came.

    Attributes:
        kind: a GraphQL operation's name, "file_stream", "PUT file" or "GET file".
        body: as read from JSON; of a file, how many bytes; None if it could not be read.
        status: of the answer, 0 if there was none.
    """

    kind: str
    path: str
    body: Any
    status: int
    at: float


@dataclass(frozen=True)
class Limit:
    """So many requests in any span of so many seconds; the next get 429 with Retry-After."""

    requests: int
    window_s: float = 60.0


class Server(Protocol):
    """What the door needs of the server behind it."""

    key: str
    requests: dict[str, list[Request]]
    script: dict[str, list[str]]
    limits: dict[str, Limit]
    retry_after_s: int
    storage: Storage
    lock: threading.Lock

    def ask(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Answer GraphQL."""

    def stream(self, entity: str, project: str, name: str, body: Any) -> dict[str, Any]:
        """Take a request of a run's stream."""

    def complain(self, kind: str, text: str) -> None:
        """Note what a client did wrong."""


class Door:
    """Listens on a free port and lets requests through, one at a time."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.door = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._taken: dict[str, deque[float]] = defaultdict(deque)
        self._told: dict[bytes, float] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def open(self) -> None:
        """Let requests in."""
        self._thread.start()

    def close(self) -> None:
        """Let no more in."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def check_patience(self, call: _Call) -> None:
        """Note a request that comes before the time that it was told, or its run's stream was."""
        if time.monotonic() < self._told.pop(call.who, 0.0) - 0.05:
            self.server.complain("impatient", f"{call.kind}: came before Retry-After was over")

    def tell(self, call: _Call, wait_s: int) -> dict[str, str]:
        """Give the header that tells a request to wait, and remember it."""
        self._told[call.who] = time.monotonic() + wait_s
        return {"Retry-After": str(wait_s)}

    def wait_s(self, group: str) -> int:
        """Say how many whole seconds a group's next request must wait by its limit, 0 for none."""
        limit, now = self.server.limits.get(group), time.monotonic()
        if limit is None:
            return 0
        taken = self._taken[group]
        while taken and taken[0] <= now - limit.window_s:
            taken.popleft()
        if len(taken) < limit.requests:
            taken.append(now)
            return 0
        return math.ceil(taken[0] + limit.window_s - now)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client may keep an idle connection open for as long as it likes
    door: Door

    def handle_error(self, *_: Any) -> None:
        """Note an error of the stand-in's own; clients that are killed break connections."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.door.server.complain("failed", f"the stand-in itself: {error!r}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Http

    def do(self) -> None:
        """Carry out one request of any method."""
        server = self.server.door.server
        if "Content-Length" not in self.headers and "Transfer-Encoding" in self.headers:
            server.complain("unreadable", f"{self.path}: without a Content-Length")
            self.close_connection = True
            self._say(411, {}, b"")
            return
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if len(content) < length:  # the client stopped in the middle: nothing of it counts
            self._hang_up(reset=True)
            return
        with server.lock:
            call = _Call(self.command, urlsplit(self.path).path, dict(self.headers), content)
            fault = server.script[call.kind].pop(0) if server.script.get(call.kind) else ""
            assert fault in _FAULTS or fault.isdecimal(), f"no such fault: {fault}"
            if fault == "refuse":
                self._hang_up(reset=True)
                return
            status, headers, answer = _answered(self.server.door, call, fault)
            status = 0 if fault in {"lost", "reset"} else status
            request = Request(call.kind, call.path, call.body, status, time.time())
            server.requests[call.kind].append(request)
        if fault in {"lost", "reset"}:
            self._hang_up(reset=fault == "reset")
        else:
            self._say(status, headers, answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do  # noqa: N815 - names by http.server

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def _say(self, status: int, headers: dict[str, str], answer: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    def _hang_up(self, *, reset: bool) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            if reset:  # lingering for 0 s makes close send a reset
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            else:
                self.connection.shutdown(socket.SHUT_RDWR)


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


class _Call:
    """One request, read as far as it can be.

    Attributes:
        kind: as of a Request.
        group: what limits count it as.
        who: what is the same when it comes again.
        content: unpacked.
        error: why it could not be read, "" if it could.
    """

    def __init__(self, method: str, path: str, headers: dict[str, str], content: bytes) -> None:
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.parts = [unquote(part) for part in path.strip("/").split("/")]
        self.error = ""
        self.content = content
        self.body: Any = self._read() if method == "POST" else len(content)
        self.group, self.kind = self._named(method)
        self.who = path.encode() if self.group == "file_stream" else content

    def _read(self) -> Any:
        try:
            if self.headers.get("content-encoding") == "gzip":
                self.content = gzip.decompress(self.content)
            return json.loads(self.content, parse_constant=_no_json)
        except (ValueError, OSError, EOFError, zlib.error) as error:
            self.error = f"{self.path}: not JSON: {error}: {self.content[:200]!r}"
            return None

    def _named(self, method: str) -> tuple[str, str]:
        if self.parts[0] == "storage":
            return "storage", f"{method} file"
        if (method, self.path) == ("POST", "/graphql"):
            return "graphql", self._operation()
        if method == "POST" and self.parts[0] == "files" and self.parts[4:] == ["file_stream"]:
            return "file_stream", "file_stream"
        return "", f"{method} {self.path}"

    def _operation(self) -> str:
        if not isinstance(self.body, dict) or not isinstance(self.body.get("query"), str):
            self.error = self.error or f"graphql: no query in {str(self.body)[:200]}"
            return "graphql"
        try:
            return read(self.body["query"]).name or "graphql"
        except GraphqlError:
            return "graphql"


def _answered(door: Door, call: _Call, fault: str) -> tuple[int, dict[str, str], bytes]:
    """Give status, headers and body; `fault` may be a status to answer in place of all else."""
    json_type = {"Content-Type": "application/json"}
    door.check_patience(call)
    try:
        if fault.isdecimal():
            told = door.tell(call, door.server.retry_after_s) if fault in {"429", "503"} else {}
            return int(fault), json_type | told, _error(f"{fault} by the script")
        wait_s = door.wait_s(call.group)
        if wait_s:
            headers = json_type | door.tell(call, wait_s)
            return 429, headers, _error(f"too many requests, wait {wait_s} s")
        if call.group == "storage":
            return 200, {"Content-Type": "application/octet-stream"}, _stored(door.server, call)
        return 200, json_type, json.dumps(_understood(door.server, call)).encode()
    except Refused as refused:
        kind, _, _ = str(refused).partition(": ")
        known = {"hole", "unauthorized", "unreadable", "unknown"}
        door.server.complain(kind if kind in known else "refused", str(refused))
        return refused.status, json_type, _error(str(refused))


def _error(text: str) -> bytes:
    return json.dumps({"data": None, "errors": [{"message": text}]}).encode()


def _stored(server: Server, call: _Call) -> bytes:
    if call.kind == "PUT file":
        server.storage.put(call.path, call.content, call.headers.get("content-md5", ""))
        return b""
    return server.storage.get(call.path)


def _understood(server: Server, call: _Call) -> dict[str, Any]:
    login = base64.b64encode(f"api:{server.key}".encode()).decode()
    if call.headers.get("authorization") != f"Basic {login}":
        raise Refused(401, f"unauthorized: {call.kind}: the key is missing or wrong")
    if not call.group:
        raise Refused(404, f"unknown: {call.kind}: nothing is there")
    if call.error:
        raise Refused(400, f"unreadable: {call.error}")
    if call.group == "file_stream" and len(call.content) > MOST_STREAM_BYTES:
        raise Refused(413, f"{call.path}: more than {MOST_STREAM_BYTES} bytes")
    try:
        if call.group == "graphql":
            return server.ask(call.body["query"], call.body.get("variables") or {})
        _, entity, project, name, _ = call.parts
        return server.stream(entity, project, name, call.body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(400, f"unreadable: {call.path}: {error!r}") from None
