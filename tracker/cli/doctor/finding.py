"""A finding: what was looked at, how it stands, and the next command to type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["ok", "note", "todo", "damage"]

EXIT_CODES: dict[Level, int] = {"ok": 0, "note": 0, "todo": 1, "damage": 3}
"""A note is worth knowing and asks for nothing."""


@dataclass(frozen=True)
class Finding:
    """One line of the report; `facts` are its figures, for `--json`."""

    area: str
    level: Level
    text: str
    next: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Fields as `--json` prints them."""
        return {
            "area": self.area,
            "level": self.level,
            "text": self.text,
            "next": self.next,
            "facts": self.facts,
        }
