"""What tests of the wandb face share: its runs read back, and logs that the real wandb wrote."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tracker
from tracker.events import Media
from tracker.journal import journals
from tracker.media import MediaFiles
from tracker.query import RunView

AS_WANDB = [sys.executable, "-c", "from tracker.cli import main; main()", "run", "--as-wandb", "--"]
"""The command `tracker run --as-wandb --`, in this interpreter."""

_BLOCK, _HEAD = 32 * 1024, 7


def view(run_id: str) -> RunView:
    """Give a run of the store of `TRACKER_DIR`, for reading."""
    return tracker.open().run(run_id)


def rows(run_id: str) -> list[tuple[int, dict[str, Any]]]:
    """Steps and values of its log calls, in their order."""
    return [(row.step, row.values) for row in view(run_id).rows()]


def media(run_id: str) -> list[Media]:
    """Its media events, in their order."""
    folder = tracker.open().folder.run(run_id)
    return [event for journal in journals(folder) for event in journal.events()
            if isinstance(event, Media)]  # fmt: skip


def content(run_id: str, event: Media) -> list[bytes]:
    """What the files of a media event hold."""
    store = tracker.open().folder
    (journal,) = journals(store.run(run_id))
    files = MediaFiles(store)
    return [files.read(store.run(run_id), journal.writer_id, file) for file in event.files]


def environment(store: Path, **more: str) -> dict[str, str]:
    """Give this process's environment without WANDB_* and TRACKER_*, with a store."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "TRACKER_"))}
    return kept | {"TRACKER_DIR": str(store), "XDG_CONFIG_HOME": str(store / "none")} | more


def python(
    arguments: list[str], folder: Path, environ: dict[str, str], code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a program in `folder`; it ends with `code`."""
    done = subprocess.run(
        arguments, cwd=folder, env=environ, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def transactions(path: Path) -> Iterator[Any]:
    """Yield the records of a .wandb file: LevelDB's log format behind seven bytes of header."""
    from wandb.proto import wandb_internal_pb2  # noqa: PLC0415 - only where wandb is there

    data, at, part = path.read_bytes(), _HEAD, b""
    while at + _HEAD <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEAD:
            at += left
            continue
        _, size, kind = struct.unpack_from("<IHB", data, at)
        part += data[at + _HEAD : at + _HEAD + size]
        at += _HEAD + size
        if kind in (1, 4):  # whole, or the last of several
            record = wandb_internal_pb2.Record()
            record.ParseFromString(part)
            yield record
            part = b""


def theirs(path: Path) -> dict[str, Any]:
    """Config, history and summary of a .wandb file, by flat keys."""
    found: dict[str, Any] = {"config": {}, "history": [], "summary": {}}
    for record in transactions(path):
        kind = record.WhichOneof("record_type")
        if kind in ("run", "config"):
            config = record.run.config if kind == "run" else record.config
            found["config"].update(_items(config.update))
        elif kind == "history":
            found["history"].append(_items(record.history.item))
        elif kind == "summary":
            found["summary"].update(_items(record.summary.update))
    return found


def _items(items: Any) -> dict[str, Any]:
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts by keys joined with "/"."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}/")
        else:
            found[prefix + key] = value
    return found
