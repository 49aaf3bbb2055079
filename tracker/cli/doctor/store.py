"""The store and the settings that hold in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from tracker.cli import wording
from tracker.cli.doctor.finding import Finding
from tracker.errors import SettingsError
from tracker.query import Store
from tracker.settings import Settings, load, user_file
from tracker.store import FORMAT, StoreFolder


def store_findings(store: Store, *, chosen: bool) -> Iterator[Finding]:
    """Yield where the store is, what is in it, and whether it can be written."""
    folder = store.folder
    origin = "TRACKER_DIR" if os.environ.get("TRACKER_DIR") else "the default"
    origin = "--dir" if chosen else origin
    counts = dict(store.index.query("SELECT status, count(*) FROM runs GROUP BY status"))
    total = wording.counted(sum(counts.values()), "run")
    parts = ", ".join(f"{counts[status]:,} {status}" for status in sorted(counts))
    facts = {"folder": str(folder.root), "from": origin, "format": FORMAT, "runs": counts}
    text = f"{folder.root} (from {origin}), format {FORMAT}: {total}"
    yield Finding("store", "ok", f"{text} ({parts})" if parts else text, facts=facts)
    places = (folder.root, folder.journals, folder.blobs, folder.sync)
    for place in (str(path) for path in places if path.exists()):
        if not os.access(place, os.W_OK | os.X_OK):
            yield Finding(
                "store", "todo", f"{place} cannot be written, so no run can be recorded",
                f"chmod u+rwx '{place}'", {"folder": place},
            )  # fmt: skip


def settings_findings(folder: StoreFolder) -> Iterator[Finding]:
    """Yield the settings that are not the defaults and where each comes from."""
    try:
        changed = _changed(folder)
    except SettingsError as error:
        yield Finding("settings", "todo", str(error), "mend what is named, then: tracker doctor")
        return
    text = ", ".join(f"{name}={value} ({origin})" for name, (value, origin) in changed.items())
    facts = {name: {"value": value, "from": origin} for name, (value, origin) in changed.items()}
    yield Finding("settings", "ok", text or "all as built in", facts=facts)


def _changed(folder: StoreFolder) -> dict[str, tuple[Any, str]]:
    """Name of each changed setting to its value and the place that set it."""
    user, stored, all_ = load(None, {}), load(folder, {}), load(folder)
    places = ((Settings(), ""), (user, str(user_file())), (stored, str(folder.settings)))
    changed: dict[str, tuple[Any, str]] = {}
    for field in msgspec.structs.fields(Settings):
        name = field.name
        value = getattr(all_, name)
        if name == "remotes":
            continue
        if os.environ.get(variable := f"TRACKER_{name.upper()}"):
            changed[name] = (value, variable)
            continue
        for (below, _), (layer, place) in pairwise(places):
            if getattr(layer, name) != getattr(below, name):
                changed[name] = (value, place)
    return changed
