"""Addresses of remotes: what may be one, and how it is shown without secrets."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from tracker.cli.credentials import own_prefix
from tracker.errors import BadInput


def checked(url: str, remote: str, kind: str) -> str:
    """Return `url` if it can be the address of a remote, without a slash at its end.

    Raises:
        BadInput: it is not http(s) with a host, or holds a user, password or query. What it
            holds is not repeated.
    """
    if not url.isprintable() or " " in url:
        raise BadInput("the URL holds a space or a control character; give it as http://HOST:PORT")
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        raise BadInput("the URL has no readable host; give it as http://HOST:PORT") from None
    if parts.username is not None or parts.password is not None:
        raise BadInput(_secret_text(remote, kind))
    if parts.query or parts.fragment:
        raise BadInput(
            "the URL holds a query or fragment (? or #); give the address of the server only, "
            f"as {_bare(parts)}"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits:
        raise BadInput(f"{url!r} is no http or https address with a host, as http://HOST:PORT")
    return url.rstrip("/")


def redacted(url: str) -> str:
    """`url` for showing: without user, password, query and fragment, whoever put them there."""
    try:
        return _bare(urlsplit(url))
    except ValueError:
        return "(no readable address)"


def _bare(parts: SplitResult) -> str:
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _secret_text(remote: str, kind: str) -> str:
    prefix = own_prefix(remote)
    platform = ""
    if kind == "mlflow":
        platform = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
    return (
        "the URL holds a user or password, and a remote's settings never hold secrets. Leave "
        f"them out and set {platform}{prefix}_TOKEN (or {prefix}_USERNAME and "
        f"{prefix}_PASSWORD) where syncd runs. Your shell may have kept this line: see its history."
    )
