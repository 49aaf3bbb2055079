"""Taking: what is new of one run of MLflow's into a journal of it, each point once.

The run is a source by its id, a point an entry. What was taken before is what stands in the run's
journals: so many points of each key, which are passed over; params, tags, artifacts and the end,
where only a difference is taken. That holds after a death at any moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tracker.artifacts import Blobs
from tracker.errors import RunError, TrackerError
from tracker.events import (
    CONFIG,
    FINISH,
    LOG,
    TAGS,
    Artifact,
    Config,
    Event,
    Finish,
    Json,
    Log,
    Start,
    Tags,
)
from tracker.integrations import appending
from tracker.integrations.appending import Appending, Happened, Head
from tracker.integrations.mlflow import translation
from tracker.integrations.mlflow.described import Described, Details, Stored
from tracker.integrations.mlflow.files import Files, State
from tracker.integrations.mlflow.translation import STATUS, TOOL
from tracker.integrations.taken import Lost, Taken
from tracker.settings import Settings
from tracker.store import StoreFolder, check_run_id


class Taking:
    """One run of MLflow's on its way into the store.

    Args:
        store: where it goes.
        settings: of the journals.
        stored: MLflow's store, of which it is.
        run: its entry; set it anew when that may be another.
        name_of: tells the name of a run of the same store by its id; "" if there is none.

    Attributes:
        run: its entry.
        taken: what was taken so far.
    """

    def __init__(
        self, store: StoreFolder, settings: Settings, stored: Stored, run: Described,
        name_of: Callable[[str], str],
    ) -> None:  # fmt: skip
        self.run = run
        self.taken = Taken(stored.place(run))
        self._stored = stored
        self._name_of = name_of
        self._appending = Appending(store, settings, TOOL, self.taken, self._head)
        self._files = Files(Blobs(store.blobs), stored.base, run)
        self._began = False
        self._seen: Described | None = None
        self._counts: Counter[str] = Counter()
        self._config: dict[str, Json] = {}
        self._tags: dict[str, str] = {}
        self._artifacts: dict[str, State] = {}
        self._end: tuple[str, int] | None = None
        self._last = translation.nanoseconds(run.began)
        self._details = Details({}, {}, {}, [], [])

    @property
    def ended(self) -> bool:
        """Whether MLflow says that the run ended, and all was looked at since."""
        return self.run == self._seen and self.run.status in STATUS

    @property
    def share(self) -> float:
        """How much is taken; MLflow does not tell beforehand how much there is."""
        return float(self._seen is not None)

    def grew(self) -> bool:
        """Whether the run goes on, or its own entry is another one."""
        return not self.ended

    def go_on(self, tell: Callable[[Taking], object]) -> None:
        """Take what is new; `tell` hears of each batch.

        When it returns, what was taken survives power loss. Errors stand in `taken.error`.
        """
        run, lost = self.run, list[Lost]()
        try:
            if not self._began:
                self._begin()
            self._details = self._stored.details(run)
            lost += self._details.lost
            self._take(run, lost, tell)
            self._appending.sync()
            self._seen = run
            self.taken.status = STATUS.get(run.status, "open")
        except (TrackerError, OSError) as error:
            self.taken.error = str(error)
        finally:
            before = [each for each in self.taken.lost if not each.torn]  # not read again
            self.taken.lost = list({(e.file, e.start): e for e in (*before, *lost)}.values())
            self.taken.trouble = list(self._files.trouble)

    def close(self) -> None:
        """Let go of the journal; what comes later is taken into another one."""
        self._appending.close()

    def _begin(self) -> None:
        run_id = self.taken.run = check_run_id(self.run.run_id)
        self.taken.project, self.taken.name = self.run.project, self.run.name
        self._appending.look(self._learn)
        place = self._appending.place(run_id)
        points = self.taken.known = self._counts.total()
        if points < place.at:
            raise RunError(
                f"run {run_id}: of {place.at:,} points that were taken {place.at - points:,} are "
                "lost in this store, so it cannot be told which are new. Nothing was changed. See "
                "tracker doctor; import into another store (--dir), or remove that run first."
            )
        self._began = True

    def _learn(self, event: Event) -> None:
        if isinstance(event, Log):
            self._counts.update(event.values.keys())
        elif isinstance(event, Config):
            self._config |= event.values
        elif isinstance(event, Tags):
            self._tags |= event.set
            for name in event.removed:
                self._tags.pop(name, None)
        elif isinstance(event, Artifact):
            self._artifacts[event.name] = State(event.files, event.size, event.time)
        elif isinstance(event, Finish):
            self._end = event.status, event.time
        elif isinstance(event, Start) and event.resumed:
            self._end = None
        self._last = max(self._last, event.time)

    def _head(self) -> Head:
        tags = self._details.tags
        return translation.head(self.run, tags, self._name_of(tags.get(translation.PARENT, "")))

    def _take(self, run: Described, lost: list[Lost], tell: Callable[[Taking], object]) -> None:
        tags, now = self._details.tags, self._last
        params = {**self._details.params, **self._details.datasets}
        self.taken.name = translation.name_of(run, tags)
        self._put([
            *translation.config(params, self._config, now),
            *translation.tags_of(tags, self._tags, now),
        ])  # fmt: skip
        batch: list[Happened] = []
        known = dict(self._counts)
        for call in translation.calls(self._stored.points(run, known, lost)):
            batch.append(call)
            if len(batch) >= appending.BATCH_EVENTS:
                self._put(batch)
                batch = []
                tell(self)
        self._put(batch)
        self._put(list(self._files.events(self._details.models, self._artifacts)))
        self._put(list(translation.end(run, self._end, self._last)))

    def _put(self, events: list[Happened]) -> None:
        """Append events and note them as known."""
        if not events and self._appending.open is False:
            return
        if events:
            self._end = None  # said again behind them, so that it is the last thing said
        for kind, time, *body in events:
            self._note(kind, time, body)
        total = self._counts.total()
        self.taken.records = total - self.taken.known
        self._appending.take(self.run.run_id, events, total, self._last)

    def _note(self, kind: int, time: int, body: list[Json]) -> None:
        if kind == LOG:
            self._counts.update(body[1].keys())
            self._last = max(self._last, time)
        elif kind == CONFIG:
            self._config |= body[0]
        elif kind == TAGS:
            self._tags |= body[0]
            for name in body[1]:
                self._tags.pop(name, None)
        elif kind == FINISH:
            self._end = body[0], time
