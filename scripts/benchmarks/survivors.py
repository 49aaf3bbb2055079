"""How many logged calls a folder holds after its logger was killed: survivors NAME FOLDER.

Each logger's own reader counts, where there is one that reads without a server. wandb and
tensorboardX have none of that kind: their files are read by their published formats.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.benchmarks.workload import KEYS

BLOCK = 32 * 1024


def ours(folder: Path) -> int:
    """Count by our journal's reader."""
    from tracker.events import Log  # noqa: PLC0415 - only one of these is loaded in a process
    from tracker.journal import journals  # noqa: PLC0415
    from tracker.store import StoreFolder  # noqa: PLC0415

    found = journals(StoreFolder.open(folder / "store").run("bench"))
    return sum(isinstance(event, Log) for journal in found for event in journal.events())


def floor(folder: Path) -> int:
    """Count the frames of the bare loop."""
    data, offset, found = (folder / "floor").read_bytes(), 0, 0
    while offset + 8 <= len(data):
        offset += 8 + struct.unpack_from("<I", data, offset)[0]
        found += offset <= len(data)
    return found


def wandb(folder: Path) -> int:
    """Count history records in the .wandb file."""
    return sum(record.WhichOneof("record_type") == "history" for record in wandb_records(folder))


def wandb_records(folder: Path) -> Iterator[Any]:
    """Records of the .wandb file: a 7-byte header, then blocks of chunks."""
    from wandb.proto.wandb_internal_pb2 import Record  # noqa: PLC0415

    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    for content in _chunks(path.read_bytes()):
        record = Record()
        record.ParseFromString(content)
        yield record


def _chunks(data: bytes) -> Iterator[bytes]:
    offset, parts = 7, b""
    while offset + 7 <= len(data):
        if BLOCK - offset % BLOCK < 7:
            offset += BLOCK - offset % BLOCK
            continue
        length, kind = struct.unpack_from("<HB", data, offset + 4)
        if not kind or offset + 7 + length > len(data):
            return
        parts += data[offset + 7 : offset + 7 + length]
        offset += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield parts
            parts = b""


def trackio(folder: Path) -> int:
    """Count by trackio's own reader, which also takes in what it finds left over."""
    os.environ["TRACKIO_DIR"] = str(folder)
    from trackio.sqlite_storage import SQLiteStorage  # noqa: PLC0415

    return len(SQLiteStorage.get_logs("bench", "bench"))


def tensorboardx(folder: Path) -> int:
    """Count scalars in the event file (length, its checksum, event, checksum), ten to a call."""
    from tensorboardX.proto.event_pb2 import Event  # noqa: PLC0415

    (path,) = folder.glob("events.*")
    data, offset, found = path.read_bytes(), 0, 0
    while offset + 12 <= len(data):
        length = struct.unpack_from("<Q", data, offset)[0]
        if offset + 16 + length > len(data):
            break
        event = Event()
        event.ParseFromString(data[offset + 12 : offset + 12 + length])
        found += len(event.summary.value)
        offset += 16 + length
    return found // len(KEYS)


READERS = {
    "tracker": ours, "wandb offline": wandb, "trackio": trackio, "tensorboardX": tensorboardx,
    "bare floor": floor,
}  # fmt: skip

if __name__ == "__main__":
    print(json.dumps({"kept": READERS[sys.argv[1]](Path(sys.argv[2]))}))
