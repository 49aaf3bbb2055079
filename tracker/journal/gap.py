"""What could not be read of a journal."""

from __future__ import annotations

from typing import NamedTuple


class Gap(NamedTuple):
    """Bytes or events that could not be read.

    Attributes:
        file: the segment's file name.
        offset: where in it the bytes begin; in a packed segment, where they would in the raw one.
        length: how many bytes; 0 where events are missing without a trace.
        kind: "torn tail" (bytes never promised), "failed write" (what a short write left; the
            event stands elsewhere or was counted as dropped), "corruption", "missing segment",
            "not a segment" (a folder, a link), "unreadable" (we may not open it), "newer format N"
            (a later version of this project wrote it, and it is left alone).
        first_seq: first event known to be lost, None if none is known to be.
        last_seq: last event known to be lost.
    """

    file: str
    offset: int
    length: int
    kind: str
    first_seq: int | None = None
    last_seq: int | None = None

    @property
    def harmless(self) -> bool:
        """Whether nothing that was ever promised is lost."""
        return self.kind in ("torn tail", "failed write")

    def __str__(self) -> str:
        lost = ""
        if self.first_seq is not None:
            lost = f", events {self.first_seq} to {self.last_seq} lost"
        return f"{self.kind} in {self.file} at byte {self.offset}, {self.length} bytes{lost}"
