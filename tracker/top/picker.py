"""`Picker`: choosing metrics by the nearest of what is typed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tracker.cli import terminal
from tracker.notice import shown
from tracker.top.choice import ranked
from tracker.top.typed import Typed

_KEYS = "enter only this  tab add or take away  esc done"
_BEFORE = "metric: "


class Picker(Widget):
    """What is typed, and the names that match with a cursor; those chosen are marked.

    Attributes:
        typed: what is typed.
        chosen: the metrics that are chosen, in their order.
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: Sequence[str] = ()
        self._names: list[str] = []
        self._place = 0
        self.typed = Typed()
        self.chosen: tuple[str, ...] = ()

    def open(self, keys: Sequence[str], chosen: tuple[str, ...]) -> None:
        """Have some of the keys chosen."""
        self.chosen, self.typed, self._keys = chosen, Typed(), ()
        self.offer(keys)
        self.rank()

    def offer(self, keys: Sequence[str]) -> None:
        """Have them chosen from these keys, the chosen ones before them."""
        found = list(dict.fromkeys((*self.chosen, *keys)))
        if sorted(found) != sorted(self._keys):
            self._keys = found
            self.rank()

    def rank(self) -> None:
        """Show the nearest of what is typed."""
        self._names = ranked(self.typed.text, self._keys)
        self._place = 0
        self.refresh()

    def press(self, key: str, character: str | None) -> bool:
        """Take a key; whether choosing is over."""
        name = self._names[self._place] if self._names else None
        if key in ("up", "down"):
            by = 1 if key == "down" else -1
            self._place = max(0, min(self._place + by, len(self._names) - 1))
        elif key == "tab" and name is not None:
            without = tuple(one for one in self.chosen if one != name)
            self.chosen = without if name in self.chosen else (*without, name)
        elif key == "enter":
            self.chosen = self.chosen if name is None else (name,)
        elif self.typed.press(key, character):
            self.rank()
        self.refresh()
        return key in ("enter", "escape")

    def render_line(self, y: int) -> Strip:
        """Draw what is typed, a name, or in the last line the keys."""
        width, height = self.size
        if y == 0:
            text = terminal.cut(f"{_BEFORE}{shown(self.typed.text)}", width - 1)
            segments = [Segment(text), Segment(" ", Style(reverse=True))]
        elif y == height - 1:
            segments = [Segment(_KEYS, Style(dim=True))]
        else:
            segments = [self._line(y - 1 + max(0, self._place - height + 3), width, first=y == 1)]
        return Strip(segments).adjust_cell_length(width)

    def _line(self, place: int, width: int, *, first: bool) -> Segment:
        if place < len(self._names):
            name = self._names[place]
            mark = "* " if name in self.chosen else "  "
            here = Style(reverse=place == self._place)
            return Segment(terminal.fitted(mark + shown(name), width), here)
        if not first or self._names:
            return Segment("")
        why = "no metric is named like that" if self._keys else "no metric was logged yet"
        return Segment(f"  {why}", Style(dim=True))
