"""Three platforms by their rules of identity, and the sinks that speak to them.

rows      as MLflow: a point is its (key, time, step, value), the same again is the same row;
          params are written once; of a tag the last word stands; the cursor is stored by the
          last request of a batch, with data; a run is searched for and then made, so that
          there may be two of an id: the first one counts. Uses the real sink's `translate`.
offsets   as W&B: a row is what was last written at its place in the history; the cursor is
          stored by a request of its own, after the rows; a run is named by us.
appends   as a log with transactions: rows are appended, and the cursor stored with them, unless
          the ticket of the request was seen before. The ticket is where the batch leads to.

None is idempotent for free: what is sent again otherwise than the first time stays there. The
first two commit a batch request by request. All refuse what stands under a key that begins
with BAD.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType

import msgspec

from syncd.sinks import (
    Ack,
    Check,
    Cursors,
    Entries,
    Limits,
    Refused,
    Rejected,
    RemoteRun,
    Sink,
)
from syncd.sinks.mlflow.translation import set_back, translate
from tests.sim.network import Network
from tracker.events import Log

BAD = "bad"
ROWS_A_REQUEST = 3


class Kept:
    """What a platform holds of a run, and the requests that change it."""

    def __init__(self, platform, run_id, number):
        self.run_id, self.id = run_id, f"{run_id[-2:]}-{number}"
        self.points = set()
        self.rows = {}
        self.params, self.tags, self.files = {}, {}, {}
        self._tickets = set()
        self.spoiled = set()
        """Tags that a late request set back and no one put right: the last word stands."""
        self.status = None
        self.ended_at = None
        self._events, self._files_cursor = {}, {}
        self._platform = platform

    def log(self, points, params=(), tags=(), cursors=None):
        """Take points, and beside the last ones all else; say which points are refused."""
        for point in points:
            if not point.key.startswith(BAD):
                self.points.add((point.key, point.step, point.time_ms, point.value))
        for key, value in dict(params).items():
            assert self.params.setdefault(key, value) == value, f"the param {key} was changed"
        for key, value in dict(tags).items():
            self.tags[key] = value
            (self.spoiled.add if self._platform.network.late else self.spoiled.discard)(key)
        if cursors is not None:
            self.keep(cursors)

    def write(self, offset, rows):
        """Write rows over what is at their places."""
        self.rows.update(enumerate(rows, offset))

    def append(self, ticket, rows, cursors):
        """Write rows behind all others, unless that was done."""
        if ticket not in self._tickets:
            self._tickets.add(ticket)
            self.write(len(self.rows), rows)
            self.keep(cursors)

    def keep(self, cursors):
        """Set cursors, each by itself."""
        self._events.update(cursors.events)
        self._files_cursor.update(cursors.files)

    def position(self):
        return Cursors(dict(self._events), dict(self._files_cursor))

    def put(self, path, content):
        self.files[path] = content

    def finish(self, status, ended_at):
        self.status, self.ended_at = status, ended_at


class Platform:
    """What a remote holds, whoever asks."""

    def __init__(self, world, name, sink):
        self.name = name
        self.network = Network(world, name)
        self.made = []
        self._sink = sink

    def sink(self, process):
        """What a syncd process speaks to it with."""
        return self._sink(self, process)

    def is_a(self, sink):
        """Whether it is a platform of this kind."""
        return self._sink is sink

    def search(self, run_id):
        """The first run made for an id."""
        return next((kept for kept in self.made if kept.run_id == run_id), None)

    def make(self, run_id):
        self.made.append(Kept(self, run_id, len(self.made)))
        return self.search(run_id)

    def upsert(self, run_id):
        return self.search(run_id) or self.make(run_id)

    def by_id(self, remote_run):
        return next(kept for kept in self.made if kept.id == remote_run.id)


class _ModelSink(Sink):
    """What all kinds have in common."""

    kind = "sim"
    promises = MappingProxyType({"points": "exactly once", "files": "exactly once"})
    limits = Limits(points=8, bytes=100_000)

    def __init__(self, platform, process):
        self._platform, self._process = platform, process

    @property
    def traffic(self):
        return self._platform.network.traffic

    def check(self):
        return Check("1")

    def position(self, remote_run):
        return self._ask("position", self._run(remote_run).position)

    def put(self, remote_run, file):
        put = partial(self._run(remote_run).put, file.path, file.source.read_bytes())
        self._ask("put", put, may_hang=False)

    def keep(self, remote_run, cursors):
        self._ask("keep", partial(self._run(remote_run).keep, cursors))

    def finish(self, remote_run, status, ended_at, state):  # noqa: ARG002 - of rows only
        finish = partial(self._run(remote_run).finish, status, ended_at)
        self._ask("finish", finish, may_hang=False)

    def read_back(self, remote_run):
        raise NotImplementedError  # the oracle looks for itself

    def key(self, key):
        return key

    def path(self, path):
        return path

    def _ask(self, what, act, **options):
        return self._platform.network.ask(self._process, what, act, **options)

    def _run(self, remote_run):
        return self._platform.by_id(remote_run)


class Rows(_ModelSink):
    """Points are once in effect as rows; params and tags as values; see the module's text."""

    def open(self, head):
        found = self._ask("search", partial(self._platform.search, head.run_id))
        if found is None:
            found = self._ask("make", partial(self._platform.make, head.run_id))
        return RemoteRun(found.id, f"sim:{found.id}")

    def translate(self, state, item):
        return translate(state, item)

    def send(self, remote_run, batch):
        points, params, tags, refused, state = [], {}, {}, [], batch.state
        for item in batch.items:
            entries, state = translate(state, item)
            points += entries.points
            params |= entries.params
            tags |= entries.tags
            refused += _refused(item)
        run = self._run(remote_run)
        while len(points) > ROWS_A_REQUEST:
            self._ask("points", partial(run.log, points[:ROWS_A_REQUEST]))
            points = points[ROWS_A_REQUEST:]
        self._ask("last points", partial(run.log, points, params, tags, batch.cursors))
        if refused:
            raise Rejected("some are refused", refused)
        return Ack({"points": len(points)}, state)

    def finish(self, remote_run, status, ended_at, state):
        run = self._run(remote_run)
        for key, value in set_back(state, run.tags).items():
            self._ask("tag", partial(run.log, (), tags={key: value}))
        super().finish(remote_run, status, ended_at, state)


