"""A `.wandb` file being written: numbered records of a run."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, BinaryIO

from tracker.integrations.wandb.framing import Writer
from tracker.integrations.wandb.records import PRODUCER, protocol

_MIN_CONSUMER = "0.70.0"
"""What the client of wandb 0.31 demands of a reader in its own files."""

_encode = json.JSONEncoder(separators=(",", ":")).encode


class Transactions:
    """Appends the records of one run to a new file, and numbers them from 1.

    Args:
        file: open for writing, empty.
        run_id: of the run.

    Raises:
        TrackerError: wandb is not installed.
    """

    def __init__(self, file: BinaryIO, run_id: str) -> None:
        self._protocol = protocol()
        self._writer = Writer(file)
        self._run_id = run_id
        self._number = 0
        header = self.record()
        header.header.version_info.producer = PRODUCER
        header.header.version_info.min_consumer = _MIN_CONSUMER
        self.put(header)

    def record(self) -> Any:
        """Make an empty ``Record`` of the run, to be filled and put."""
        record = self._protocol.Record()
        record._info.stream_id = self._run_id  # noqa: SLF001 - so W&B names the field
        return record

    def put(self, record: Any) -> None:
        """Append a record, under the next number."""
        self._number += 1
        record.num = self._number
        self._writer.write(record.SerializeToString())


def stamp(moment: Any, time_ns: int) -> None:
    """Set a ``Timestamp`` to a wall time in nanoseconds since 1970."""
    moment.seconds, moment.nanos = divmod(time_ns, 1_000_000_000)


def in_json(value: Any) -> str:
    """A value as W&B's records have it: JSON, and NaN, Infinity and -Infinity as words."""
    if type(value) is float and isfinite(value):  # nearly all are, and this is quicker
        return repr(value)
    return _encode(value)
