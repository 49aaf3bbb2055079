"""Finding the run that a person means."""

from __future__ import annotations

from typing import Any

from tracker.errors import RunError
from tracker.index import Index
from tracker.query.records import moment
from tracker.query.runview import COLUMNS, RunView

PREFIX_MIN = 4
"""Characters of a run id that are enough to name it."""

_LISTED = 10
_COMPARED = 2000
"""Newest runs whose names are compared with one that was not found."""


def resolve(index: Index, ref: str) -> RunView:
    """Find the run with this id, this beginning of its id, or this name.

    A whole id always means its run, whatever others are called.

    Raises:
        RunError: no run or several are meant; names the nearest or all of them.
    """
    exact = _select(index, "id = ?", ref)
    found = exact or _select(
        index,
        "name = ? OR (length(?) >= ? AND id >= ? AND id < ?)",
        ref, ref, PREFIX_MIN, ref, ref + "\U0010ffff",
    )  # fmt: skip
    if len(found) == 1:
        return RunView(index, found[0])
    raise RunError(_ambiguous(ref, found) if found else _unknown(index, ref) + index.doubt)


def referred(index: Index, ref: str) -> RunView:
    """Find the run that is meant, as `resolve` does; or else the only one with a tag of that name.

    Raises:
        RunError: no run or several are meant.
    """
    try:
        return resolve(index, ref)
    except RunError:
        tagged = _select(index, "id IN (SELECT run FROM tags WHERE tag = ?)", ref)
        if not tagged:
            raise
    if len(tagged) > 1:
        raise RunError(f"{len(tagged)} runs have the tag {ref!r}. {_ambiguous(ref, tagged)}")
    return RunView(index, tagged[0])


def _select(index: Index, condition: str, *values: Any) -> list[tuple[Any, ...]]:
    return index.query(
        f"SELECT {COLUMNS} FROM runs WHERE {condition} ORDER BY started_at DESC, id DESC",  # noqa: S608 - ours
        values,
    )


def _ambiguous(ref: str, found: list[tuple[Any, ...]]) -> str:
    lines = [f"{ref!r} could be {len(found)} runs. Give one of these ids:"]
    for row in found[:_LISTED]:
        began = moment(row[7]).strftime("%Y-%m-%d %H:%M:%S")
        lines.append(f"  {row[0]}  {row[2]}  {row[6]}  {began} UTC  {row[1]}")
    if len(found) > _LISTED:
        lines.append(f"  and {len(found) - _LISTED} older ones")
    return "\n".join(lines)


def _unknown(index: Index, ref: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for an error

    newest = index.query("SELECT id, name FROM runs ORDER BY started_at DESC LIMIT ?", (_COMPARED,))
    where = index.folder.root
    if not newest:
        return f"no run {ref!r}: the store {where} has none yet. tracker.init() begins one."
    if 0 < len(ref) < PREFIX_MIN and any(run.startswith(ref) for run, _ in newest):
        return f"no run is named {ref!r}; of an id give at least {PREFIX_MIN} characters."
    names = dict.fromkeys(name for pair in newest for name in (pair[1], pair[0]) if name)
    near = get_close_matches(ref, names, 3, 0.5)
    hint = f"Nearest: {', '.join(near)}." if near else "`tracker ls` lists all."
    return f"no run {ref!r} in the store {where}. {hint}"
