"""One batch on its way: its rows and lines in requests of the file stream, then the record.

Rows and lines go to the offsets that are their ordinals, so that the same again overwrites the
same. The record (see `records`) comes after them, with the cursors and how far the rows are, in
one mutation: it is never ahead of the data. So what its cursor has passed is there, and is passed
over when it is sent again; but for what was refused then, which is known by the record too.

Where the rows go on is what the record says. The state of the lane says the same, unless syncd.db
was lost and the rebuilt state has another order of several writers, or another copy of the store
delivered meanwhile: nothing that is there is then overwritten by something else. `mark` tells
whether both are the same in all that names ordinals.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

import msgspec

from syncd.sinks import Ack, Batch, Item, Note, Refused, Rejected, RemoteRun, State
from syncd.sinks.http import Refusal
from syncd.sinks.wandb.api import Api, gone
from syncd.sinks.wandb.artifacts import begins
from syncd.sinks.wandb.names import SUMMARY
from syncd.sinks.wandb.records import Own, Record, Records, Rows, highest, missing, place
from syncd.sinks.wandb.stream import MAX_LINE, Piece, body, requests, runs
from syncd.sinks.wandb.translation import Row, Share, log, owned, summary, translate
from tracker.events import Artifact, Log, Unknown
from tracker.integrations.wandb.clock import RUNTIME, STEP, TIME
from tracker.integrations.wandb.naming import tag_name
from tracker.integrations.wandb.private import folded

HISTORY, SYSTEM, CONSOLE = "wandb-history.jsonl", "wandb-events.jsonl", "output.log"
SUMMARY_FILE = "wandb-summary.json"

_TOO_LARGE = 413

_encode = msgspec.json.encode


class Sending:
    """The sending of one batch to one run."""

    def __init__(self, api: Api, records: Records, run: RemoteRun, batch: Batch) -> None:
        self._api = api
        self._records = records
        self._run = run
        self._batch = batch
        self._record = records.of(run)
        if mark(batch.state) != (self._record.own.mark or mark({})):
            self._record = records.now(run)
        self._counts: Counter[str] = Counter()
        self._notes: list[Note] = []
        self._refused: dict[tuple[str, int], Refused] = {}
        self._state: State = batch.state
        self._share = Share()
        self._tags: dict[str, str | None] = {}
        self._places: list[tuple[int, Item]] = []  # ordinals of rows, and what they are made of
        self._others: list[Item] = []  # those taken that are no `Log`
        self._taken: list[Item] = []
        self._newest = False  # whether the state is that of the run's end, for the summary
        self._take()

    def run(self) -> Ack:
        """Send all, the record last.

        Raises:
            Rejected: names what was refused; all else was acknowledged.
            SinkError: nothing is known of what arrived; the same batch may be sent again.
        """
        run_id = self._record.own.run_id
        if run_id != self._run.id:
            self._notes.append(Note("mapped", run_id, f"the run is {self._run.id} there"))
        for pieces in requests(self._pieces()):
            self._stream(pieces)
        self._records.write(self._run, self._after())
        if self._refused:
            refused = list(self._refused.values())
            raise Rejected(
                f"W&B refused {len(refused)} entries of batch {self._batch.number}; the first is "
                f"{refused[0].what}: {refused[0].reason}",
                refused,
            )
        return Ack(dict(self._counts), self._state, self._notes)

    def _take(self) -> None:
        own, batch = self._record.own, self._batch
        fresh, again = list[Item](), list[Item]()
        for item in batch.items:
            if item.event.seq > own.events.get(item.writer_id, 0):
                fresh.append(item)
            elif _key(item) in own.refused:
                again.append(item)
            else:  # it is there
                _, _, self._state = translate(self._state, item)
        if not fresh and not again:
            return
        self._newest = bool(fresh)
        self._taken = [*again, *fresh]
        self._state = owned(_going_on(self._state, own))
        for item in again:
            self._take_again(item, own.refused[_key(item)])
        for item in fresh:
            self._state = self._add(item, self._state)
        if self._share.numbers:
            self._counts["points"] = self._share.numbers

    def _take_again(self, item: Item, at: list[int]) -> None:
        """Take what was refused: to the row that was kept for it, or behind all others."""
        if not at:
            self._state = self._add(item, self._state)
            return
        ordinal, step = at
        started = self._state.get("started", item.event.time)
        self._add(item, owned({"started": started, "row": ordinal, "step": step - 1}))

    def _add(self, item: Item, before: State) -> State:
        if type(item.event) is Log:
            ordinal = log(before, item.writer_id, item.event, self._share, self._notes)
            if ordinal >= 0:
                self._places.append((ordinal, item))
            return before
        self._others.append(item)
        entries, share, after = translate(before, item)
        self._places += [(ordinal, item) for ordinal in share.rows]
        self._share.add(share)
        own = {n: v for n, v in entries.tags.items() if not n.startswith(SUMMARY)}
        self._tags |= own
        self._tags |= dict.fromkeys(entries.removed_tags)
        self._notes += entries.notes
        for kind, values in (
            ("params", entries.params), ("tags", own), ("removed_tags", entries.removed_tags),
            ("system", share.system), ("lines", share.lines),
        ):  # fmt: skip
            if values:
                self._counts[kind] += len(values)
        return after

    # -- rows and lines --------------------------------------------------------------------

    def _pieces(self) -> list[Piece]:
        share = self._share
        written = {at: _encode(row) for at, row in share.rows.items()}
        for at in [at for at, line in written.items() if len(line) > MAX_LINE]:
            said = f"{len(written[at]):,} bytes; a row may have {MAX_LINE:,}"
            written[at] = self._refuse(at, share.rows[at], said).encode()
        rows = {at: line.decode() for at, line in written.items()}
        if rows:
            self._counts["rows"] = len(rows)
        found = [
            *runs(HISTORY, rows),
            *runs(SYSTEM, {at: _encode(row).decode() for at, row in share.system.items()}),
            *runs(CONSOLE, share.lines),
        ]
        if self._newest and (rows or self._batch.state.get("set") != self._state.get("set")):
            found += self._summary()
        return found

    def _refuse(self, ordinal: int, row: Row, reason: str) -> str:
        """Refuse what a row was made of; an empty one keeps its place."""
        for item in (item for at, item in self._places if at == ordinal):
            what = f"row {ordinal} at step {getattr(item.event, 'step', 0)}"
            self._refused[item.writer_id, item.event.seq] = Refused(
                item.writer_id, item.event.seq, what, reason
            )
        self._share.rows[ordinal] = bare = {key: row[key] for key in (STEP, TIME, RUNTIME)}
        return _encode(bare).decode()

    def _summary(self) -> list[Piece]:
        values = summary(self._state)
        line = _encode(values)
        if len(line) > MAX_LINE:
            self._notes.append(Note("cut", "summary", f"not updated: {len(line):,} bytes"))
            return []
        return list(runs(SUMMARY_FILE, {0: line.decode()}))

    def _stream(self, pieces: list[Piece]) -> None:
        try:
            self._api.stream(place(self._run), body(pieces))
        except Refusal as refusal:
            if gone(refusal):
                raise missing(self._run) from None
            if refusal.status != _TOO_LARGE:
                raise
            self._stream_less(pieces, refusal)

    def _stream_less(self, pieces: list[Piece], refusal: Refusal) -> None:
        """What stands in front of a server may take less than it does: halves, down to a line."""
        if len(pieces) > 1:
            for piece in pieces:
                self._stream([piece])
            return
        [piece] = pieces
        if len(piece.lines) > 1:
            for half in piece.halves():
                self._stream([half])
        elif piece.stream == HISTORY and self._share.rows[piece.offset].keys() - {
            STEP, TIME, RUNTIME,
        }:  # fmt: skip
            line = self._refuse(piece.offset, self._share.rows[piece.offset], str(refusal))
            self._stream(list(runs(HISTORY, {piece.offset: line})))
        else:
            raise refusal

    # -- the record ------------------------------------------------------------------------

    def _after(self) -> Record:
        """The run's record once the batch is there."""
        record, cursors = self._record, self._batch.cursors
        own = msgspec.structs.replace(
            record.own,
            events=highest(record.own.events, cursors.events),
            files=highest(record.own.files, cursors.files),
            tags=dict(record.own.tags),
            refused=self._still_refused(record.own.refused),
            artifacts=self._versions(record.own.artifacts),
        )
        if self._taken:
            own.rows, own.mark = _rows(self._state), mark(self._state)
        tags = list(record.tags)
        for name, value in self._tags.items():
            _set_tag(own.tags, tags, name, value)
        return Record(folded({**record.config, **self._share.config}), tags, own)

    def _versions(self, before: Mapping[str, list[str]]) -> dict[str, list[str]]:
        after = dict(before)
        for item in self._others:
            if isinstance(event := item.event, Artifact):
                known = after.get(event.name, [])
                after[event.name] = list(dict.fromkeys([*known, begins(event.manifest)]))
        return after

    def _still_refused(self, before: Mapping[str, list[int]]) -> dict[str, list[int]]:
        taken = {_key(item) for item in self._taken} if before else ()
        after = {key: at for key, at in before.items() if key not in taken}
        for item in self._others:
            if isinstance(item.event, Unknown):  # until a version is here that knows it
                after[_key(item)] = []
        for ordinal, item in self._places if self._refused else ():
            if (item.writer_id, item.event.seq) in self._refused:
                step = self._share.rows[ordinal][STEP]
                after[_key(item)] = [ordinal, step]
        return after


