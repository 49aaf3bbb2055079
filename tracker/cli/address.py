"""Addresses of remotes: what may be one, and how it is shown without secrets."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

from tracker.credentials import Credentials
from tracker.errors import BadInput


def checked(url: str) -> tuple[str, Credentials | None]:
    """Return `url` if it can be the address of a remote, without a slash at its end.

    A user and password in it are taken out and returned beside it.

    Raises:
        BadInput: it is not http(s) with a host, or holds a user alone or a query. What it
            holds is not repeated.
    """
    if not url.isprintable() or " " in url:
        raise BadInput("the URL holds a space or a control character; give it as http://HOST:PORT")
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        raise BadInput("the URL has no readable host; give it as http://HOST:PORT") from None
    held = _held(parts)
    if parts.query or parts.fragment:
        raise BadInput(
            "the URL holds a query or fragment (? or #); give the address of the server only, "
            f"as {_bare(parts)}"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits:
        raise BadInput(
            f"{redacted(url)!r} is no http or https address with a host, as http://HOST:PORT"
        )
    return (_bare(parts) if held else url).rstrip("/"), held


def redacted(url: str) -> str:
    """`url` for showing: without user, password, query and fragment, whoever put them there."""
    try:
        return _bare(urlsplit(url))
    except ValueError:
        return "(no readable address)"


def _bare(parts: SplitResult) -> str:
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _held(parts: SplitResult) -> Credentials | None:
    if parts.username is None and parts.password is None:
        return None
    if not parts.username or not parts.password:
        raise BadInput(
            "the URL holds a user or password alone, and a remote's settings never hold secrets. "
            "Leave it out, then: tracker remote login NAME. Your shell may have kept this line: "
            "see its history."
        )
    return Credentials(username=unquote(parts.username), password=unquote(parts.password))
