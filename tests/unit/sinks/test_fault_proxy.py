"""The fault proxy does what it says: campaigns lean on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.doubles.fault_proxy import FaultProxy
from tests.doubles.faults import FAULTS


class Target(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[bytes]

    def do_PUT(self) -> None:
        self.seen.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"0123456789")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def target() -> Iterator[tuple[str, list[bytes]]]:
    seen: list[bytes] = []
    handler = type("Seeing", (Target,), {"seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def put(proxy: FaultProxy, body: bytes = b"x" * 200_000) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.put(f"{proxy.url}/p", content=body)


def test_without_rates_it_only_forwards(target):
    """Bodies go through whole, both ways, over one kept connection."""
    url, seen = target
    with FaultProxy(url, seed=1) as proxy, httpx.Client(trust_env=False) as client:
        for i in range(5):
            answer = client.put(f"{proxy.url}/p", content=bytes([i]) * 300_000)
            assert (answer.status_code, answer.content) == (200, b"0123456789")
    assert seen == [bytes([i]) * 300_000 for i in range(5)]
    assert proxy.faults == {"forwarded": 5}


@pytest.mark.parametrize("fault", ["500", "503", "429"])
def test_its_own_answers_are_not_forwarded(target, fault):
    """The target sees nothing; what may heal says when to come again."""
    url, seen = target
    with FaultProxy(url, seed=1, rates={fault: 1.0}, retry_after="3") as proxy:
        answer = put(proxy)
    assert answer.status_code == int(fault)
    assert answer.headers.get("retry-after") == (None if fault == "500" else "3")
    assert seen == []


@pytest.mark.parametrize("fault", ["lost", "reset", "cut"])
def test_lost_answers_are_to_requests_that_arrived(target, fault):
    """The target has taken the request, the client does not know."""
    url, seen = target
    with FaultProxy(url, seed=1, rates={fault: 1.0}) as proxy, pytest.raises(httpx.TransportError):
        put(proxy)
    assert len(seen) == 1
    assert proxy.faults == {fault: 1, "forwarded": 1}


def test_refused_requests_do_not_arrive(target):
    """The connection is reset before anything is read."""
    url, seen = target
    with FaultProxy(url, seed=1, rates={"refuse": 1.0}) as proxy:
        with pytest.raises(httpx.TransportError):
            put(proxy)
        proxy.rates = {}
        assert put(proxy).status_code == 200
    assert len(seen) == 1


def test_the_seed_decides(target):
    """The same seed does the same to the same requests."""
    url, _ = target

    def course() -> list[str]:
        rates = dict.fromkeys(FAULTS, 0.02)
        proxy = FaultProxy(url, seed=4, rates=rates)
        with proxy:
            return [proxy.draw() for _ in range(2000)]

    assert course() == course()
    assert set(course()) == {*FAULTS, ""}
