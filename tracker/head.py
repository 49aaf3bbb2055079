"""What a run is called and described with when it begins, within bounds.

The bounds see to it that the first event of a journal, which carries all of this, always
fits a record (see `tracker.journal`): texts outside them are refused before anything is
written.
"""

from __future__ import annotations

import os
from typing import Any

from tracker.errors import BadInput
from tracker.fields import TagsGiven, tags_of
from tracker.identity import new_name
from tracker.values import brief, text_of

MOST_CHARACTERS = {
    "project": 1000, "name": 1000, "group": 1000, "job_type": 1000, "notes": 100_000,
}  # fmt: skip
"""Of each text, the most characters."""

MOST_TAGS = 1000
MOST_TAG_NAME = 250
MOST_TAG_VALUE = 5000
MOST_TAG_TEXT = 500_000
"""Characters of all tags' names and values together."""


def head_of(
    *,
    project: str | None,
    name: str | None,
    tags: TagsGiven,
    group: str | None,
    job_type: str | None,
    notes: str | None,
) -> dict[str, Any]:
    """The head of a run from the arguments of `tracker.init`, the environment and defaults.

    Raises:
        BadInput: a text is too long, or tags cannot be used; names the field and its limit.
    """
    env = os.environ.get
    head: dict[str, Any] = {
        "project": text_of(project or env("TRACKER_PROJECT") or "default"),
        "name": text_of(name or env("TRACKER_NAME") or new_name()),
        "group": _optional(group or env("TRACKER_GROUP")),
        "job_type": _optional(job_type),
        "notes": _optional(notes),
    }
    for field, text in head.items():
        _bound(field, text or "", MOST_CHARACTERS[field])
    return head | {"tags": _bounded(tags_of(tags if tags is not None else env("TRACKER_TAGS")))}


def _optional(text: str | None) -> str | None:
    return text_of(text) if text else None


def _bound(field: str, text: str, most: int) -> None:
    if len(text) > most:
        raise BadInput(
            f"{field}={brief(text)} is too long: {len(text):,} characters, {most:,} is the most. "
            "Keep long texts as an artifact: run.log_artifact."
        )


def _bounded(tags: dict[str, str]) -> dict[str, str]:
    for name, value in tags.items():
        _bound("tag", name, MOST_TAG_NAME)
        _bound(f"tag {name!r}", value, MOST_TAG_VALUE)
    if "" in tags:
        nameless = "=" + tags[""]
        raise BadInput(
            f"tags: {brief(nameless)} has no name. Write a tag as name or as name=value."
        )
    total = sum(len(name) + len(value) for name, value in tags.items())
    if len(tags) > MOST_TAGS or total > MOST_TAG_TEXT:
        raise BadInput(
            f"tags: {len(tags):,} of together {total:,} characters are too many; at most "
            f"{MOST_TAGS:,} of {MOST_TAG_TEXT:,} characters. Keep them in config instead."
        )
    return tags
