"""Another attempt at what a remote once refused for good."""

from __future__ import annotations

import copy
from collections.abc import Container, Iterator
from functools import partial
from pathlib import Path

from syncd import media
from syncd.cursors import LaneRecord
from syncd.policy import kept
from syncd.progress import Progress
from syncd.receipts import DOCUMENTS
from syncd.sinks import Batch, Item, Refused, Rejected, State
from syncd.tail import Tail
from syncd.visit import Tools, pending
from tracker.events import KINDS, OF_ARTIFACT, Media, Unknown
from tracker.journal import Position

NOW_KNOWN = frozenset(f"event of kind {kind}" for kind in KINDS)
"""What a version parked that did not know these kinds."""


def send_known(tools: Tools, record: LaneRecord, folder: Path) -> None:
    """Send the events of a lane that only an older version did not know.

    That version left them out of the lane's state and of the documents, so these are made anew.

    Raises:
        SinkError: as `send_again`.
    """
    send_again(tools, record, folder, NOW_KNOWN)
    record.state, record.progress, record.documented = {}, Progress(), None
    for whole, _ in Tail(folder, copy.copy(record.cursors)).history():
        record.progress.observe(whole)
        if (item := kept(record.policies.cut(whole), whole)) is not None:
            _, record.state = tools.sink.translate(record.state, item)
    tools.ledger.save(record)


def send_again(
    tools: Tools, record: LaneRecord, folder: Path, only: Container[str] | None = None
) -> None:
    """Send the parked events of a lane again (`only` some), each as it was sent the first time.

    An event is sent whole, in the state that it had then: what the remote took of it before
    is the same again, and changes nothing. Artifacts and documents are for the lane's next visit.

    Raises:
        SinkError: the remote cannot be reached, or the run is not there.
    """
    run = record.remote_run
    rows = tools.ledger.parked(*record.key)
    wanted = {(row["writer_id"], row["seq"]) for row in rows if only is None or row["what"] in only}
    if run is None or not wanted:
        return
    record.settled = None
    if DOCUMENTS in wanted:
        record.documented = None
        tools.ledger.save(record)
    for item, state in _as_they_were(tools, record, folder, wanted):
        batch = Batch(record.batch, [item], state, record.sent())
        refused: tuple[Refused, ...] = ()
        try:
            tools.call(partial(tools.sink.send, run, batch))
        except Rejected as error:
            if not error.refused:
                raise
            refused = error.refused
        if isinstance(item.event, Media) and item.event.form != OF_ARTIFACT:
            place = item.writer_id, item.event.seq
            said = [row["what"] for row in rows if (row["writer_id"], row["seq"]) == place]
            files = media.again(item, said)
        else:
            files = pending(record, item, Position())
        tools.ledger.replace_parked(record, item.writer_id, item.event.seq, refused, files)


def _as_they_were(
    tools: Tools, record: LaneRecord, folder: Path, wanted: set[tuple[str, int]]
) -> Iterator[tuple[Item, State]]:
    """Find events among those acknowledged, with the state before each."""
    state: State = {}
    for whole, _ in Tail(folder, copy.copy(record.cursors)).history():
        if (item := kept(record.policies.cut(whole), whole)) is None:
            continue
        known = not isinstance(item.event, Unknown)
        if known and (item.writer_id, item.event.seq) in wanted:
            yield item, state
        _, state = tools.sink.translate(state, item)
