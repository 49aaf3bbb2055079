"""A total limit on one request, whatever the peer does with its bytes.

httpx bounds each wait, not their sum: a peer that sends one byte a second, in the headers
too, would hold a thread for ever. So every wait on a socket is cut to what the request has
left, below httpx, in the network streams of its connection pool.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

MIN_BYTES_PER_S = 10_000
"""A transfer slower than this for long is cut: each byte moved buys so much more time."""

_WRITE_BYTES = 65_536  # a longer write could wait once per piece that the socket takes

_until: ContextVar[float | None] = ContextVar("until", default=None)


class Deadline:
    """Ends a request `limit_s` seconds after now, plus the time that moved bytes have earned."""

    def __init__(self, limit_s: float) -> None:
        self._until = time.monotonic() + limit_s

    def moved(self, count: int) -> None:
        """Grant the time that `count` bytes may take."""
        self._until += count / MIN_BYTES_PER_S
        _until.set(self._until)

    def paused(self, seconds: float) -> None:
        """Grant the time that we ourselves held back."""
        self._until += seconds
        _until.set(self._until)

    @contextlib.contextmanager
    def holds(self) -> Iterator[None]:
        """Apply to all that this thread sends and receives meanwhile."""
        token = _until.set(self._until)
        try:
            yield
        finally:
            _until.reset(token)


def transport(
    *, verify: ssl.SSLContext | bool = True, proxy: str | None = None
) -> httpx.HTTPTransport:
    """Make a transport whose waits end at the running request's deadline."""
    made = httpx.HTTPTransport(
        verify=verify,
        proxy=proxy,
        limits=httpx.Limits(
            # Servers of Python drop idle connections after 5 s; ours must be gone before, or a
            # request races with the drop and its outcome is unknown.
            keepalive_expiry=4.0,
        ),
    )
    # httpx has no argument for httpcore's `network_backend`; the pool reads it per connection.
    made._pool._network_backend = _Backend(httpcore.SyncBackend())  # noqa: SLF001
    return made


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    until = _until.get()
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise error("the request's total time is used up")
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            piece = buffer[start : start + _WRITE_BYTES]
            self._inner.write(piece, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)
