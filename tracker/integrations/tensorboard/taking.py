"""Taking: a folder's event files into journals of its run, each record once.

A file is a source by its name, a record an entry, and its number the bytes of the file up to its
end: so damage to what was taken before moves nothing.

TensorBoard does not say that a run ended. One to whose files nothing was written for `QUIET_S`
counts as finished, at the time of its last event; the run itself is the source of that end, by
`ENDS`. It goes on if more is written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tracker.artifacts import Blobs
from tracker.errors import TrackerError
from tracker.events import FINISH, Event, Finish, Start
from tracker.head import MOST_CHARACTERS
from tracker.integrations import appending
from tracker.integrations.appending import Appending, Happened, Head
from tracker.integrations.taken import Lost, Taken
from tracker.integrations.tensorboard.folder import Folder
from tracker.integrations.tensorboard.framing import Damage, read
from tracker.integrations.tensorboard.translation import Translation
from tracker.integrations.tensorboard.wire import NoMessage
from tracker.settings import Settings
from tracker.store import StoreFolder
from tracker.values import text_of

TOOL = "tensorboard"
ENDS = "ends"
"""Name of the source of ends; no event file has it."""

QUIET_S = 600.0
"""Writers flush every 120 s unless told otherwise."""


class Taking:
    """One run's folder on its way into the store.

    Args:
        store: where it goes.
        settings: of the journals.
        folder: of the run.
        project: what its project is called; else as the folder says.

    Attributes:
        folder: of the run.
        taken: what was taken so far.
    """

    def __init__(
        self, store: StoreFolder, settings: Settings, folder: Folder, project: str | None
    ) -> None:
        self.folder = folder
        self.taken = Taken(str(folder.path))
        self._project = project or folder.project
        self._appending = Appending(store, settings, TOOL, self.taken, self._head)
        self._translation = Translation(Blobs(store.blobs))
        self._began = False
        self._read: dict[Path, int] = {}
        self._torn: dict[Path, Lost] = {}
        self._lost: list[Lost] = []
        self._first = 0  # time of the run's first event
        self._last = 0
        self._ended = False
        self._ends = 0

    @property
    def ended(self) -> bool:
        """Whether the run counts as finished."""
        return self._ended

    @property
    def share(self) -> float:
        """How much of the files was read."""
        size = sum(path.stat().st_size for path in self.folder.files())
        return sum(self._read.values()) / max(size, 1)

    def grew(self) -> bool:
        """Whether a file has bytes that were not read, or the run counts as finished by now."""
        try:
            files = self.folder.files()
            more = any(self._grew(path) for path in files)
            return more or (not self._ended and self._quiet(files))
        except OSError:
            return True  # reading it tells what is the matter

    def _grew(self, path: Path) -> bool:
        size = path.stat().st_size
        torn = self._torn.get(path)
        return size > (torn.end if torn else self._read.get(path, 0))

    def go_on(self, tell: Callable[[Taking], object]) -> None:
        """Take what the files hold beyond what was taken before; `tell` hears of each batch.

        When it returns, what was taken survives power loss. Errors stand in `taken.error`.
        """
        try:
            if not self._began:
                self._begin()
            files = self.folder.files()
            for path in files:
                self._take(path, tell)
            if self._quiet(files):
                self._end()
            self._appending.sync()
        except (TrackerError, OSError) as error:
            self.taken.error = str(error)
        finally:
            self.taken.lost = [*self._lost, *self._torn.values()]
            self.taken.left_out = dict(self._translation.left_out)

    def close(self) -> None:
        """Let go of the journal; what the files get later is taken into another one."""
        self._appending.close()

    def _begin(self) -> None:
        self.taken.run = self.folder.run_id
        self.taken.name = text_of(self.folder.name)[: MOST_CHARACTERS["name"]]
        self.taken.project = text_of(self._project)[: MOST_CHARACTERS["project"]]
        self._appending.look(self._learn)
        for path in self.folder.files():
            self._read[path] = max(self._appending.place(path.name).at, 0)
        self._ends = max(self._appending.place(ENDS).at, 0)
        self._translation.writers = self._appending.journals
        self.taken.status = "finished" if self._ended else "open"
        self._began = True

    def _learn(self, event: Event) -> None:
        if isinstance(event, Start):
            if not event.resumed:
                self.taken.project, self.taken.name = event.project, event.name
                self._first = event.time
            return
        self.taken.known += 1
        self._last = max(self._last, event.time)
        self._ended = isinstance(event, Finish)

    def _head(self) -> Head:
        about = {"source": TOOL, "folder": text_of(str(self.folder.path.resolve()))[:4096]}
        return Head(self._first, self.taken.project, self.taken.name, None, None, None, {}, about)

    def _take(self, path: Path, tell: Callable[[Taking], object]) -> None:
        source = path.name
        passing = self._appending.place(source).beyond
        batch: list[Happened] = []
        at, self._translation.time = self._read.get(path, 0), self._last
        self._torn.pop(path, None)
        for item in read(path, at):
            if isinstance(item, Damage):
                self._note(path, item)
                continue
            events = self._events(path, at, item.data)
            at = self._read[path] = item.end
            self.taken.records += 1
            if passing:
                passed = min(passing, len(events))
                passing -= passed
                del events[:passed]
            batch += events
            if len(batch) >= appending.BATCH_EVENTS:
                self._put(source, batch, at)
                batch = []
                tell(self)
        self._put(source, batch, at)

    def _put(self, source: str, batch: list[Happened], at: int) -> None:
        if batch:
            self._first = self._first or batch[0][1]
            self._last = max(self._last, batch[-1][1])
            self._ended, self.taken.status = False, "open"
        self._appending.take(source, batch, at, self._last)

    def _events(self, path: Path, at: int, data: bytes) -> list[Happened]:
        try:
            return self._translation.events(data)
        except NoMessage as error:
            self._lost.append(Lost(at, at + len(data) + 16, str(error), file=path.name))
            return []

    def _note(self, path: Path, damage: Damage) -> None:
        lost = Lost(damage.start, damage.end, damage.reason, torn=damage.torn, file=path.name)
        if damage.torn:
            self._torn[path] = lost
        else:
            self._lost.append(lost)
            self._read[path] = damage.end

    def _quiet(self, files: list[Path]) -> bool:
        newest = max((path.stat().st_mtime for path in files), default=0.0)
        return time.time() - newest >= QUIET_S

    def _end(self) -> None:
        """Say that the run finished, once for each time that it went on."""
        if self._ended or not self._last:
            return
        self._ends += 1
        self._appending.take(ENDS, [(FINISH, self._last, "finished", 0)], self._ends, self._last)
        self._ended, self.taken.status = True, "finished"
