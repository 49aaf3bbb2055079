"""How damage of a run's journals is told: its places, and what of it is to be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracker.cli import wording
from tracker.cli.doctor.finding import Finding
from tracker.journal import Gap
from tracker.query import Damage

NEWER = "newer format"
UNREADABLE = "unreadable"

_PLACES = 3
"""Places that are told in words; `--json` has all."""


def finding_of(run_id: str, name: str, gaps: Sequence[Gap | Damage], step: str) -> Finding:
    """The finding that a run with these gaps, none of them harmless, deserves."""
    places = "; ".join(place(gap) for gap in gaps[:_PLACES])
    if len(gaps) > _PLACES:
        places += f"; and {wording.counted(len(gaps) - _PLACES, 'more place')}"
    facts: dict[str, Any] = {
        "run": run_id,
        "gaps": len(gaps),
        "events_lost": sum(map(_lost, gaps)),
        "places": [_facts(gap) for gap in gaps],
    }
    text = f"run {name or run_id} is damaged: {places}. All else is read"
    return Finding("runs", "damage", text, step, facts)


def place(gap: Gap | Damage) -> str:
    """Where a gap is, and which events it cost."""
    where = f"{gap.kind} in {gap.file} at byte {gap.offset}, {wording.counted(gap.length, 'byte')}"
    if gap.first_seq is None:
        return where
    if gap.first_seq == gap.last_seq:
        return f"{where}, event {gap.first_seq} lost"
    return f"{where}, events {gap.first_seq} to {gap.last_seq} lost"


def is_damage(gap: Gap | Damage) -> bool:
    """Whether promised bytes are lost; what we may not or cannot read yet may be whole."""
    return not gap.harmless and gap.kind != UNREADABLE and not gap.kind.startswith(NEWER)


def _lost(gap: Gap | Damage) -> int:
    if gap.first_seq is None or gap.last_seq is None:
        return 0
    return gap.last_seq - gap.first_seq + 1


def _facts(gap: Gap | Damage) -> dict[str, Any]:
    fields = ("file", "offset", "length", "kind", "first_seq", "last_seq")
    return {field: getattr(gap, field) for field in fields}