def mark(state: State) -> str:
    """Return a digest of all in a state that names ordinals."""
    console = state.get("console") or {}
    opened = {writer: held[0] for writer, held in (state.get("open") or {}).items()}
    lines = {name: held[0] for name, held in (console.get("open") or {}).items()}
    said = _encode([_rows(state), opened, lines], order="sorted")
    return hashlib.sha256(said).hexdigest()[:16]


def _rows(state: State) -> Rows:
    console = state.get("console") or {}
    return Rows(
        state.get("row", 0), state.get("step", -1), state.get("system", 0), console.get("next", 0)
    )


def _going_on(state: State, own: Own) -> State:
    """The state with which new items go on, by the run's own word."""
    if mark(state) == (own.mark or mark({})):
        return state
    rows = own.rows
    return {
        **state, "row": rows.history, "step": rows.step, "system": rows.system, "open": {},
        "console": {"next": rows.console, "open": {}},
    }  # fmt: skip


def _key(item: Item) -> str:
    return f"{item.writer_id} {item.event.seq}"


def _set_tag(own: dict[str, str], tags: list[str], name: str, value: str | None) -> None:
    """Change a user's tag in what we keep and in what W&B shows, where others may stand too."""
    before = own.pop(name, None)
    still = {tag_name(*pair) for pair in own.items()}
    if before is not None and (shown := tag_name(name, before)) in tags and shown not in still:
        tags.remove(shown)
    if value is not None:
        own[name] = value
        if tag_name(name, value) not in tags:
            tags.append(tag_name(name, value))
