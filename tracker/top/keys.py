"""The keys: what each does, and how they are shown."""

from __future__ import annotations

from typing import Any

from tracker.cli import terminal
from tracker.top.wish import PANES

DOES: dict[str, tuple[Any, ...]] = {
    "q": ("leave", 0),
    "ctrl+q": ("leave", 0),
    **dict.fromkeys(("up", "k"), ("move", -1)),
    **dict.fromkeys(("down", "j"), ("move", 1)),
    "pageup": ("leap", -1),
    "pagedown": ("leap", 1),
    **dict.fromkeys(("home", "g"), ("end", False)),
    **dict.fromkeys(("end", "G"), ("end", True)),
    "tab": ("tab",),
    "/": ("filter",),
    "escape": ("escape",),
    "s": ("sort",),
    "r": ("turn",),
    " ": ("space",),
    "u": ("unmark",),
    "m": ("metrics",),
    "n": ("page",),
    "l": ("log_scale",),
    "x": ("axis",),
    "z": ("zoom",),
    "?": ("all_keys",),
    **{str(number): ("pane", name) for number, name in enumerate(PANES, 1)},
}
"""The method of `Top`, and what it is given, of each key by its character or else its name.

Ctrl-C ends it, whatever is being done.
"""

SHORT = (
    "q quit", "/ filter", "s sort", "space mark", "m metrics", "1-5 pane", "z zoom", "? all keys",
)  # fmt: skip
"""Those in the last line, as many as fit; the last one always."""

ALL = """\
up down pgup pgdn  move the cursor or scroll (also j k)
home end           to the first or last (also g G); on the first the cursor
                   stays on whichever run is the newest
tab                from the list to the pane, and back
/                  filter, as you type; enter keeps it, esc shows all again
s  r               sort by the next column; the other way round
space  u           mark a run, to lay its curves over others'; unmark all
1 2 3 4 5          curves, system, console, sync, config
m                  choose metrics, by the nearest of what you type
n                  the next metrics, where they do not all fit
l                  logarithmic or linear
x                  over steps, or over the time since the start
z                  the whole screen for the list or the pane, and back
?                  these keys, and back
q  ctrl-c          quit
"""


def fitting(width: int) -> str:
    """The keys of the last line."""
    kept = list(SHORT)
    while len(kept) > 1 and terminal.columns("  ".join(kept)) > width:
        kept.pop(-2)
    return terminal.cut("  ".join(kept), width)
