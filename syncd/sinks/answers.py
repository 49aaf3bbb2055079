"""Reading what a remote answers, without trusting its size, its encoding or its headers."""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx

from syncd.sinks import Retryable

MAX_RETRY_AFTER_S = 3600.0

_STEP_BYTES = 65_536


def retry_after(value: str | None) -> float | None:
    """Read a Retry-After header (seconds or an HTTP date); nonsense is None.

    The result lies between 0 and `MAX_RETRY_AFTER_S` seconds.
    """
    if not value:
        return None
    if value.strip().isdecimal():
        # A long row of digits would overflow a float; all beyond nine digits is clamped anyway.
        return min(float(value.strip()[:9]), MAX_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(at - time.time(), 0.0), MAX_RETRY_AFTER_S)


def pieces(what: str, response: httpx.Response) -> Iterator[bytes]:
    """Yield an answer's body, inflated, in bounded pieces.

    httpx would inflate all of a bomb's chunk at once, so the raw body is read.

    Raises:
        Retryable: it does not inflate.
    """
    encoding = response.headers.get("content-encoding", "identity").lower()
    raw = response.stream
    assert isinstance(raw, httpx.SyncByteStream)  # noqa: S101 - for mypy: the client is synchronous
    if encoding == "identity":
        yield from raw
        return
    if encoding not in ("gzip", "deflate"):
        raise Retryable(f"{what} answered in an encoding nobody asked for: {encoding!r}")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    for chunk in raw:
        rest = chunk
        while rest and not inflate.eof:
            try:
                piece = inflate.decompress(rest, _STEP_BYTES)
            except zlib.error as error:
                raise Retryable(
                    f"{what} answered with a broken {encoding} body ({error})"
                ) from None
            rest = inflate.unconsumed_tail
            yield piece


def beginning(what: str, response: httpx.Response, limit: int) -> bytes:
    """Read up to `limit` bytes of an answer whose status has said all already."""
    kept = bytearray()
    # The status alone decides; what is left of its text only explains it.
    with contextlib.suppress(httpx.TransportError, Retryable):
        for piece in pieces(what, response):
            kept += piece
            if len(kept) >= limit:
                break
    return bytes(kept[:limit])
