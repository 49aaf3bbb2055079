"""Removing runs from this machine: which may go, why the others stay, and the act.

A run may go where every remote that it goes to, and one at least, was read back and found equal
(see `syncd.verified`), nothing was appended since, nothing is parked, and one of them holds all
of it. `force` passes over this, never over a run that is being recorded.

The act, run by run, with the folder locked so that no journal can begin in it:

    looked at again     it may have been resumed since the plan was made
    note                what is removed, for who meets the rest of the run later (`syncd.removed`)
    trash               one rename (`syncd.trash`); from here on the run is gone

then blobs that nobody refers to any more (`syncd.unreferenced`), then the trash. A death at any
point loses nothing that was to stay, and the next removal goes on where this one ended. The
process that delivers need not be stopped: to it a run vanishes from one look to the next.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from syncd import selection
from syncd.catalog import Entry
from syncd.ledger import Ledger
from syncd.recorded import extents
from syncd.removed import Left, Note, Removed
from syncd.selection import Selection
from syncd.tail import beginning
from syncd.trash import Trash, size
from syncd.unreferenced import Unreferenced, newest
from syncd.verified import Mark, Marks, place
from tracker.artifacts import Blobs
from tracker.errors import StoreError
from tracker.journal import journals, liveness
from tracker.settings import Settings
from tracker.store import StoreFolder


@dataclass
class Candidate:
    """A run, and what is known for and against removing it.

    Attributes:
        bytes: what its journals take.
        changed: when it was last written to, in seconds since 1970 UTC.
        verified: remotes that hold it whole.
        why: why it stays unless forced; empty if it may go.
        live: it is being recorded, or cannot be read, and stays whatever is said.
    """

    run: str
    name: str
    bytes: int = 0
    changed: float = 0.0
    verified: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    live: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass
class Plan:
    """What a removal would do.

    Attributes:
        go: runs that are removed.
        stay: the others that were asked for.
        blobs, blob_bytes: how many blobs nobody would refer to then, and their bytes.
        blobs_stay: why no blob is removed though runs are.
        left: runs in the trash, left by a removal that was cut short.
    """

    go: list[Candidate]
    stay: list[Candidate]
    blobs: int = 0
    blob_bytes: int = 0
    blobs_stay: list[str] = field(default_factory=list)
    left: int = 0

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.go or self.blobs or self.left)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass
class Done:
    """What a removal did: runs that went, bytes freed, and what did not work out."""

    runs: list[str] = field(default_factory=list)
    freed: int = 0
    errors: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Removal:
    """Removing runs of one store, by its settings and the ledger as they are now."""

    def __init__(
        self, store: StoreFolder, settings: Settings, ledger: Ledger, *, force: bool = False
    ) -> None:
        self._store = store
        self._settings = settings
        self._ledger = ledger
        self._force = force
        self._marks = Marks(store)
        self._removed = Removed(store)
        known_as = ledger.known_as(settings.remotes)
        self._known_as = {name: known_as.get(name, name) for name in settings.remotes}
        self._goes: dict[str, Selection] = {
            name: selection.of(remote, ledger.taken(self._known_as[name]))
            for name, remote in settings.remotes.items()
        }

    def plan(self, entries: Iterable[Entry], *, before: float | None = None) -> Plan:
        """Decide on runs; with `before` (seconds since 1970) on those not written to since.

        Raises:
            OSError: the store cannot be listed.
        """
        found = [self._judge(entry) for entry in entries]
        asked = [c for c in found if before is None or c.changed < before]
        plan = Plan([c for c in asked if self._may(c)], [c for c in asked if not self._may(c)])
        trash = Trash(self._store).runs()
        plan.left = len(trash)
        going = [self._store.run(candidate.run) for candidate in plan.go]
        free = Unreferenced.of(self._store, [*going, *trash])
        plan.blobs_stay = free.unsure
        blobs = Blobs(self._store.blobs)
        sizes = [blobs.older(digest, before_ns) for digest, before_ns in free.digests.items()]
        plan.blobs, plan.blob_bytes = sum(map(bool, sizes)), sum(sizes)
        return plan

    def carry_out(self, plan: Plan, told: Callable[[str], object] = lambda _: None) -> Done:
        """Remove what the plan says, as far as it still may go; `told` is given each run's id.

        Raises:
            StoreError: another removal is under way.
            OSError: the store cannot be listed.
        """
        done = Done()
        with _alone_in(self._store):
            trash = Trash(self._store)
            for candidate in plan.go:
                try:
                    error = self._remove(candidate, trash)
                except OSError as trouble:
                    error = str(trouble)
                if error is None:
                    done.runs.append(candidate.run)
                else:
                    done.errors.append(f"run {candidate.run} stays: {error}")
                told(candidate.run)
            done.freed += self._remove_blobs(trash, done) + trash.empty()
            Blobs(self._store.blobs).sweep()
        return done

    def _may(self, candidate: Candidate) -> bool:
        return not candidate.live and (self._force or not candidate.why)

    # -- whether a run may go --------------------------------------------------------------

    def _judge(self, entry: Entry) -> Candidate:
        candidate = Candidate(entry.run_id, entry.run_id)
        try:
            found = journals(entry.folder)
            candidate.live = any(journal.alive() for journal in found)
            start, _ = beginning(found)
            candidate.name = start.name if start else entry.run_id
            candidate.bytes = size(entry.folder)
            candidate.changed = newest(entry.folder) / 1e9
            if candidate.live:
                candidate.why.append("it is being recorded")
            else:
                candidate.why += self._against(entry, candidate.verified)
        except OSError as error:
            candidate.live, candidate.why = True, [f"it cannot be read: {error}"]
        return candidate

    def _against(self, entry: Entry, verified: list[str]) -> Iterator[str]:
        """Why a run that is not being recorded stays; fills in where it is whole."""
        here, gone = extents(entry.folder), self._gone(entry.folder)
        whole = False
        for name, remote in sorted(self._settings.remotes.items()):
            mark = self._marks.read(entry.folder.name, remote.kind, remote.url)
            parked = len(self._ledger.parked(self._known_as[name], entry.run_id))
            why = f"{parked:,} entries are parked: syncd status, syncd retry" if parked else None
            why = why or _not_held(mark, here, gone, entry.run_id)
            if why is None and mark is not None:
                verified.append(name)
                whole = whole or not mark.left_out
            elif self._goes[name].takes(entry):
                yield f"{name}: {why}"
        if not verified:
            yield "it is verified at no remote"
        elif not whole:
            yield "its remotes' policies left something out, which would be nowhere then"

    def _gone(self, folder: Path) -> dict[str, int]:
        """Last sequence number of each journal of a run that was removed before."""
        note = self._removed.read(folder.name)
        return note.writers if note else {}

    # -- the act ---------------------------------------------------------------------------

    def _remove(self, candidate: Candidate, trash: Trash) -> str | None:
        """Move a run to the trash; or say why it stays."""
        folder = self._store.run(candidate.run)
        if not folder.is_dir() or folder.is_symlink():
            return "it is gone already"
        with liveness.alone(folder) as alone:
            now = self._judge(Entry(candidate.run, folder, 0))
            if not alone or not self._may(now) or now.changed > candidate.changed:
                return "; ".join(now.why) or "a process begins to record it"
            self._removed.write(folder.name, self._note(now, folder))
            trash.take(folder)
        return None

    def _note(self, candidate: Candidate, folder: Path) -> Note:
        left = dict[str, Left]()
        for name, remote in self._settings.remotes.items():
            record = self._ledger.lane(self._known_as[name], candidate.run)
            if record.remote_run is None:
                continue
            known = left[place(remote.kind, remote.url)] = Left(
                record.state, record.progress.dump()
            )
            mark = self._marks.read(folder.name, remote.kind, remote.url)
            if mark is not None and name in candidate.verified:
                known.count, known.digest = mark.counts["points"], mark.points
        why = candidate.why if self._force else []
        writers = self._gone(folder) | extents(folder)
        return Note(candidate.run, time.time(), writers, left, why)

    def _remove_blobs(self, trash: Trash, done: Done) -> int:
        free = Unreferenced.of(self._store, trash.runs())
        blobs, freed = Blobs(self._store.blobs), 0
        done.errors += [f"no blob was removed: {why}" for why in free.unsure]
        for digest, before_ns in free.digests.items():
            freed += blobs.remove(digest, before_ns)
        return freed


def _not_held(
    mark: Mark | None, here: dict[str, int], gone: dict[str, int], run_id: str
) -> str | None:
    """Why a remote's mark does not say that it holds all of the journals `here`."""
    if mark is None:
        return f"not verified: syncd verify {run_id}"
    elsewhere = mark.cursors.keys() - here.keys() - gone.keys()
    if elsewhere or not here.items() <= mark.cursors.items():
        return f"something was recorded since it was verified: syncd verify {run_id}"
    return None


@contextmanager
def _alone_in(store: StoreFolder) -> Iterator[None]:
    store.sync.mkdir(parents=True, exist_ok=True)
    fd = os.open(store.sync / "gc.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not liveness.hold(fd):
            raise StoreError(f"another gc is at work in {store.root}; try again when it has ended")
        yield
    finally:
        os.close(fd)
