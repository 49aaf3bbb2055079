"""`Reader`: a thread that reads what the screen wants, so that the screen never waits."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace

from tracker.errors import TrackerError
from tracker.notice import shown as safe
from tracker.query import RunView
from tracker.store import StoreFolder
from tracker.top import choice, config, console, sync
from tracker.top.delivery import Delivery
from tracker.top.keeper import Keeper
from tracker.top.listing import Listing
from tracker.top.points import Points
from tracker.top.sight import Pane, Sight
from tracker.top.still import still
from tracker.top.wish import Wish
from tracker.unexpected import unexpected

_TICK_S = 1.0
_END_S = 1.0
"""How long the end waits for each thread; one that makes an index anew is left behind."""


class Reader(threading.Thread):
    """Answers the last wish, at once and whenever something changes, until `stop`.

    Args:
        folder: the store.
        wish: the first wish.

    Attributes:
        folder: the store.
        sight: the newest answer.
    """

    def __init__(self, folder: StoreFolder, wish: Wish) -> None:
        super().__init__(name="tracker-top-reader", daemon=True)  # it writes nothing
        self.folder = folder
        self._wish = wish
        self._bell = threading.Condition()
        self._rung = False
        self._stopped = False
        self._keeper = Keeper(folder, self._ring)
        self._delivery = Delivery(folder, self._ring)
        self._points = Points()
        self._default: str | None = None
        self._stood: tuple[object, ...] = ()
        self._seen: Callable[[], None] | None = None
        self.sight = Sight(wish)

    def show(self, seen: Callable[[], None]) -> None:
        """The screen is up: call `seen`, in this thread, after each new `sight`.

        Until then the list alone is read, as that is what a person sees first.
        """
        self._seen = seen
        self._ring()

    def ask(self, wish: Wish) -> None:
        """Wish for something else."""
        self._wish = wish
        self._ring()

    def stop(self) -> None:
        """Begin nothing more, and wait a moment for what is under way.

        A thread at work while Python ends can end it with an abort instead of its exit code.
        """
        self._stopped, self._seen = True, None
        self._keeper.stop()
        self._ring()
        for thread in (self, self._keeper):
            if thread.ident is not None:
                thread.join(_END_S)

    def _ring(self) -> None:
        with self._bell:
            self._rung = True
            self._bell.notify()

    def run(self) -> None:
        """Go on until stopped."""
        try:
            self._read()
        except Exception as error:  # noqa: BLE001 - the edge: the screen ends with a line
            self._tell(replace(self.sight, failed=unexpected(error)))

    def _read(self) -> None:
        store = still(self.folder.root)
        listing = Listing(store)
        while not self._stopped:
            try:
                self._look(listing)
            except TrackerError as error:  # the store is away, or a run that was just removed
                note = self._note(listing) or str(error)
                self._tell(replace(self.sight, wish=self._wish, note=note))
            if self._keeper.ident is None and self._seen is not None:
                self._keeper.start()
            with self._bell:
                self._bell.wait_for(lambda: self._rung, _TICK_S)
                self._rung = False
        store.close()

    def _tell(self, sight: Sight) -> None:
        self.sight = sight
        seen = self._seen
        if seen is not None:
            seen()

    # -- a look ----------------------------------------------------------------------------

    def _look(self, listing: Listing) -> None:
        """Read the list and tell it; then the pane, unless something newer is wished for."""
        wish, up = self._wish, self._seen is not None
        listing.store.index.catch_up()
        version = self._version(listing)
        metric = wish.metrics[0] if wish.metrics else self._default
        listing.read(wish, metric, version)
        if metric is None and listing.ids:
            metric = self._default = _first_metric(listing)
            listing.read(wish, metric, version)
        sight = replace(
            self.sight, wish=wish, ids=listing.ids, rows=listing.rows, runs=listing.runs,
            running=listing.running, metric=metric, sync=sync.summary(self._delivery),
            note=listing.trouble or self._note(listing), filter=listing.filter,
            failed=self._keeper.failed,
        )  # fmt: skip
        self._tell(sight)
        stands = (wish, version, self._delivery.status, wish.pane == "sync" and sight.sync)
        if up and wish is self._wish and stands != self._stood:
            here = wish.cursor or next(iter(listing.ids), None)
            shown = [listing.rows[run].run for run in wish.marked or (here,) if run in listing.rows]
            keys = tuple(dict.fromkeys(key for run in shown for key in run.metrics))
            pane = Pane()
            if wish.pane == "curves" and shown:
                pane = self._curves(wish, shown, keys)
            elif here in listing.rows:
                pane = self._about(wish, listing.rows[here].run)
            self._tell(replace(sight, keys=keys, pane=pane))
            self._points.sweep()
            self._stood = stands

    def _version(self, listing: Listing) -> tuple[int, int]:
        """What differs whenever the index may say something else."""
        ((version,),) = listing.store.index.query("PRAGMA data_version")
        try:
            return version, self.folder.index.stat().st_ino
        except OSError:
            return version, 0

    def _note(self, listing: Listing) -> str | None:
        """What a person must know of the state of the index."""
        if not self._keeper.busy:
            return self._keeper.trouble
        with contextlib.suppress(OSError):
            there = sum(1 for _ in self.folder.journals.iterdir())
            return f"reading the journals: {listing.runs:,} of {there:,} runs are in the index"
        return "reading the journals"

    def _about(self, wish: Wish, run: RunView) -> Pane:
        """The pane of the run at the cursor."""
        if wish.pane == "system":
            from tracker.top import system  # noqa: PLC0415 - NumPy, behind the first list

            lines = system.lines(run, wish.width, self._points)
        elif wish.pane == "console":
            lines = console.lines(run, wish.width)
        elif wish.pane == "sync":
            lines = sync.lines(self._delivery, run, wish.width)
        else:
            lines = config.lines(run, wish.width)
        return Pane((wish.pane, run.id), safe(run.name), lines)

    def _curves(self, wish: Wish, runs: list[RunView], keys: tuple[str, ...]) -> Pane:
        from tracker.top import curves  # noqa: PLC0415 - NumPy, behind the first list

        first = choice.first(keys)
        chosen = wish.metrics or ((first,) if first else ())
        title = curves.page(wish, chosen).said
        lines = curves.lines(wish, runs, chosen, self._points)
        if not chosen:
            lines = [f"{safe(runs[0].name) or runs[0].id} has no metrics yet"]
        return Pane((wish.pane, *(run.id for run in runs), *chosen), title, lines)


def _first_metric(listing: Listing) -> str | None:
    """What stands in the list until a metric is chosen: one of the first run that has any."""
    for row in listing.rows.values():
        keys = list(row.run.metrics)
        if keys:
            return choice.first(keys)
    return None
