"""How delivery stands: who does it, what is pending and since when, what is parked and why."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tracker import pending
from tracker.cli import wording
from tracker.cli.answers import Lane, ask_lanes
from tracker.cli.doctor.finding import Finding
from tracker.store import StoreFolder


def delivery_findings(
    folder: StoreFolder, remotes: list[str], server: str | None
) -> Iterator[Finding]:
    """Yield whether somebody delivers, and per remote what is pending and parked."""
    known = pending.published(folder)
    yield _server(server, known)
    lanes = ask_lanes(folder)
    if isinstance(lanes, str):
        yield Finding("pending", "todo", lanes.removeprefix("syncd: error: "), "syncd once")
        return
    for name in remotes:
        own = [lane for lane in lanes if lane.remote == name]
        yield _pending(name, own, server, new=known is None or name not in known.remotes)
        if apart := known.elsewhere.get(name) if known else None:
            yield _elsewhere(name, apart)
        if any(lane.refused for lane in own):
            yield _parked(name, own)


def _server(server: str | None, known: pending.Published | None) -> Finding:
    if server is not None:
        return Finding("syncd", "ok", f"{server} delivers from here", facts={"running": True})
    looked = "never ran for this store"
    if known is not None:
        looked = f"last ran {wording.duration(max(0.0, time.time() - known.at / 1e9))} ago"
    text = f"syncd does not run here, so nothing is delivered by itself; it {looked}"
    return Finding("syncd", "note", text, "syncd run", {"running": False})


def _pending(name: str, lanes: list[Lane], server: str | None, *, new: bool) -> Finding:
    waiting = [lane for lane in lanes if lane.pending]
    events = sum(lane.pending for lane in waiting)
    since = min((lane.since for lane in waiting if lane.since is not None), default=None)
    error = next((lane.error for lane in lanes if lane.error), None)
    facts = {"remote": name, "events": events, "runs": len(waiting), "since": since, "error": error}
    text = f"{name}: {wording.counted(events, 'event')} of {wording.counted(len(waiting), 'run')}"
    if since is not None:
        text += f", the oldest {wording.duration(max(0.0, time.time() - since))} old"
    if error:
        return Finding("pending", "todo", f"{text}; last error: {error}", "syncd status", facts)
    if events and new:
        return Finding("pending", "todo", f"{text}; nothing was ever sent", "tracker push", facts)
    if events:
        step = "syncd status" if server else "tracker push"
        return Finding("pending", "note", text, step, facts)
    return Finding("pending", "ok", text, facts=facts)


def _elsewhere(name: str, runs: int) -> Finding:
    text = (
        f"{name}: of {wording.counted(runs, 'run')} another copy of this store delivered what is "
        "not here: both went on, or this one is the older"
    )
    return Finding("pending", "todo", text, "syncd status", {"remote": name, "runs": runs})


def _parked(name: str, lanes: list[Lane]) -> Finding:
    refused = [(lane.run, entry) for lane in lanes for entry in lane.refused]
    first, *others = dict.fromkeys(f"{entry.what}: {entry.reason}" for _, entry in refused)
    more = f"; and {wording.counted(len(others), 'more reason')}" if others else ""
    runs = sorted({run for run, _ in refused})
    text = (
        f"{name} refused for good {wording.counted(len(refused), 'entry', 'entries')} of "
        f"{wording.counted(len(runs), 'run')}, which are kept: {first.rstrip('.')}{more}"
    )
    facts = {"remote": name, "entries": len(refused), "runs": runs, "reasons": [first, *others]}
    step = f"mend what it says, then: syncd retry --remote {name}; all of them: syncd status"
    return Finding("parked", "todo", text, step, facts)
