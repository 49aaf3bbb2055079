"""`RunList`: the list of runs, of which only the rows on the screen exist."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tracker.cli import terminal, wording
from tracker.notice import shown
from tracker.top.colours import SERIES, STATUSES
from tracker.top.listing import Row
from tracker.top.sight import Sight

_GAP = 2
_NAME_LEAST, _PROJECT_LEAST = 14, 10
_METRIC = 12
_LETTERS = string.ascii_lowercase
"""Of the marked runs, in their order; the curves bear the same."""

MOST_MARKED = len(_LETTERS)


class Column(NamedTuple):
    """A column: what it is sorted by, its width, and how a row's text is made."""

    sort: str
    heading: str
    width: int
    text: Callable[[Row], str]
    right: bool = False


def columns(width: int, metric: str | None) -> list[Column]:
    """Lay the list out: the project gives way first, then the start."""
    fixed = [
        Column("status", "STATUS", 8, lambda row: shown(row.run.status)),
        Column("started", "STARTED", 11, lambda row: wording.short_time(row.run.started_at)),
        Column("took", "TOOK", 6, _took, right=True),
        Column("metric", shown(metric or "").upper() or "-", _METRIC, _last, right=True),
    ]
    rest = width - 2 - sum(column.width + _GAP for column in fixed)
    if rest < _NAME_LEAST:
        rest += fixed.pop(1).width + _GAP
    found = [Column("name", "NAME", max(1, rest), lambda row: shown(row.run.name) or "?"), *fixed]
    project = max(_PROJECT_LEAST, (rest - _GAP) * 2 // 5)
    if rest - project - _GAP >= _NAME_LEAST:
        found[0] = found[0]._replace(width=rest - project - _GAP)
        text = Column("project", "PROJECT", project, lambda row: shown(row.run.project) or "?")
        found.insert(1, text)
    return found


def _took(row: Row) -> str:
    return wording.duration(row.run.duration.total_seconds())


def _last(row: Row) -> str:
    return "" if row.last is None else wording.number(row.last)


class RunList(Widget):
    """The runs in their order, with a cursor and marks.

    Attributes:
        cursor: id of the run that the cursor is on; None: the first, whichever that is.
        marked: ids of marked runs, in the order of marking.
        first: which of the rows is the uppermost on the screen.
        at_work: whether keys move its cursor.
    """

    class Moved(Message):
        """The cursor, the marks or what is on the screen changed."""

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self._sight = sight
        self._place = 0
        self._drawn: list[Strip] = []
        self.cursor: str | None = None
        self.marked: tuple[str, ...] = ()
        self.first = 0
        self.at_work = True

    @property
    def rows(self) -> int:
        """How many rows there is room for."""
        return max(1, self.size.height - 1)

    def take(self, sight: Sight) -> None:
        """Show what was read; the cursor stays on its run, and that on its line."""
        before = self.first, self.cursor
        if sight.ids is not self._sight.ids:
            line = self._place - self.first
            self._find(sight.ids)
            self.first = self._place - line
        self._sight = sight
        self._fit()
        self._redraw()
        if (self.first, self.cursor) != before:  # other rows are on the screen now
            self.post_message(self.Moved())

    def _redraw(self) -> None:
        """Send those lines alone that are others now: a slow connection has to carry them."""
        width, height = self.size
        lines = [self.render_line(y) for y in range(height)]
        if len(lines) != len(self._drawn):
            self.refresh()
        for y, (line, before) in enumerate(zip(lines, self._drawn, strict=False)):
            if line != before:
                self.refresh(Region(0, y, width, 1))
        self._drawn = lines

    def _find(self, ids: list[str]) -> None:
        if self.cursor is None or not ids:
            self._place = 0
        elif self.cursor in ids:
            self._place = ids.index(self.cursor)
        else:  # it is gone, or filtered out: the one that took its place
            self._place = min(self._place, len(ids) - 1)
            self.cursor = ids[self._place]

    def _fit(self) -> None:
        """Have the cursor on the screen, and no empty lines where there are rows for them."""
        least = max(0, self._place - self.rows + 1)
        most = max(0, min(self._place, len(self._sight.ids) - self.rows))
        self.first = min(max(self.first, least), max(most, least))

    # -- drawing ---------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw the headings or a row."""
        width = self.size.width
        laid_out = columns(width, self._sight.metric)
        if y == 0:
            segments = self._headings(laid_out)
        elif self.first + y - 1 < len(self._sight.ids):
            segments = self._row(self.first + y - 1, laid_out)
        else:
            segments = [Segment(self._nothing() if y == 1 else "", Style(dim=True))]
        return Strip(segments).adjust_cell_length(width)

    def _nothing(self) -> str:
        if self._sight.filter:
            return "  no run is like that; esc shows all"
        return "" if self._sight.note else "  no runs yet; tracker.init() begins one"

    def _headings(self, laid_out: list[Column]) -> list[Segment]:
        wish = self._sight.wish
        segments = [Segment("  ")]
        for column in laid_out:
            by = column.sort == wish.sort
            text = column.heading
            if by:
                text = terminal.cut(text, column.width - 1) + ("▲" if wish.ascending else "▼")
            text = terminal.fitted(text, column.width, right=column.right)
            segments.append(Segment(text + " " * _GAP, Style(bold=by, dim=not by)))
        return segments

    def _row(self, place: int, laid_out: list[Column]) -> list[Segment]:
        run_id = self._sight.ids[place]
        row = self._sight.rows.get(run_id)
        here = Style(reverse=self.at_work, bold=True) if place == self._place else Style()
        segments = [self._mark(run_id, here, at=place == self._place)]
        if row is None:  # it is being read
            return [*segments, Segment(terminal.fitted("...", self.size.width), here)]
        for column in laid_out:
            text = terminal.fitted(column.text(row), column.width, right=column.right)
            colour = STATUSES.get(row.run.status) if column.sort == "status" else None
            segments += [Segment(text, here + Style(color=colour)), Segment(" " * _GAP, here)]
        return segments

    def _mark(self, run_id: str, here: Style, *, at: bool) -> Segment:
        if run_id in self.marked:
            number = self.marked.index(run_id)
            style = here + Style(color=SERIES[number % len(SERIES)], bold=True)
            return Segment(f"{_LETTERS[number]} ", style)
        return Segment("> " if at else "  ", here)

    # -- moving ----------------------------------------------------------------------------

    def _go(self, place: int) -> None:
        ids = self._sight.ids
        if ids:
            self._place = max(0, min(place, len(ids) - 1))
            self.cursor = ids[self._place] if self._place else None
            self._changed()

    def _changed(self) -> None:
        self._fit()
        self._redraw()
        self.post_message(self.Moved())

    def move(self, by: int) -> None:
        """Move the cursor by some rows."""
        self._go(self._place + by)

    def leap(self, by: int) -> None:
        """Move it by screens."""
        self._go(self._place + by * self.rows)

    def end(self, last: bool) -> None:
        """Move it to the first or the last row; on the first it stays, whatever comes."""
        self._go(len(self._sight.ids) if last else 0)

    def mark(self) -> None:
        """Mark the run at the cursor, or take its mark away, and go on to the next."""
        ids = self._sight.ids
        if not ids:
            return
        run_id = ids[self._place]
        if run_id in self.marked:
            self.marked = tuple(one for one in self.marked if one != run_id)
        elif len(self.marked) < MOST_MARKED:
            self.marked = (*self.marked, run_id)
        self._go(self._place + 1)

    def unmark(self) -> None:
        """Take all marks away."""
        self.marked = ()
        self._changed()

    def on_mouse_scroll_down(self) -> None:
        """Move on."""
        self._go(self._place + 3)

    def on_mouse_scroll_up(self) -> None:
        """Move back."""
        self._go(self._place - 3)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row that was clicked."""
        if event.y:
            self._go(self.first + event.y - 1)

    def on_resize(self) -> None:
        """Wish for as many rows as there is room for."""
        self._changed()
