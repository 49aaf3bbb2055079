"""Carrying out what a lane decides: one visit to one run on its way to one remote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from syncd import documents, media, versions
from syncd.clock import Clock
from syncd.cursors import UNKNOWN, Cursor, LaneRecord, Range
from syncd.lane import Facts, Lane, Step
from syncd.ledger import Ledger
from syncd.policy import LEFT_OUT, MASKED, Policies, Policy, kept
from syncd.progress import head
from syncd.puts import Put, Puts
from syncd.receipts import DOCUMENTS, Pending
from syncd.removed import Left, Removed
from syncd.sinks import (
    Batch,
    Cursors,
    File,
    Head,
    Item,
    Note,
    Refused,
    Rejected,
    RemoteRun,
    Retryable,
    Sink,
    State,
)
from syncd.tail import Tail
from syncd.telemetry import NOBODY, Observer
from syncd.telemetry.passage import Passage
from tracker.artifacts import Blobs, Manifest
from tracker.errors import ArtifactError
from tracker.events import KINDS, OF_ARTIFACT, Artifact, Event, Log, Media, Unknown
from tracker.journal import Position

T = TypeVar("T")

_OF_AGE = 2
"""Batches of a run after which its events wait for company; see the table of `syncd.lane`."""


@dataclass(frozen=True)
class Tools:
    """What every visit to one remote works with.

    Attributes:
        place: names the remote whatever it is called; see `syncd.verified`.
        call: makes the quick attempts.
        files_go: whether files may be put at this time of the day.
    """

    sink: Sink
    place: str
    ledger: Ledger
    blobs: Blobs
    removed: Removed
    policy: Policy
    clock: Clock
    puts: Puts
    call: Callable[[Callable[[], object]], object]
    files_go: Callable[[], bool]
    observer: Observer = NOBODY


class Visit:
    """The state of one visit.

    Attributes:
        opened: the run was looked up at the remote in this visit.
        asked: the remote was asked anything at all.
        trouble: why files could not be put; all else goes on.
        passage: tells those who watch.
    """

    def __init__(
        self, tools: Tools, record: LaneRecord, folder: Path, *, waited_s: float, hurry: bool
    ) -> None:
        self.opened = False
        self.asked = False
        self.trouble: Retryable | None = None
        self.record = record
        self.tail = Tail(folder, record.cursors)
        self.passage = Passage(
            tools.observer, record.remote, tools.sink.kind, record.run_id,
            lambda: self._head.project,
        )  # fmt: skip
        self._sink = tools.sink
        self._ledger = tools.ledger
        self._blobs = tools.blobs
        self._media = media.Shares(folder, tools.blobs)
        self._tools = tools
        self._folder = folder
        self._waited_s = waited_s
        self._hurry = hurry
        self._artifacts = self._ledger.artifacts(record)
        self._telling = self._from_the_beginning()

    def close(self) -> None:
        """Let go of what is not needed any more."""
        if self._telling is not None:
            self._telling.close()

    @property
    def putting(self) -> bool:
        """Whether files of the run are on their way, or have landed since they were looked at."""
        return self._tools.puts.begun(self.record.run_id)

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do until somebody writes to the run again."""
        if not self.tail.ended or self.tail.written or self._artifacts:
            return False
        return self.behind or self.record.told == self._outcome()[0]

    @property
    def behind(self) -> bool:
        """Whether a copy elsewhere delivered more: what is missing here was not removed here."""
        return bool(self.tail.missing) and (not self.tail.writers or self._removed() is None)

    def _removed(self) -> Left | None:
        """What the remote held of journals that were removed here; None if none were."""
        missing = self.tail.missing
        if missing.intersection(self.tail.writers):  # damaged, or an old copy
            return None
        return self._tools.removed.left(self._folder.name, self._tools.place, missing)

    def work(self, lane: Lane, go_on: Callable[[], bool]) -> bool:
        """Do step after step; True if there is more to do."""
        steps = {
            Step.OPEN: self._open, Step.SEND: self._send, Step.PUT: self._put,
            Step.DOCUMENTS: self._document, Step.RUNNING: self._tell, Step.FINISH: self._tell,
        }  # fmt: skip
        while True:
            step = lane.decide(self._facts(), self._tools.clock.time())
            if step not in steps:
                return False
            if not go_on():
                return True
            steps[step]()
            lane.succeeded()

    def _facts(self) -> Facts:
        record, tail = self.record, self.tail
        status, _ = self._outcome()
        return Facts(
            looked_up_at=record.looked_up_at if record.remote_run else None,
            just_looked_up=self.opened,
            frozen=record.frozen is not None, pending=tail.pending, waited_s=self._waited_s,
            complete=tail.complete, hurry=self._hurry, young=record.batch < _OF_AGE,
            files=len(self._artifacts), putting=self._files_wait(), ended=tail.ended,
            behind=self.behind, documented=record.documented == record.position_key(),
            told=record.told, status=status,
        )  # fmt: skip

    def _files_wait(self) -> bool:
        tools, run_id = self._tools, self.record.run_id
        if tools.puts.begun(run_id):
            return tools.puts.flying(run_id)
        return tools.puts.paused(run_id) or not tools.files_go()

    def _outcome(self) -> tuple[str, int | None]:
        if not self.tail.ended:
            return "running", None
        return self.record.progress.outcome(self.tail.writers)

    def _call(self, action: Callable[[], T]) -> T:
        self.asked = True
        return self._tools.call(action)  # type: ignore[return-value] # what the action returns

    @property
    def _run(self) -> RemoteRun:
        assert self.record.remote_run is not None  # noqa: S101 - the lane opens first
        return self.record.remote_run

    # -- open ------------------------------------------------------------------------------

    @cached_property
    def _head(self) -> Head:
        return head(self.record.run_id, *self.tail.start())

    def _open(self) -> None:
        wanted = self._head
        found = self._call(lambda: self._sink.open(wanted))
        known = self.record.remote_run
        if known is None or known.id != found.id:
            self._learn(found)
        else:
            self._look_elsewhere(found)
        self.opened = True
        self.record.remote_run = found
        self.record.looked_up_at = self._tools.clock.time()
        self._ledger.save(self.record)

    def _look_elsewhere(self, found: RemoteRun) -> None:
        """Take note of what another copy of the store delivered meanwhile, and keep its cursors."""
        held = self._call(lambda: self._sink.position(found))
        for writer, seq in held.events.items() if held else ():
            if seq > max(self.tail.here(writer), self.record.cursors.get(writer, Cursor()).seq):
                self.record.cursors[writer] = Cursor(seq, held.files.get(writer, 0) if held else 0)

    def _learn(self, found: RemoteRun) -> None:
        """The lane is new to us, or to the remote: begin where the remote says it is."""
        held = self._call(lambda: self._sink.position(found))
        record = self.record
        record.remote_run = found
        record.documented = None
        record.state, record.progress = {}, type(record.progress)()
        there = held.events if held else {}
        if not there:
            self.passage.started(found.url)
        record.told = UNKNOWN if there else None
        if not (record.cursors and there):  # it begins, or nobody knows under which policy
            record.policies = Policies()
        record.policies.go_on(self._tools.policy, there if record.cursors else {})
        began = bool(record.cursors)
        record.cursors.clear()
        for writer, seq in there.items():
            files = held.files.get(writer, 0) if held else 0
            record.cursors[writer] = Cursor(seq, files)
        if there or began:  # else it is the tail of nothing acknowledged already
            self.tail = Tail(self._folder, record.cursors)
        if (removed := self._removed()) is not None:
            record.state = removed.state
            record.progress = type(record.progress).load(removed.progress)
        self._telling = self._from_the_beginning()
        before, strange = list[Pending](), list[Refused]()
        for item, hint in self.tail.history():
            strange += unknown([item])
            if (left := kept(record.policies.cut(item), item)) is not None:
                _, record.state = self._sink.translate(record.state, left)
            before += self._observe(item, hint)
            record.cursors[item.writer_id].hint = hint
        missing = [a for a in before if a.seq > record.cursors[a.writer_id].files]
        self._ledger.relearn(record, media.joined(missing))
        for refused in strange:
            self._ledger.replace_parked(record, refused.writer_id, refused.seq, [refused])
        self._artifacts = self._ledger.artifacts(record)

    def _from_the_beginning(self) -> documents.Telling | None:
        """What is told of the whole run while its events are sent, if that is all in this visit."""
        record = self.record
        if record.cursors or record.frozen is not None or not self.tail.ended:
            return None
        return documents.Telling(self._tools.policy, record.progress)

    def _observe(self, item: Item, hint: Position) -> list[Pending]:
        self.record.progress.observe(item)
        if self._telling is not None:
            self._telling.take(item)
        if type(item.event) not in (Artifact, Media) or self._cut(item) is None:
            return []
        return pending(self.record, item, hint)

    def _cut(self, item: Item) -> Event | None:
        return self.record.policies.cut(item).event

    # -- send ------------------------------------------------------------------------------

    def _send(self) -> None:
        record = self.record
        if record.frozen is not None:
            self._telling = None
            taken = self.tail.retake(record.frozen)
        else:
            taken = self.tail.take(self._sink.limits)
        if not taken:
            self._pass_over()
            return
        if record.frozen is None:
            record.policies.go_on(self._tools.policy, record.sent().events)
            self._ledger.freeze(record, _ranges(taken))
        after = {w: Cursor(c.seq, c.files, c.hint) for w, c in record.cursors.items()}
        for item, hint in {item.writer_id: (item, hint) for item, hint in taken}.values():
            cursor = after.setdefault(item.writer_id, Cursor())
            cursor.seq, cursor.hint = item.event.seq, hint
        ahead = LaneRecord(record.remote, record.run_id, cursors=after)
        items, cut = self._let_through(item for item, _ in taken)
        batch = Batch(record.batch, items, record.state, ahead.sent())
        began = self._tools.clock.monotonic()
        with self.passage.sending(batch.number, len(taken)):
            counts, notes, refused = self._deliver(batch)
        record.cursors = self.tail.cursors = after
        artifacts = media.joined(a for item, hint in taken for a in self._observe(item, hint))
        self.tail.pending -= len(taken)
        self.tail.written -= len(taken)
        self._waited_s = 0.0
        if self.tail.ended and record.told not in (None, "running"):
            record.told = UNKNOWN  # it was told an earlier end, and has to hear how it stands now
        counts |= cut | {"events": len(taken)}
        self._ledger.acknowledge(record, counts, notes, artifacts, refused)
        self._artifacts = self._ledger.artifacts(record) if artifacts else self._artifacts
        took_s = self._tools.clock.monotonic() - began
        self.passage.acknowledged(batch.number, items, counts, took_s)
        self.passage.parked(refused)

    def _let_through(self, items: Iterable[Item]) -> tuple[list[Item], dict[str, int]]:
        """What the policy lets through, and counts of what it does not."""
        through, left_out, masked = list[Item](), 0, 0
        policies = self.record.policies
        for item in items:
            if type(item.event) is Log and not policies.spans:  # as nearly all are
                through.append(item)
                continue
            cut = policies.cut(item)
            left_out, masked = left_out + cut.left_out, masked + cut.masked
            if (left := kept(cut, item)) is not None:
                through.append(left)
        counts = {LEFT_OUT: left_out, MASKED: masked}
        return through, {what: number for what, number in counts.items() if number}

    def _deliver(self, batch: Batch) -> tuple[dict[str, int], list[Note], list[Refused]]:
        """Send a batch: what was taken by kind, what was changed, what is to be parked."""
        refused = unknown(batch.items)
        try:
            ack = self._call(lambda: self._sink.send(self._run, batch))
        except Rejected as error:
            if not error.refused:  # not for what is in it: the run is not there as we know it
                raise
            self.record.state, notes = self._after(batch)
            return {"refused": len(error.refused)}, notes, [*refused, *error.refused]
        self.record.state = ack.state
        return dict(ack.counts), ack.notes, refused

    def _after(self, batch: Batch) -> tuple[State, list[Note]]:
        state, notes = batch.state, list[Note]()
        for item in batch.items:
            entries, state = self._sink.translate(state, item)
            notes += entries.notes
        return state, notes

    def _pass_over(self) -> None:
        """Of what was to be sent nothing is left: it is damaged, or a copy elsewhere sent it.

        Where that was a frozen batch, there may be more behind it.
        """
        if self.record.frozen is not None:
            self._ledger.acknowledge(self.record, {}, (), (), ())
            self.tail = Tail(self._folder, self.record.cursors)
            return
        self.tail.pending = 0
        if self.tail.ended:
            self.tail.written = 0

    # -- files and status ------------------------------------------------------------------

    def _put(self) -> None:
        """Begin to put files of the first artifact, or write down what became of them."""
        put = self._tools.puts.take(self.record.run_id)
        if put is not None and (put.run.id != self._run.id or put.artifact not in self._artifacts):
            put = None  # the run was looked up anew meanwhile, and is another one there
        artifact = put.artifact if put else self._artifacts[0]
        try:
            put = self._rest_of(put) if put else self._to_put(artifact)
        except Retryable as error:
            self._tools.puts.failed(self.record.run_id, str(error), error.retry_after)
            self.trouble = error
            return
        except (ArtifactError, Rejected) as error:
            self._park(artifact, put.left if put else [], str(error))
            return
        if put.left or put.version:
            self._tools.puts.begin(self.record.run_id, put)
            return
        self._ledger.done(self.record, artifact)
        self._artifacts.remove(artifact)
        self._call(lambda: self._sink.keep(self._run, self.record.sent()))

    def _park(self, artifact: Pending, left: list[File], error: str) -> None:
        """Park what cannot be put; of media those alone that are damaged here, if any are."""
        share = media.is_share(artifact)
        bad = self._media.damaged(artifact, self._cut) if share else {}
        said = media.what(artifact) if share else artifact.what
        refused = [*bad.values()] or [Refused(artifact.writer_id, artifact.seq, said, error)]
        good = [file for file in left if file.path not in bad] if bad else []
        self.passage.parked(refused)
        if good:
            self._ledger.park(self.record, refused)
            self._tools.puts.begin(self.record.run_id, Put(self._run, artifact, good))
            return
        self._ledger.done(self.record, artifact, refused)
        self._artifacts.remove(artifact)

    def _rest_of(self, put: Put) -> Put:
        """Keep the receipts of files that were put; what is left of the artifact.

        Raises:
            Retryable, ArtifactError, Rejected: what stopped the put.
        """
        self.asked = True
        if put.done or put.notes:
            self._ledger.put(self.record, [file for file, _ in put.done], put.notes)
            for file, took_s in put.done:
                self.passage.put(file, took_s)
            self._tools.puts.succeeded(self.record.run_id)
        put.future.result()
        return Put(put.run, put.artifact, put.left, put.version)

    def _to_put(self, artifact: Pending) -> Put:
        """What is missing of an artifact, the first file last."""
        there = self._ledger.files(*self.record.key)
        if media.is_share(artifact):
            found = self._media.files(artifact, self._cut)
            return Put(self._run, artifact, _missing(found, there))
        manifest = Manifest.load(self._blobs, artifact.manifest)
        files = [
            File(f"{artifact.folder}/{e.path}", self._blobs.path(e.digest), e.size, e.digest)
            for e in reversed(manifest.files)
        ]
        missing = _missing(files, there)
        version = versions.whole(artifact, files[::-1])
        return Put(self._run, artifact, missing, version if missing or artifact.told else None)

    def _document(self) -> None:
        """Put the documents; where they are refused the run is finished all the same."""
        refused: tuple[Refused, ...] = ()
        run_id, policy = self.record.run_id, self._tools.policy
        before, telling = self._removed(), self._telling
        if telling is not None:
            telling.damaged(self.tail.gaps)
            self._telling = None
        with documents.written(
            self._folder, run_id, self._sink.key, policy, before=before, telling=telling
        ) as files:
            try:
                for file in files:
                    self._call(partial(self._sink.put, self._run, file))
                    self._ledger.put(self.record, [file])
            except (ArtifactError, Rejected) as error:
                refused = (Refused(*DOCUMENTS, "documents", str(error)),)
        self.record.documented = self.record.position_key()
        self._ledger.replace_parked(self.record, *DOCUMENTS, refused)
        self.passage.parked(refused)

    def _tell(self) -> None:
        status, ended_at = self._outcome()
        if not self.record.cursors:  # no event: this too has to be known if syncd.db is lost
            nothing = Cursors(dict.fromkeys(self.tail.writers, 0))
            self._call(lambda: self._sink.keep(self._run, nothing))
        self.record.told = UNKNOWN  # until there is an answer: what it knows now is anyone's guess
        self._ledger.save(self.record, durable=True)
        state = self.record.state
        self._call(lambda: self._sink.finish(self._run, status, ended_at, state))
        self.record.told = status
        self._ledger.save(self.record)


