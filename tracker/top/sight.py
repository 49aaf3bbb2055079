"""`Sight`: what was read for a wish, ready to be put on the screen."""

from __future__ import annotations

from dataclasses import dataclass, field

from tracker.top.listing import Row
from tracker.top.wish import Wish


@dataclass(frozen=True)
class Pane:
    """What stands in the pane: lines with ANSI colours, all else in them is safe to print.

    `of` names what they are about: while it stays the same, so does the place scrolled to.
    """

    of: tuple[str, ...] = ()
    title: str = ""
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sight:
    """An answer to a wish.

    Attributes:
        wish: the wish.
        filter: the one that `ids` match; an older one while the newest cannot be read.
        ids: of all runs that match, in their order.
        rows: those on the screen, by id.
        runs, running: how many the store has.
        metric: whose last values stand in the rows; None if there is none.
        keys: metrics of the runs that the pane is about, to choose from.
        pane: what stands there.
        sync: how delivery stands, in a few words.
        note: what a person must know of what is seen, or None.
        failed: what nobody thought of; the screen cannot go on.
    """

    wish: Wish
    filter: str = ""
    ids: list[str] = field(default_factory=list)
    rows: dict[str, Row] = field(default_factory=dict)
    runs: int = 0
    running: int = 0
    metric: str | None = None
    keys: tuple[str, ...] = ()
    pane: Pane = Pane()
    sync: str = ""
    note: str | None = None
    failed: str | None = None
