"""Reading what a remote answers, without trusting its size, its encoding or its headers."""

from __future__ import annotations

import contextlib
import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime

import httpx

from syncd.clock import SYSTEM
from syncd.sinks import Retryable

MAX_RETRY_AFTER_S = 3600.0

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_STEP_BYTES = 65_536


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After (seconds, though some give fractions; or a date); nonsense is None.

    A date is the time from the answer's own Date on, as the clock of this machine may be wrong.
    The result lies between 0 and `MAX_RETRY_AFTER_S` seconds.
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), MAX_RETRY_AFTER_S)
    at, now = moment(value), moment(headers.get("date", ""))
    if at is None:
        return None
    return min(max(at - (SYSTEM.time() if now is None else now), 0.0), MAX_RETRY_AFTER_S)


def clock_offset_s(headers: Mapping[str, str]) -> float | None:
    """Seconds by which the clock of who answered is ahead; None where it does not tell."""
    said = moment(headers.get("date", ""))
    # The header has whole seconds, cut: half a second is its mean error.
    return None if said is None else said - SYSTEM.time() + 0.5


def moment(value: str) -> float | None:
    """Read an HTTP date, in seconds since 1970 UTC; nonsense is None."""
    try:
        read = parsedate_to_datetime(value)
        # All of HTTP's dates are in UTC; its oldest form does not say so.
        return (read if read.tzinfo else read.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


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