class Offsets(_ModelSink):
    """Each event is a row at a place of its own, which the state counts."""

    def open(self, head):
        found = self._ask("upsert", partial(self._platform.upsert, head.run_id))
        return RemoteRun(found.id, f"sim:{found.id}")

    def translate(self, state, item):
        del item
        return Entries(), {"rows": state.get("rows", 0) + 1}

    def send(self, remote_run, batch):
        offset = batch.state.get("rows", 0)
        rows = [row(item.event) for item in batch.items]
        refused = [refusal for item in batch.items for refusal in _refused(item)]
        run = self._run(remote_run)
        for at in range(0, len(rows), ROWS_A_REQUEST):
            part = rows[at : at + ROWS_A_REQUEST]
            self._ask("rows", partial(run.write, offset + at, part))
        self._ask("cursors", partial(run.keep, batch.cursors))
        if refused:
            raise Rejected("some are refused", refused)
        return Ack({"rows": len(rows)}, {"rows": offset + len(rows)})


class Appends(_ModelSink):
    """A batch is one request, with a ticket that is the same when the batch is."""

    def open(self, head):
        found = self._ask("upsert", partial(self._platform.upsert, head.run_id))
        return RemoteRun(found.id, f"sim:{found.id}")

    def translate(self, state, item):
        del item
        return Entries(), state

    def send(self, remote_run, batch):
        ticket = tuple(sorted(batch.cursors.events.items()))
        rows = [row(item.event) for item in batch.items]
        append = partial(self._run(remote_run).append, ticket, rows, batch.cursors)
        self._ask("transaction", append)
        if refused := [refusal for item in batch.items for refusal in _refused(item)]:
            raise Rejected("some are refused", refused)
        return Ack({"rows": len(rows)}, batch.state)


def is_refused(event):
    """Whether the platforms refuse an event."""
    return isinstance(event, Log) and any(key.startswith(BAD) for key in event.values)


def row(event):
    """An event as it stands in a history; None in the place of one that is refused."""
    return None if is_refused(event) else msgspec.json.encode(event)


def _refused(item):
    event = item.event
    return [Refused(item.writer_id, event.seq, "event", BAD)] if is_refused(event) else []
