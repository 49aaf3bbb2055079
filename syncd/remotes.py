"""The remotes of a store and the sinks that speak to them."""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points
from typing import Any

import msgspec

from syncd.sinks import Remote, Sink, Unauthorized
from tracker import settings as settings_of
from tracker.errors import BadInput, TrackerError
from tracker.settings import RemoteSettings, Settings
from tracker.unexpected import unexpected


def make(remote: Remote) -> Sink:
    """Make the sink of a remote's kind.

    Raises:
        BadInput: there is no such kind, or its address or options cannot be used.
    """
    found = entry_points(group="syncd.sinks")
    known = sorted(found.names)
    if remote.kind not in known:
        near = difflib.get_close_matches(remote.kind, known, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise BadInput(
            f"remote {remote.name!r} is of the unknown kind {remote.kind!r} "
            f"(known: {', '.join(known)}).{hint}"
        )
    try:
        sink: Sink = found[remote.kind].load()(remote)
    except TrackerError:
        raise
    except Exception as error:  # a platform's module may be anybody's
        raise BadInput(
            f"remote {remote.name!r} cannot be served: {unexpected(error)} "
            "Look at its address and options: tracker remote ls"
        ) from error
    return sink


def check_alone(remote: Remote, settings: Settings) -> None:
    """Raise BadInput where another remote is this one too: they would send everything twice.

    The first by name is served.
    """
    here = settings_of.place(msgspec.to_builtins(settings.remotes[remote.name]))
    for name, other in sorted(settings.remotes.items()):
        if name < remote.name and settings_of.place(msgspec.to_builtins(other)) == here:
            raise BadInput(
                f"the remote {name!r} is the same one, with this kind and URL, and is served. "
                f"Remove this: tracker remote rm {remote.name}"
            )


def of(settings: Settings, only: str | None = None) -> list[Remote]:
    """The configured remotes, or the one named.

    Raises:
        BadInput: there is none of that name, or none at all.
    """
    if only is not None and only not in settings.remotes:
        known = ", ".join(sorted(settings.remotes)) or "none"
        raise BadInput(f"there is no remote {only!r} in this store (known: {known}).")
    if not settings.remotes:
        raise BadInput("this store has no remote; add one: tracker remote add NAME mlflow URL")
    return [
        _remote(name, remote, settings.ca)
        for name, remote in sorted(settings.remotes.items())
        if only in (None, name)
    ]


def _remote(name: str, remote: RemoteSettings, ca: str) -> Remote:
    """Take out the option that all kinds have: `ca`, before the setting of that name."""
    options = dict(remote.options)
    own = options.pop("ca", ca)
    return Remote(name, remote.kind, remote.url, options, str(own), remote.bytes_per_s)


def checked(remote: Remote) -> dict[str, Any]:
    """Reach a remote with its credentials: what was found, or the error and the next command."""
    about: dict[str, Any] = {
        "ok": False, "kind": remote.kind, "url": remote.url, "version": None,
        "clock_offset_s": None, "error": None, "next": None,
    }  # fmt: skip
    try:
        sink = make(remote)
        try:
            seen = sink.check()
        finally:
            sink.close()
    except Unauthorized as error:
        about |= {"error": str(error), "next": f"tracker remote login {remote.name}"}
    except TrackerError as error:
        about |= {"error": str(error), "next": "tracker remote ls"}
    else:
        about |= {"ok": True, "version": seen.version, "clock_offset_s": seen.clock_offset_s}
    return about
