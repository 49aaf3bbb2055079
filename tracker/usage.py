"""What people did with a store beside recording: numbers that only grow, in sync/usage.json.

Commands add to them; syncd shows them to who measures it (see `syncd.telemetry.metrics`).
"""

from __future__ import annotations

import contextlib

import msgspec

from tracker.errors import SettingsError
from tracker.settings import locked
from tracker.store import StoreFolder, replace_file

RUNS_COMPARED = "runs_compared"


def add(store: StoreFolder, what: str, number: int) -> None:
    """Add to a number; where it cannot be written it stays as it is, which harms nobody."""
    path = store.sync / "usage.json"
    with contextlib.suppress(SettingsError, OSError), locked(path):
        counts = _counts(store)
        counts[what] = counts.get(what, 0) + number
        replace_file(path, msgspec.json.encode(counts))


def count(store: StoreFolder, what: str) -> int:
    """How often it happened."""
    return _counts(store).get(what, 0)


def _counts(store: StoreFolder) -> dict[str, int]:
    try:
        content = (store.sync / "usage.json").read_bytes()
        return msgspec.json.decode(content, type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        return {}
