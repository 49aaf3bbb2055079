"""One batch on its way: packed into log-batch requests, and split where one is refused.

The server takes a request whole or not at all, params before metrics before tags
(mlflow/store/tracking/sqlalchemy_store.py, `log_batch`). So the cursor tags stand in the
last request of a batch: they are never ahead of the data.

What stands in front of a server may take less than the server: a request refused with 413 goes
in halves, and later ones are made no longer than such a half. Only an entry that is too much all
by itself is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Literal

import msgspec

from syncd.sinks import Batch, Cursors, Item, Note, Refused, Retryable, State
from syncd.sinks.http import Refusal
from syncd.sinks.mlflow.opening import EVENTS_CURSOR, FILES_CURSOR, why_gone
from syncd.sinks.mlflow.rest import Api, Metric, Pair, batch_body, reason
from syncd.sinks.mlflow.translation import config_tag, translate

MAX_ENTRIES = 1_000
MAX_PAIRS = 100
"""Entries of a log-batch request in all, and params or tags among them."""

_GONE = 404
_TOO_LARGE = 413
_CONTENT = frozenset({400, _TOO_LARGE, 422})  # refused for what is in it

_Kind = Literal["points", "params", "tags", "removed_tags"]


class _Entry(msgspec.Struct, frozen=True, gc=False):
    kind: _Kind
    wire: Metric | Pair
    item: Item

    @property
    def what(self) -> str:
        at = f" at step {self.wire.step}" if isinstance(self.wire, Metric) else ""
        return f"{self.kind[:-1].replace('_', ' ')} {self.wire.key!r}{at}"


_kind = attrgetter("kind")


class Sending:
    """The sending of one batch to one run; afterwards holds what to acknowledge or refuse."""

    def __init__(self, api: Api, run_id: str, batch: Batch) -> None:
        self.counts: Counter[str] = Counter()
        self.notes: list[Note] = []
        self.refused: list[Refused] = []
        self.state: State = batch.state
        self._api = api
        self._run_id = run_id
        self._entries: list[_Entry] = []
        self._tags: dict[str, _Entry] = {}  # the last word on each
        self._changed: set[str] | None = None  # params that the run holds with another value
        for item in batch.items:
            self._add(item)
        self._cursors = [Pair(key, value) for key, value in cursor_tags(batch.cursors).items()]

    def run(self) -> None:
        """Send all, the cursors last.

        Raises:
            SinkError: nothing is known of what arrived; the same batch may be sent again.
        """
        tags = [entry for entry in self._tags.values() if entry.kind == "tags"]
        chunks = list(_chunks([*self._entries, *tags])) or [[]]
        for chunk in chunks[:-1]:
            self._deliver(chunk)
        for entry in self._tags.values():
            if entry.kind == "removed_tags":
                self._remove(entry)
        last = chunks[-1]
        tags_in_last = sum(entry.kind == "tags" for entry in last) + len(self._cursors)
        if tags_in_last > MAX_PAIRS or len(last) + len(self._cursors) > MAX_ENTRIES:
            self._deliver(last)
            last = []
        self._deliver(last, self._cursors)

    def _add(self, item: Item) -> None:
        entries, self.state = translate(self.state, item)
        # Written out, as this is done for each point: NaN is what differs from itself.
        self._entries += [
            _Entry(
                "points",
                Metric(p.key, v if (v := p.value) == v else "NaN", p.time_ms, p.step),
                item,
            )
            for p in entries.points
        ]
        self._entries += [
            _Entry("params", Pair(key, value), item) for key, value in entries.params.items()
        ]
        for key, value in entries.tags.items():
            self._tags[key] = _Entry("tags", Pair(key, value), item)
        for key in entries.removed_tags:
            self._tags[key] = _Entry("removed_tags", Pair(key), item)
        self.notes += entries.notes

    def _deliver(self, entries: list[_Entry], cursors: Sequence[Pair] = ()) -> None:
        """Send entries, then or with them the cursors; what is refused is noted and left out."""
        if not entries:
            for start in range(0, len(cursors), MAX_PAIRS):
                self._post(batch_body(self._run_id, tags=cursors[start : start + MAX_PAIRS]))
            return
        body = batch_body(
            self._run_id,
            metrics=[entry.wire for entry in entries if isinstance(entry.wire, Metric)],
            params=[_pair(entry) for entry in entries if entry.kind == "params"],
            tags=[*(_pair(entry) for entry in entries if entry.kind == "tags"), *cursors],
        )
        parts = len(entries) > 1 or bool(cursors)
        if parts and len(body) > self._api.most_bytes:
            self._halve(entries)
        else:
            try:
                self._post(body)
            except Refusal as refusal:
                if parts and refusal.status == _TOO_LARGE:
                    self._api.too_large(len(body))
                    self._halve(entries)
                else:
                    self._refused(refusal, entries)
            else:
                self.counts.update(map(_kind, entries))
                return
        self._deliver([], cursors)

    def _remove(self, entry: _Entry) -> None:
        try:
            self._api.delete_tag(self._run_id, entry.wire.key)
        except Refusal as refusal:
            self._refused(refusal, [entry])
        else:
            self.counts[entry.kind] += 1

    def _refused(self, refusal: Refusal, entries: list[_Entry]) -> None:
        if refusal.status == _GONE:
            raise Retryable(f"the MLflow run {self._run_id} is not there any more: open it again")
        if refusal.status not in _CONTENT:
            raise refusal
        changed = [entry for entry in entries if self._is_changed(entry)]
        if changed:
            self._deliver([e for e in entries if e not in changed])
            self._deliver([*self._as_tags(changed)])
        elif len(entries) > 1:
            self._halve(entries)
        else:
            [entry] = entries
            item = entry.item
            said = reason(refusal)
            self.refused.append(Refused(item.writer_id, item.event.seq, entry.what, said))

    def _halve(self, entries: list[_Entry]) -> None:
        """Deliver entries in two requests, without the cursors that were to go with them."""
        middle = len(entries) // 2
        self._deliver(entries[:middle])
        self._deliver(entries[middle:])

    def _is_changed(self, entry: _Entry) -> bool:
        """Whether a param is refused because the run holds it with another value.

        `translate` makes tags of changes that it sees; these it could not see, as the run was
        written without the state that it was given. The run is looked at once a batch, and
        that look also tells whether it takes data at all.
        """
        if self._changed is None:
            run = self._api.run(self._run_id)
            if not run.active:
                raise why_gone(run)
            held = {pair.key: pair.value for pair in run.data.params}
            ours = (_pair(entry) for entry in self._entries if entry.kind == "params")
            self._changed = {p.key for p in ours if held.get(p.key, p.value) != p.value}
        return entry.kind == "params" and entry.wire.key in self._changed

    def _as_tags(self, changed: list[_Entry]) -> Iterator[_Entry]:
        for entry in changed:
            param = _pair(entry)
            tag = config_tag(param.key)
            done = f"the run holds another value already: see the tag {tag}"
            self.notes.append(Note("changed", param.key, done))
            if tag not in self._tags:  # a tag of this batch is a later value
                yield _Entry("tags", Pair(tag, param.value), entry.item)

    def _post(self, body: bytes) -> None:
        self._api.log_batch(body)


def cursor_tags(cursors: Cursors) -> dict[str, str]:
    """Return the tags that keep `cursors` with a run; no tag says 0 too."""
    events = {EVENTS_CURSOR + writer: str(seq) for writer, seq in cursors.events.items()}
    files = {FILES_CURSOR + writer: str(seq) for writer, seq in cursors.files.items() if seq}
    return {**events, **files}


def _pair(entry: _Entry) -> Pair:
    assert isinstance(entry.wire, Pair)  # noqa: S101 - for mypy: by kind
    return entry.wire


def _chunks(entries: list[_Entry]) -> Iterator[list[_Entry]]:
    counts = Counter(map(_kind, entries))
    if len(entries) <= MAX_ENTRIES and max(counts["params"], counts["tags"]) <= MAX_PAIRS:
        if entries:
            yield entries
        return
    chunk: list[_Entry] = []
    counts.clear()
    for entry in entries:
        full = entry.kind != "points" and counts[entry.kind] == MAX_PAIRS
        if full or len(chunk) == MAX_ENTRIES:
            yield chunk
            chunk, counts = [], Counter()
        chunk.append(entry)
        counts[entry.kind] += 1
    if chunk:
        yield chunk
