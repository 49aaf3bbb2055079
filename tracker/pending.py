"""What still has to be delivered, as syncd last published it."""

from __future__ import annotations

import msgspec

from tracker.settings import Settings
from tracker.store import StoreFolder


class RemotePending(msgspec.Struct):
    """Backlog of one remote: events not yet acknowledged, in so many runs."""

    events: int = 0
    runs: int = 0
    error: str | None = None


class Published(msgspec.Struct):
    """``sync/status.json``: written by syncd, read by whoever wants to know.

    `level` is the degradation level, `away` names remotes that nothing can be sent to.
    `elsewhere`: by remote, of how many runs another copy of the store delivered what is not here.
    `sources`: why something is not taken in, by its folder or file.
    """

    at: int
    remotes: dict[str, RemotePending] = {}
    level: int = 0
    away: list[str] = []
    elsewhere: dict[str, int] = {}
    sources: dict[str, str] = {}


def published(store: StoreFolder) -> Published | None:
    """What syncd published last; None if it never ran here."""
    try:
        return msgspec.json.decode((store.sync / "status.json").read_bytes(), type=Published)
    except (OSError, msgspec.MsgspecError):
        return None


def line(store: StoreFolder, settings: Settings) -> str:
    """Say in one line what is pending and what to do about it."""
    if not settings.remotes:
        return (
            "pending: nothing, as there is no remote; add one: tracker remote add NAME mlflow URL"
        )
    known = published(store)
    if known is None:
        names = ", ".join(sorted(settings.remotes))
        return f"pending: everything, nothing was delivered to {names} yet; deliver: syncd run"
    parts = []
    for name in sorted(settings.remotes):
        remote = known.remotes.get(name, RemotePending())
        parts.append(f"{name} {remote.events:,} events of {remote.runs:,} runs")
    return f"pending when syncd last looked: {'; '.join(parts)}; more: syncd status"
