"""`Top`: the screen of `tracker top`."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from dataclasses import replace

from textual import events
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import Static

from tracker.cli import terminal
from tracker.notice import shown
from tracker.top import headline, keys
from tracker.top.paneview import PaneView
from tracker.top.picker import Picker
from tracker.top.reader import Reader
from tracker.top.runlist import RunList
from tracker.top.typed import Typed
from tracker.top.wish import PANES, SORTS, Wish

_WIDE = 120
"""Columns from which on the pane stands beside the list."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ENDED_BY = 128
"""A process that a signal ended has this and its number as exit code, so a shell says."""


class Top(App[int]):
    """Shows what a `Reader` reads. `run` returns the exit code.

    Args:
        reader: running already, with `wish` as its first.
        wish: what to show first.

    Attributes:
        failure: what nobody thought of and ended it, or None.
    """

    CSS = """
    Screen, Widget { background: ansi_default; color: ansi_default; }
    Static { height: 1; }
    #note { height: auto; display: none; color: ansi_yellow; }
    #keys { text-style: dim; }
    RunList { height: 2fr; min-height: 4; }
    PaneView { height: 3fr; }
    .wide #body { layout: horizontal; }
    .wide RunList { width: 1fr; height: 1fr; margin-right: 2; }
    .wide PaneView { width: 1fr; height: 1fr; }
    #help, Picker { display: none; height: 1fr; }
    """
    ENABLE_COMMAND_PALETTE = False

    class Seen(Message):
        """The reader has a new sight."""

    def __init__(self, reader: Reader, wish: Wish) -> None:
        super().__init__(ansi_color=True)
        self._reader = reader
        self._wish = wish
        self._runs = RunList(reader.sight)
        self._pane = PaneView()
        self._head, self._note = Static(markup=False), Static(id="note", markup=False)
        self._last = Static(id="keys", markup=False)
        self._help = Static(keys.ALL, id="help", markup=False)
        self._filter, self._filtering, self._zoom = Typed(), False, False
        self._ahead = deque[tuple[str, str | None]]()
        self._picker = Picker()
        self._body = Container(id="body")
        self._texts = dict[Static, str]()
        self.failure: Exception | None = None

    def compose(self) -> ComposeResult:
        """Lines about the store, list and pane, and the keys."""
        yield self._head
        yield self._note
        with self._body:
            yield self._runs
            yield self._pane
        yield self._help
        yield self._picker
        yield self._last

    def on_mount(self) -> None:
        """Show what is read so far, and all that comes."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.leave, _ENDED_BY + number)
        self._reader.show(self._announce)
        self.on_top_seen()

    def _handle_exception(self, error: Exception) -> None:
        """End, with the terminal as it was; the command says what happened, in a line."""
        self.failure = self.failure or error
        self._close_messages_no_wait()

    def _announce(self) -> None:
        self.post_message(self.Seen())

    # -- what was read ---------------------------------------------------------------------

    def on_top_seen(self) -> None:
        """Show the newest sight."""
        sight = self._reader.sight
        if sight.failed:
            self.exit(1)
        self._runs.take(sight)
        self._pane.take(sight.pane, self._wish.pane)
        self._say()
        if self._picker.display:
            self._picker.offer(sight.keys)
        while self._ahead and not self._behind:
            self._do(*self._ahead.popleft())

    def _say(self) -> None:
        sight, width = self._reader.sight, self.size.width
        self._put(self._head, headline.head(sight, str(self._reader.folder.root), width))
        note = headline.note(sight, width)
        self._note.display = bool(note)
        self._put(self._note, note)
        line = f"/{shown(self._filter.text)}_" if self._filtering else keys.fitting(width)
        self._put(self._last, terminal.cut(line, width))

    def _put(self, place: Static, text: str) -> None:
        if self._texts.get(place) != text:
            self._texts[place] = text
            place.update(text)

    # -- what is wished for ----------------------------------------------------------------

    def _ask(self, **changes: object) -> None:
        room = self._pane.size
        wish = replace(
            self._wish, first=self._runs.first, count=self._runs.rows, cursor=self._runs.cursor,
            marked=self._runs.marked, width=room.width, height=max(1, room.height - 1),
            **changes,  # type: ignore[arg-type]
        )  # fmt: skip
        if wish != self._wish:
            self._wish = wish
            self._reader.ask(wish)
            self._pane.take(self._reader.sight.pane, wish.pane)

    def on_run_list_moved(self) -> None:
        """Read the rows and the run that the cursor is on now."""
        self._ask()

    def on_pane_view_resized(self) -> None:
        """Read what fits."""
        self._ask()

    def on_resize(self, event: events.Resize) -> None:
        """Fit the lines about the store to the new width."""
        self.screen.set_class(event.size.width >= _WIDE, "wide")
        self._say()

    # -- keys: in one place, so that what is typed ahead is taken in its order ---------------

    async def on_event(self, event: events.Event) -> None:
        """Take keys and what is pasted; all else is for textual."""
        if isinstance(event, events.Key) and self._press(event.key, event.character):
            return
        if isinstance(event, events.Paste) and (typed := self._typed()) is not None:
            typed.paste(event.text)
            self._picker.rank()
            self._ask(filter=self._filter.text)
            return
        await super().on_event(event)

    def _typed(self) -> Typed | None:
        """What is being typed, if anything is."""
        if self._picker.display:
            return self._picker.typed
        return self._filter if self._filtering else None

    def _press(self, key: str, character: str | None) -> bool:
        """Do what a key is for, once the list is the one it is meant for; whether for any."""
        if key == "ctrl+c":
            self.leave(_ENDED_BY + signal.SIGINT)
            return True
        if self._ahead or self._behind:
            self._ahead.append((key, character))
            return True
        return self._do(key, character)

    @property
    def _behind(self) -> bool:
        """Whether keys would be about another list than the one that was asked for."""
        seen, wish = self._reader.sight.wish, self._wish
        same = (seen.filter, seen.sort, seen.ascending) == (wish.filter, wish.sort, wish.ascending)
        return not same and self._typed() is None

    def _do(self, key: str, character: str | None) -> bool:
        if self._picker.display:
            if self._picker.press(key, character):
                self._choose(self._picker.chosen)
        elif self._filtering:
            self._type(key, character)
        elif does := keys.DOES.get(character or "", keys.DOES.get(key)):
            name, *given = does
            getattr(self, name)(*given)
        else:
            return False
        return True

    def leave(self, code: int) -> None:
        """End with an exit code."""
        self.exit(code)

    @property
    def _at_work(self) -> RunList | PaneView:
        return self._runs if self._runs.at_work else self._pane

    def move(self, by: int) -> None:
        """Move the cursor or scroll by lines."""
        self._at_work.move(by)

    def leap(self, by: int) -> None:
        """Move the cursor or scroll by screens."""
        self._at_work.leap(by)

    def end(self, last: bool) -> None:
        """Move the cursor or scroll to the first or the last."""
        self._at_work.end(last)

    def space(self) -> None:
        """Mark a run, or scroll."""
        if self._runs.at_work:
            self._runs.mark()
        else:
            self._pane.leap(1)

    def unmark(self) -> None:
        """Take all marks away."""
        self._runs.unmark()

    def tab(self) -> None:
        """Go from the list to the pane, or back."""
        self._runs.at_work, self._pane.at_work = self._pane.at_work, self._runs.at_work
        self._zoomed()
        self._runs.refresh()
        self._pane.refresh()

    def pane(self, name: str) -> None:
        """Show a pane."""
        self._ask(pane=name)

    def sort(self) -> None:
        """Sort by the next column."""
        at = SORTS.index(self._wish.sort)
        self._ask(sort=SORTS[(at + 1) % len(SORTS)], ascending=False)

    def turn(self) -> None:
        """Sort the other way round."""
        self._ask(ascending=not self._wish.ascending)

    def page(self) -> None:
        """Show the next metrics."""
        self._ask(page=self._wish.page + 1)

    def log_scale(self) -> None:
        """Draw over a logarithmic axis, or a linear one."""
        self._ask(log=not self._wish.log)

    def axis(self) -> None:
        """Draw over time, or over steps."""
        self._ask(by_time=not self._wish.by_time)

    def zoom(self) -> None:
        """Give the whole screen to the list or the pane, or take it back."""
        self._zoom = not self._zoom
        self._zoomed()

    def _zoomed(self) -> None:
        for widget in (self._runs, self._pane):
            widget.display = widget.at_work or not self._zoom

    def all_keys(self) -> None:
        """Show all keys, or go back."""
        self._help.display = self._body.display
        self._body.display = not self._body.display

    def escape(self) -> None:
        """Go back: from the keys, else to all runs."""
        if self._help.display:
            self.all_keys()
        else:
            self._filter.text = ""
            self._ask(filter="")

    def filter(self) -> None:
        """Have a filter typed."""
        self._filtering = True
        self._say()

    def _type(self, key: str, character: str | None) -> None:
        """Take a key of the filter; it works at once."""
        if key == "escape":
            self._filter.text = ""
        else:
            self._filter.press(key, character)
        self._filtering = key not in ("enter", "escape", "tab", "down", "up")
        self._ask(filter=self._filter.text)
        self._say()

    def metrics(self) -> None:
        """Have metrics chosen, from those of the runs that the pane is about."""
        self._picker.open(self._reader.sight.keys, self._wish.metrics)
        self._picker.display = True
        self._body.display = self._last.display = False

    def _choose(self, metrics: tuple[str, ...]) -> None:
        self._picker.display = False
        self._body.display = self._last.display = True
        self._ask(metrics=metrics, page=0, pane=PANES[0])
