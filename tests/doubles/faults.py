"""What the fault proxy can do to a request, and the odd answers that it makes by itself."""

from __future__ import annotations

import functools
import zlib
from urllib.parse import urlsplit

STATUSES = ("400", "401", "403", "404", "405", "408", "409", "413", "422", "425", "429", "500",
            "502", "503", "504")  # fmt: skip
"""Answered so, with Retry-After where it may heal; not forwarded."""

BODIES = {
    "html": "a web page, as those who want a log-in first",
    "broken": "JSON that ends too early",
    "bomb": "1 MB of gzip that becomes 256 MiB",
    "swamp": "16 MB of the smallest values that JSON has, not quite too long to be read",
    "huge": "100 MB",
}
"""Answered 200 with such a body, not forwarded."""

FAULTS = {
    "refuse": "reset before the request is read; from a script, before it is forwarded",
    "delay": "forwarded after up to `max_delay_s`",
    "redirect": "answered 307 to the same path at `elsewhere`, not forwarded",
    "lost": "forwarded, closed in place of the answer",
    "reset": "forwarded, reset in place of the answer",
    "silent": "forwarded, no answer for as long as the client waits",
    "cut": "forwarded, closed after `cut_at` bytes of the answer, by default in its middle",
    "cut again": "closed after `cut_at` bytes of the last such answer, not forwarded",
    "dribble": "forwarded, answered with a byte a second",
    "longer": "forwarded, answered with less than its Content-Length, and left open",
    "shorter": "forwarded, answered with more than its Content-Length",
    "twice": "forwarded, answered twice",
    **{status: f"answered {status}, not forwarded" for status in STATUSES},
    **BODIES,
}
"""What may happen to a request; its rate is a share of all requests, the sum at most 1."""

_MIB = 1 << 20


def kind(method: str, path: str) -> str:
    """Say what a request to MLflow is for, as "POST runs/create"; "PUT artifact" for any file."""
    if "/mlflow-artifacts/" in path:
        return f"{method} artifact"
    return f"{method} {urlsplit(path).path.rpartition('/mlflow/')[2]}"


@functools.cache
def own(fault: str) -> tuple[str, str, list[bytes]]:
    """What the proxy answers by itself: type, encoding and pieces of a body."""
    json = "application/json"
    if fault == "html":
        return "text/html", "identity", [b"<html><form>Log in to this network</form></html>"]
    if fault == "broken":
        return json, "identity", [b'{"run": {"info": {"run_id": "1']
    if fault == "swamp":
        return json, "identity", [b'{"run": {"x": [', *[b"{}," * 333_000] * 16]
    if fault == "huge":
        return json, "identity", [b'{"x": "', *[b"x" * _MIB] * 100]
    if fault == "bomb":
        packing = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
        packed = [packing.compress(bytes(_MIB)) for _ in range(256)]
        return json, "gzip", [*packed, packing.flush()]
    return "text/plain", "identity", [b"a fault of the proxy's own"]
