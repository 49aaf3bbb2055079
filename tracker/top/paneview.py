"""`PaneView`: the pane, with the names of all panes above its lines."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tracker.cli import terminal
from tracker.top.sight import Pane
from tracker.top.wish import PANES

_FOLLOWING = "console"
"""The pane whose last lines are shown, until a person scrolls up."""


class PaneView(Widget):
    """Lines of a pane, scrolled.

    Attributes:
        at_work: whether keys scroll it.
    """

    class Resized(Message):
        """There is room for more or less."""

    def __init__(self) -> None:
        super().__init__()
        self._pane = Pane()
        self._wanted = PANES[0]
        self._first = 0
        self._at_end = False
        self.at_work = False

    @property
    def rows(self) -> int:
        """How many lines there is room for."""
        return max(1, self.size.height - 1)

    def take(self, pane: Pane, name: str) -> None:
        """Show lines; of the pane `name`, which may still be being read."""
        if pane is self._pane and name == self._wanted:
            return
        if pane.of != self._pane.of:
            self._at_end = pane.of[:1] == (_FOLLOWING,)
            self._first = 0
        self._pane, self._wanted = pane, name
        self._go(self._last if self._at_end else self._first)

    @property
    def _last(self) -> int:
        return max(0, len(self._pane.lines) - self.rows)

    def _go(self, first: int) -> None:
        self._first = max(0, min(first, self._last))
        if self._pane.of[:1] == (_FOLLOWING,):
            self._at_end = self._first == self._last
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the names of the panes or a line."""
        width = self.size.width
        if y == 0:
            return Strip(self._names(width)).adjust_cell_length(width)
        at = self._first + y - 1
        if self._pane.of[:1] != (self._wanted,):
            text = Text("reading ..." if y == 1 else "", style="dim")
        else:
            text = Text.from_ansi(self._pane.lines[at] if at < len(self._pane.lines) else "")
        segments = [one for one in text.render(self.app.console) if one.text]
        return Strip(segments).adjust_cell_length(width)

    def _names(self, width: int) -> list[Segment]:
        segments = list[Segment]()
        for number, name in enumerate(PANES, 1):
            here = name == self._wanted
            style = Style(bold=here, reverse=here and self.at_work, underline=here, dim=not here)
            segments += [Segment(f"{number} {name}", style), Segment("  ")]
        used = sum(segment.cell_length for segment in segments)
        rest = width - used
        place = ""
        if self._last:
            place = f"  {self._first + 1}-{self._first + self.rows} of {len(self._pane.lines)}"
        title = terminal.cut(self._pane.title, max(0, rest - len(place))) + place
        title = terminal.cut(title, max(0, rest))
        pad = width - used - terminal.columns(title)
        return [*segments, Segment(" " * max(0, pad) + title)]

    def move(self, by: int) -> None:
        """Scroll by lines."""
        self._go(self._first + by)

    def leap(self, by: int) -> None:
        """Scroll by screens."""
        self._go(self._first + by * max(1, self.rows - 1))

    def end(self, last: bool) -> None:
        """Scroll to the first or the last line."""
        self._go(self._last if last else 0)

    def on_mouse_scroll_down(self) -> None:
        """Scroll on."""
        self._go(self._first + 3)

    def on_mouse_scroll_up(self) -> None:
        """Scroll back."""
        self._go(self._first - 3)

    def on_resize(self) -> None:
        """Wish for lines that fit."""
        self.post_message(self.Resized())
