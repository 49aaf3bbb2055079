"""Media: what can be logged beside numbers and texts, as files and what belongs to them.

`about` is wandb's own typed JSON ("_type": "image-file" and so on) without the places of the
files, so that a delivery to W&B, or an export to its format, gives it back. Files of one event
stand in the order of the things logged; what hangs on them (masks, boxes) comes behind them all
and is named in `about` by its SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any, ClassVar, NamedTuple

from tracker.errors import BadInput
from tracker.events import Json
from tracker.values import brief


class File(NamedTuple):
    """A file of a media event: its name without folders, its bytes or where they are."""

    name: str
    content: bytes | Path


class Logged(NamedTuple):
    """What `tracker.Run.log_media` is given."""

    form: str
    files: list[File]
    about: dict[str, Json]


class Media:
    """A thing to log. Its content is taken when it is made, that of a path when it is logged.

    Attributes:
        form: the word of the event for it.
        type: wandb's word for one of it.
        many: wandb's word for several of it in one list, or "" where there is none.
        listed: under which key of `about` each of several has its own entry, or "".
        caption: a text below it, or None.
    """

    form: ClassVar[str]
    type: ClassVar[str]
    many: ClassVar[str] = ""
    listed: ClassVar[str] = ""

    def __init__(self, file: File | None = None, caption: str | None = None) -> None:
        self._file = file
        self.caption = caption

    def files(self) -> list[File]:
        """Its own file, where it has one."""
        return [] if self._file is None else [self._file]

    def extras(self) -> list[File]:
        """Files that hang on it."""
        return []

    def about(self) -> dict[str, Json]:
        """Give wandb's typed JSON of it."""
        caption = {} if self.caption is None else {"caption": self.caption}
        return {"_type": self.type, **caption}

    @classmethod
    def together(cls, items: Sequence[Any]) -> dict[str, Json]:
        """Give wandb's typed JSON of several in one list."""
        found = {"_type": cls.many, "count": len(items), cls.listed: [i.about() for i in items]}
        captions = [item.caption for item in items]
        return found | ({"captions": [c or "" for c in captions]} if any(captions) else {})


def logged(value: Media | Sequence[Media]) -> Logged:
    """Give what is logged of a thing, or of several of one kind."""
    if isinstance(value, Media):
        return Logged(value.form, [*value.files(), *value.extras()], value.about())
    kind = type(value[0])
    files = [file for item in value for file in item.files()]
    numbered = [File(f"{i}{PurePath(file.name).suffix}", file.content)
                for i, file in enumerate(files)]  # fmt: skip
    extras = [file for item in value for file in item.extras()]
    return Logged(kind.form, numbered + extras, kind.together(value))


def mark(content: bytes) -> dict[str, Json]:
    """How `about` names a file that hangs on another one."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def given_file(source: Any, allowed: Sequence[str], file_type: str | None = None) -> File:
    """Give the file of a path, or of something to read from, whose type `file_type` tells then.

    Raises:
        BadInput: it is of none of the `allowed` types.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        found = File(path.name, path)
    else:
        if callable(getattr(source, "seek", None)):
            source.seek(0)
        content = source.read()
        data = content.encode() if isinstance(content, str) else bytes(content)
        found = File(f"data.{file_type or ''}", data)
    if not any(found.name.lower().endswith(f".{suffix}") for suffix in allowed):
        raise BadInput(
            f"{brief(found.name)} cannot be logged as this kind of media: its type is to be one of "
            f"{', '.join(allowed)}. Name the file so, or give the type."
        )
    return found
