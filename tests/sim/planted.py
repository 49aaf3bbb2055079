"""Bugs that delivery could have, each of which the simulator must catch.

A bug is a context manager that patches the product while it lasts; its docstring says what is
wrong then. `TABLE` tells within how many seeds it is caught, counted from 0:

"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple
from unittest import mock

import msgspec

from syncd.cursors import Cursor
from syncd.delivery import Delivery, Outcome
from syncd.ledger import Ledger
from syncd.owner import Owned
from syncd.sinks import Item
from syncd.tail import Tail
from syncd.visit import Visit
from tests.sim import machine
from tracker.journal import Journal, Writer


def cursor_before_ack():
    """The cursors move over a batch, then it is sent."""
    deliver = Visit._deliver

    def early(self, batch):
        record = self.record
        before = record.cursors
        record.cursors = {
            writer: Cursor(seq, batch.cursors.files[writer], before.get(writer, Cursor()).hint)
            for writer, seq in batch.cursors.events.items()
        }
        self._ledger.acknowledge(record, {}, (), (), ())
        record.cursors = before
        return deliver(self, batch)

    return mock.patch.object(Visit, "_deliver", early)


def cursor_not_synced():
    """A frozen batch is sent before it survives a power cut."""
    freeze = Ledger.freeze

    def written(self, record, ranges):
        real = self._db.transaction

        def soft(**_):
            return real()

        with mock.patch.object(self._db, "transaction", soft):
            freeze(self, record, ranges)

    return mock.patch.object(Ledger, "freeze", written)


def unsynced_shipped():
    """What a living writer wrote is sent before it survives a power cut."""
    extent = Journal.extent

    def written(self, *start):
        seq, _ = extent(self, *start)
        return seq, seq

    return mock.patch.object(Journal, "extent", written)


def new_time_on_retry():
    """Events of a batch that is sent again get the time of then."""
    retake = Tail.retake

    def stamped(self, ranges):
        now = sys.modules[Writer.__module__]._now()
        return [
            (Item(item.writer_id, msgspec.structs.replace(item.event, time=now)), hint)
            for item, hint in retake(self, ranges)
        ]

    return mock.patch.object(Tail, "retake", stamped)


def dedup_by_seq():
    """A number that any writer's cursor has passed was sent, whoever wrote it."""

    def seq(self, _):
        return max((cursor.seq for cursor in self.cursors.values()), default=0)

    return mock.patch.object(Tail, "_seq", seq)


def batch_planned_anew():
    """After a crash a batch is not what was frozen, but what there is to be sent then."""
    lane = Ledger.lane

    def forgetful(self, remote, run_id):
        record = lane(self, remote, run_id)
        record.frozen = None
        return record

    return mock.patch.object(Ledger, "lane", forgetful)


def gives_up():
    """A run that failed three times in a row is let be."""
    visit = Delivery.visit

    def tired(self, run_id, folder, **options):
        if self._ledger.lane(self._remote, run_id).failures >= 3:
            return Outcome(settled=folder.stat().st_mtime_ns)
        return visit(self, run_id, folder, **options)

    return mock.patch.object(Delivery, "visit", tired)


def lease_by_pid():
    """Who finds its own pid in the lock takes it for its own: in containers all have the same."""

    class Lease:
        def __init__(self, store, **_):
            self._path = store.sync / "syncd.pid"

        def __enter__(self):
            if self._path.exists() and self._path.read_text() != str(os.getpid()):
                raise Owned("another syncd")
            self._path.write_text(str(os.getpid()))

        def __exit__(self, *_):
            self._path.unlink(missing_ok=True)

    return mock.patch.object(machine, "Ownership", Lease)


class Planted(NamedTuple):
    """A bug, and the most seeds that it may take to catch it."""

    bug: object
    seeds: int

    def __str__(self):
        return f"{self.bug.__name__:20} {self.seeds:4} seeds  {self.bug.__doc__}"


TABLE = (
    Planted(cursor_before_ack, 150),
    Planted(cursor_not_synced, 250),
    Planted(unsynced_shipped, 60),
    Planted(new_time_on_retry, 150),
    Planted(dedup_by_seq, 30),
    Planted(batch_planned_anew, 200),
    Planted(gives_up, 200),
    Planted(lease_by_pid, 50),
)

__doc__ += "".join(f"    {row}\n" for row in TABLE)