def unknown(items: Iterable[Item]) -> list[Refused]:
    """What of `items` is to be parked until a version is here that knows its kind."""
    return [
        Refused(item.writer_id, event.seq, *_strange(event.kind))
        for item in items
        if isinstance(event := item.event, Unknown)
    ]


def _strange(kind: int) -> tuple[str, str]:
    if kind in KINDS:
        return f"event of kind {kind} with another content", "this version cannot read it"
    return f"event of kind {kind}", (
        "this version does not know the kind; a later one sends it by itself: "
        "pip install --upgrade tracker-syncd"
    )


def pending(record: LaneRecord, item: Item, hint: Position) -> list[Pending]:
    """What is to be put of an event, which stands behind `hint` in its journal."""
    event = item.event
    if isinstance(event, Artifact):
        return [versions.waiting(item.writer_id, event, record.progress)]
    if isinstance(event, Media) and event.form == OF_ARTIFACT:
        return versions.told(item.writer_id, event, record.progress)
    return media.waiting(item, hint)


def _missing(files: Iterable[File], there: Mapping[str, str]) -> list[File]:
    return [file for file in files if there.get(file.path) != file.digest]


def _ranges(taken: Iterable[tuple[Item, Position]]) -> list[Range]:
    ranges: list[Range] = []
    for writer_id, share in groupby(taken, lambda pair: pair[0].writer_id):
        seqs = [item.event.seq for item, _ in share]
        ranges.append((writer_id, seqs[0], seqs[-1]))
    return ranges
